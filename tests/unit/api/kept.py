"""A Kubernetes that keeps sources, destinations, pipelines and Secrets, and what was done to them in which order."""

import asyncio
import re

from headrace import names
from headrace.cluster import Listing
from headrace.errors import ConflictError, NotFoundError

CREATED = "2026-03-01T12:00:00Z"
UID = "2d1f6c1e-8d0b-4b7a-9a43-7e5d2c9b6f31"


class Kubernetes:
    """Keeps what is made, and a list of what was done; `refuses` what is to fail, and how: of a list, one each time.

    What is in `hangs` does so once, after so many that did not: before anything is done, or its `answer`.
    """

    def __init__(self, *pipelines, refuses=None):
        self.done = []
        self.hangs = {}
        self.between = {}
        """What others do right after a call of ours, once."""
        self.refuses = refuses or {}
        self.secrets = {}
        self.version = 0
        self.kept = {names.PIPELINE_PLURAL: dict(pipelines)}

    async def list(self, plural, *, field_selector=""):
        await self._wait("list")
        self._refuse("list")
        path, _, value = field_selector.partition("=")
        field = path.removeprefix("spec.")
        found = self.kept.setdefault(plural, {}).values()
        return Listing([r for r in found if not path or r["spec"].get(field, "") == value], str(self.version))

    async def get(self, plural, name):
        await asyncio.sleep(0)
        return self.kept.setdefault(plural, {}).get(name)

    async def create(self, plural, body):
        await self._do("create", body["metadata"]["name"])
        if body["metadata"]["name"] in self.kept.setdefault(plural, {}):
            raise ConflictError("taken")
        uid = f"00000000-0000-0000-0000-{self.version:012}"
        metadata = {**body["metadata"], "uid": uid, "creationTimestamp": CREATED}
        created = self._keep(plural, {**body, "metadata": metadata})
        await self._answer("create")
        return created

    async def patch(self, plural, name, patch, *, resource_version=None):
        await self._do("patch", name)
        resource = self.kept[plural][name]
        if resource_version not in {None, resource["metadata"]["resourceVersion"]}:
            raise ConflictError("moved on")
        written = self._keep(plural, merged(resource, patch))
        await self._answer("patch")
        return written

    async def delete(self, plural, name, *, uid, resource_version):
        await self._do("delete", name)
        del self.kept[plural][name]

    async def create_secret(self, body):
        await self._do("create secret", body["metadata"]["name"])
        self.version += 1
        metadata = {**body["metadata"], "uid": f"secret-{self.version}"}
        self.secrets[metadata["name"]] = {**body, "metadata": metadata}
        await self._answer("create secret")
        return {"metadata": metadata}

    async def delete_secret(self, name, *, uid=None):
        await self._do("delete secret", name)
        if name not in self.secrets:
            raise NotFoundError("gone")
        if uid not in {None, self.secrets[name]["metadata"]["uid"]}:
            raise ConflictError(f"UID in object meta: {self.secrets[name]['metadata']['uid']}")
        del self.secrets[name]

    async def _do(self, what, name):
        self.done.append(f"{what} {re.sub('[0-9a-f]{8}', '#', name)}")
        await self._wait(what)
        self._refuse(what)

    async def _answer(self, what):
        self.between.pop(what, lambda: None)()
        await self._wait(f"answer to {what}")
        self._refuse(f"answer to {what}")

    async def _wait(self, what):
        await asyncio.sleep(0)
        left = self.hangs.pop(what, None)
        if left:
            self.hangs[what] = left - 1
        elif left == 0:
            await asyncio.sleep(3600)

    def _refuse(self, what):
        refused = self.refuses.get(what)
        error = refused.pop(0) if isinstance(refused, list) and refused else refused
        if error:
            raise error

    def _keep(self, plural, resource):
        self.version += 1
        kept = {**resource, "metadata": {**resource["metadata"], "resourceVersion": str(self.version)}}
        self.kept[plural][kept["metadata"]["name"]] = kept
        return kept


def merged(old, patch):
    """RFC 7386."""
    new = dict(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        else:
            new[name] = merged(new.get(name) or {}, value) if isinstance(value, dict) else value
    return new


def pipeline(name, **spec):
    metadata = {"name": name, "uid": f"uid-{name}", "creationTimestamp": CREATED, "resourceVersion": "1"}
    return name, {"metadata": metadata, "spec": {"name": name, "targetTable": "a.b", **spec}}


def source(name, uid=UID):
    metadata = {"name": name, "uid": uid, "creationTimestamp": CREATED, "generation": 1, "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {"name": name, "host": "films.example.com", "database": "films"}}
