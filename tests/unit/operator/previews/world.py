"""Kubernetes and the store in memory, as far as a preview needs them; a process can die at any call to them."""

import base64
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace import names
from headrace.cluster import Listing
from headrace.errors import ConflictError, NotFoundError
from headrace.lifecycle.observed import ProgressSeen, StoreSeen
from headrace.runspec import RunSpec
from headrace.store.records import RunRecord

Manifest = dict[str, Any]
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OURS = {names.RUN_PLURAL, names.SOURCE_PLURAL, names.DESTINATION_PLURAL}


class DiedError(Exception):
    """The operator's process is killed."""


@dataclass
class World:
    """What outlives a process. It dies at the call number `dies_at`, before or after that has an effect."""

    there: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    """The store's runs: their status."""
    specs: dict[str, RunSpec] = field(default_factory=dict)
    outcome: str | None = None
    """What the runner says, once there is a Job."""
    message: str | None = None
    found: Manifest | None = None
    dies_at: int | None = None
    after: bool = False
    calls: int = 0
    made: list[str] = field(default_factory=list)
    """The Jobs that were made."""
    pods: Sequence[str] = ()
    """What is left of a preview's pods: the phase of each."""
    passed: timedelta = timedelta()
    _version: int = 0

    def now(self) -> datetime:
        return START + self.passed

    def put(self, plural: str, name: str, spec: Manifest, **more: Any) -> None:
        """Makes something, as somebody else."""
        metadata = {"name": name, "uid": _uid(name), "creationTimestamp": "2026-01-02T03:04:05Z", "generation": 1}
        self._keep(plural, {"metadata": metadata, "spec": spec, "status": {}, **more})

    def names_of(self, plural: str) -> list[str]:
        return [name for kind, name in self.there if kind == plural]

    def status(self, name: str) -> Manifest:
        return dict(self.there[names.RUN_PLURAL, name]["status"])

    # Kubernetes.

    async def get(self, plural: str, name: str) -> Manifest | None:
        return deepcopy(self.there.get((plural, name)))

    async def get_secret(self, name: str) -> Manifest | None:
        return await self.get("secrets", name)

    async def list(self, plural: str, *, field_selector: str) -> Listing:
        name = field_selector.removeprefix("metadata.name=")
        found = self.there.get((plural, name))
        return Listing([deepcopy(found)] if found else [], "1")

    async def patch(
        self, plural: str, name: str, patch: Manifest, *, resource_version: str | None = None, status: bool = False
    ) -> Manifest:
        with self._call():
            found = self.there.get((plural, name))
            if found is None:
                raise NotFoundError("it is gone")
            if resource_version not in {None, found["metadata"]["resourceVersion"]}:
                raise ConflictError("it has moved on")
            return deepcopy(self._keep(plural, _merged(found, patch)))

    async def delete(self, plural: str, name: str, *, uid: str) -> None:
        with self._call():
            self._remove(plural, name)

    async def list_jobs(self, *, label_selector: str) -> Listing:
        _, _, uid = label_selector.partition("=")
        jobs = [job for (kind, _), job in self.there.items() if kind == "jobs"]
        return Listing([deepcopy(job) for job in jobs if job["metadata"]["labels"][names.RUN_LABEL] == uid], "1")

    async def list_pods(self, *, label_selector: str) -> Listing:
        return Listing([{"status": {"phase": phase}} for phase in self.pods], "1")

    async def create_job(self, body: Manifest) -> Manifest:
        with self._call():
            job = {**deepcopy(body), "status": {"active": 1, "ready": 1}}
            self.made.append(job["metadata"]["name"])
            return self._create("jobs", job)

    async def patch_job(self, name: str, patch: Manifest) -> Manifest:
        with self._call():
            suspended = {"conditions": [{"type": "Suspended", "status": "True"}]}
            return self._keep("jobs", {**_merged(self.there["jobs", name], patch), "status": suspended})

    async def delete_job(self, name: str, *, uid: str | None = None) -> None:
        with self._call():
            self._remove("jobs", name)

    async def create_secret(self, body: Manifest) -> Manifest:
        with self._call():
            return self._create("secrets", body)

    async def delete_secret(self, name: str, *, uid: str | None = None) -> None:
        with self._call():
            self._remove("secrets", name)

    # The store.

    async def save_run(self, record: RunRecord, spec: RunSpec | None = None) -> None:
        with self._call():
            self.rows.setdefault(record.run_id, record.status)
            if spec is not None:
                self.specs[record.run_id] = spec

    async def finish_run(self, run_id: str, *, status: str, finished_at: datetime, error_message: str | None) -> None:
        with self._call():
            if run_id in self.rows:
                self.rows[run_id] = status

    async def observe(self, run_uids: Sequence[str]) -> StoreSeen:
        """As a StoreWatch tells it: the runner has ended as soon as it has its Job, its Secret and its row."""
        progress: dict[str, ProgressSeen] = {}
        for uid in run_uids:
            job = self.there.get(("jobs", names.job_name(uid, 1)))
            secret = self.there.get(("secrets", names.run_secret_name(uid)))
            if job is None or secret is None or uid not in self.rows or self.outcome is None:
                continue
            job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
            progress[uid] = ProgressSeen(
                outcome=self.outcome, message=self.message, result=self.found, first_seen_at=self.now()
            )
        return StoreSeen(now=self.now(), available_for=timedelta(hours=1), progress=progress)

    # Inside.

    def _call(self) -> "_Call":
        self.calls += 1
        return _Call(dies=self.calls == self.dies_at, after=self.after)

    def _create(self, plural: str, body: Manifest) -> Manifest:
        if (plural, body["metadata"]["name"]) in self.there:
            raise ConflictError("it is there")
        return deepcopy(self._keep(plural, deepcopy(body)))

    def _remove(self, plural: str, name: str) -> None:
        if self.there.pop((plural, name), None) is None:
            raise NotFoundError("it is gone")

    def _keep(self, plural: str, resource: Manifest) -> Manifest:
        self._version += 1
        metadata = {**resource["metadata"], "resourceVersion": str(self._version)}
        kept = self.there[plural, metadata["name"]] = {**resource, "metadata": metadata}
        return kept


@dataclass(frozen=True)
class _Call:
    dies: bool
    after: bool

    def __enter__(self) -> None:
        if self.dies and not self.after:
            raise DiedError

    def __exit__(self, *_: object) -> None:
        if self.dies and self.after:
            raise DiedError


def secret(**data: str) -> Manifest:
    """What a Secret has besides its name."""
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}


def _uid(name: str) -> str:
    return f"00000000-0000-0000-0000-{abs(hash(name)) % 10**12:012d}"


def _merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    merged = {**(old if isinstance(old, Mapping) else {})}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
