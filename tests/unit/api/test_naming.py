"""Names that only one may have: what becomes of those who ask for one at the same time."""

import asyncio

import pytest

from headrace import names
from headrace.cluster import Listing
from headrace.errors import ConflictError
from headrace_api.auth.access import Access
from headrace_api.auth.authorizers import Unrestricted
from headrace_api.auth.callers import ANYBODY
from headrace_api.resources import Resources
from headrace_api.services.projects import NameTakenError, Projects


class Kubernetes:
    """Keeps projects; every call lets the others go on first."""

    def __init__(self):
        self.projects = {}
        self.version = 0

    async def list(self, plural, *, field_selector=""):
        await asyncio.sleep(0)
        name = field_selector.removeprefix("spec.name=")
        found = [p for p in self.projects.values() if not field_selector or p["spec"]["name"] == name]
        return Listing(found, str(self.version))

    async def get(self, plural, name):
        await asyncio.sleep(0)
        return self.projects.get(name)

    async def create(self, plural, body):
        await asyncio.sleep(0)
        if body["metadata"]["name"] in self.projects:
            raise ConflictError("taken")
        uid = f"00000000-0000-0000-0000-{len(self.projects):012}"
        return self._keep({**body, "metadata": {**body["metadata"], "uid": uid}})

    async def patch(self, plural, name, patch, *, resource_version=None):
        await asyncio.sleep(0)
        project = self.projects[name]
        if resource_version not in {None, project["metadata"]["resourceVersion"]}:
            raise ConflictError("moved on")
        spec = {k: v for k, v in {**project["spec"], **patch["spec"]}.items() if v is not None}
        return self._keep({**project, "spec": spec})

    def _keep(self, project):
        self.version += 1
        kept = {**project, "metadata": {**project["metadata"], "resourceVersion": str(self.version)}}
        self.projects[kept["metadata"]["name"]] = kept
        return kept

    @property
    def taken(self):
        return sorted(project["spec"]["name"] for project in self.projects.values())


def projects(kubernetes):
    resources = Resources(kubernetes).on_behalf_of(Access(ANYBODY, Unrestricted(), namespace="headrace"))
    return Projects(resources, installation="default")


async def outcomes(*calls):
    return await asyncio.gather(*calls, return_exceptions=True)


def uid(project):
    return project["metadata"]["uid"]


def test_of_many_who_make_one_name_at_once_one_gets_it():
    kubernetes = Kubernetes()

    async def many():
        return await outcomes(*(projects(kubernetes).create({"name": "Film"}) for _ in range(20)))

    results = asyncio.run(many())
    assert [isinstance(result, NameTakenError) for result in results].count(False) == 1
    assert kubernetes.taken == ["Film"]


def test_a_name_that_a_renamed_one_had_is_free_again():
    kubernetes = Kubernetes()

    async def rename_and_make():
        first = await projects(kubernetes).create({"name": "Film"})
        await projects(kubernetes).change(uid(first), {"name": "Films"})
        second = await projects(kubernetes).create({"name": "Film"})
        return first, second

    first, second = asyncio.run(rename_and_make())
    assert second["metadata"]["name"] == f"{first['metadata']['name']}-2" == f"{names.resource_name('Film')}-2"
    assert kubernetes.taken == ["Film", "Films"]


def test_a_name_is_free_again_however_many_had_it_before():
    """Some make everything under one name, and rename it then."""
    kubernetes = Kubernetes()

    async def make_and_rename():
        for number in range(55):
            made = await projects(kubernetes).create({"name": "New"})
            await projects(kubernetes).change(uid(made), {"name": f"Film {number}"})

    asyncio.run(make_and_rename())
    assert len(kubernetes.taken) == 55
    assert all(len(name) <= names.RESOURCE_NAME_LIMIT for name in kubernetes.projects)


def test_a_rename_to_a_name_that_is_taken_changes_nothing():
    kubernetes = Kubernetes()

    async def rename():
        await projects(kubernetes).create({"name": "Film"})
        other = await projects(kubernetes).create({"name": "Other", "owner": "me"})
        with pytest.raises(NameTakenError):
            await projects(kubernetes).change(uid(other), {"name": "Film", "owner": "you"})

    asyncio.run(rename())
    assert kubernetes.taken == ["Film", "Other"]
    assert {project["spec"].get("owner") for project in kubernetes.projects.values()} == {None, "me"}


def test_two_who_take_one_name_at_once_do_not_both_have_it():
    kubernetes = Kubernetes()

    async def both():
        made = [await projects(kubernetes).create({"name": name}) for name in ("a", "b")]
        return await outcomes(*(projects(kubernetes).change(uid(project), {"name": "c"}) for project in made))

    results = asyncio.run(both())
    assert any(isinstance(result, NameTakenError) for result in results)
    assert len(set(kubernetes.taken)) == 2


def test_an_empty_change_is_none():
    kubernetes = Kubernetes()

    async def change():
        made = await projects(kubernetes).create({"name": "a"})
        return made, await projects(kubernetes).change(uid(made), {})

    made, after = asyncio.run(change())
    assert after["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
