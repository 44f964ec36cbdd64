"""An API server in memory, as far as schedules need one: versions, preconditions, taken names."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from headrace import names
from headrace.cluster import Listing
from headrace.errors import ConflictError, HeadraceError
from headrace_operator.index import Index

Manifest = dict[str, Any]


class Server:
    """Notes each call; `fail` is raised by the next call of that name."""

    namespace = "headrace"

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], Manifest] = {}
        self.calls: list[str] = []
        self.events: list[Manifest] = []
        self.fail: dict[str, HeadraceError] = {}
        self._version = 0

    def put(self, plural: str, called: str, /, *, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> Manifest:
        """Makes a resource, as somebody else."""
        metadata = {"name": called, "uid": f"uid-{called}", "creationTimestamp": created, "generation": 1}
        return self._keep(plural, {"metadata": metadata, "spec": spec, "status": {}})

    def change(self, plural: str, name: str, /, **status: Any) -> Manifest:
        """Changes a status, as somebody else."""
        found = self.there[plural, name]
        return self._keep(plural, {**found, "status": {**found["status"], **status}})

    def tell(self, index: Index) -> None:
        """What a watch would tell."""
        for (plural, _), resource in self.there.items():
            index.put(plural, deepcopy(resource))

    async def get(self, plural: str, name: str) -> Manifest | None:
        self._note("get", plural)
        return deepcopy(self.there.get((plural, name)))

    async def list(self, plural: str, *, field_selector: str = "") -> Listing:
        self._note("list", plural)
        if not field_selector:
            return Listing(deepcopy([r for (p, _), r in self.there.items() if p == plural]), str(self._version))
        field, _, value = field_selector.removeprefix("spec.").partition("=")
        found = [r for (p, _), r in self.there.items() if p == plural and r["spec"].get(field) == value]
        return Listing(deepcopy(found), str(self._version))

    async def create(self, plural: str, body: Manifest) -> Manifest:
        self._note("create", plural)
        name = body["metadata"]["name"]
        if (plural, name) in self.there:
            raise ConflictError("it is there")
        metadata = {**body["metadata"], "uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
        return deepcopy(self._keep(plural, {**body, "metadata": metadata, "status": {}}))

    async def patch(
        self, plural: str, name: str, patch: Manifest, *, resource_version: str | None = None, status: bool = False
    ) -> Manifest:
        self._note("status" if status else "patch", plural)
        found = self.there[plural, name]
        if resource_version not in {None, found["metadata"]["resourceVersion"]}:
            raise ConflictError("it has moved on")
        return deepcopy(self._keep(plural, _merged(found, patch)))

    async def create_event(self, body: Manifest) -> Manifest:
        self._note("create", "events")
        self.events.append(body)
        return body

    @property
    def runs(self) -> Sequence[str]:
        """The due times that have a run, in order."""
        return sorted(r["spec"]["dueAt"] for (plural, _), r in self.there.items() if plural == names.RUN_PLURAL)

    def _note(self, verb: str, plural: str) -> None:
        self.calls.append(f"{verb} {plural}")
        if self.calls[-1] in self.fail:
            raise self.fail.pop(self.calls[-1])

    def _keep(self, plural: str, resource: Manifest) -> Manifest:
        self._version += 1
        metadata = {**resource["metadata"], "resourceVersion": str(self._version)}
        kept = self.there[plural, metadata["name"]] = {**resource, "metadata": metadata}
        return kept


def _merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    base = dict(old) if isinstance(old, dict) else {}
    merged = {**base, **{k: _merged(base.get(k), v) for k, v in patch.items() if v is not None}}
    return {k: v for k, v in merged.items() if patch.get(k, "") is not None}
