"""Pipelines made at once: what the API does when somebody takes the name between its check and its write."""

import asyncio

import pytest

from headrace.cluster import Listing
from headrace.errors import ConflictError, RefusedError
from headrace_api.auth.access import Access
from headrace_api.auth.callers import Caller
from headrace_api.auth.rights import CREATE
from headrace_api.resources import Resources
from headrace_api.services.editing import Editor

FIELDS = {"name": "films", "target_table": "analytics.films", "source_query": "SELECT 1 AS id"}


class Kubernetes:
    """Has one namesake as soon as the pipeline is made, and an operator that writes to it at once."""

    def __init__(self):
        self.pipelines = []

    async def list(self, plural, *, field_selector=""):
        return Listing(list(self.pipelines), "9")

    async def create(self, plural, body):
        made = {**body, "metadata": {**body["metadata"], "uid": "ours", "resourceVersion": "1"}}
        namesake = {"metadata": {"name": "x", "uid": "theirs", "resourceVersion": "2"}, "spec": body["spec"]}
        self.pipelines = [{**made, "metadata": {**made["metadata"], "resourceVersion": "3"}}, namesake]
        return made

    async def delete(self, plural, name, *, uid, resource_version):
        if resource_version not in {None, "3"}:
            raise ConflictError("the resource has moved on")
        self.pipelines = [p for p in self.pipelines if p["metadata"]["uid"] != uid]


class MayCreate:
    """Somebody who may make things, and not delete them."""

    async def allows(self, caller, right):
        return right.verb == CREATE


def test_a_pipeline_that_lost_its_name_is_taken_back_whatever_the_operator_wrote_to_it():
    kubernetes = Kubernetes()
    resources = Resources(kubernetes).on_behalf_of(Access(Caller(username="jane"), MayCreate(), namespace="headrace"))
    editor = Editor(resources, allowed=("analytics.*",), installation="default")
    with pytest.raises(RefusedError, match="already exists"):
        asyncio.run(editor.create(FIELDS))
    assert [p["metadata"]["uid"] for p in kubernetes.pipelines] == ["theirs"]
