"""Pipelines and runs in Kubernetes: by id live, as lists from mirrors."""

import asyncio
import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

from headrace.cluster import Cluster, Manifest
from headrace.errors import InvalidError, NotFoundError, UnavailableError
from headrace.lifecycle.state import Phase
from headrace.lifecycle.views import phase_of
from headrace.names import PIPELINE_PLURAL, RUN_PLURAL
from headrace_api.auth.access import Access
from headrace_api.auth.rights import CREATE, DELETE, PATCH, Right
from headrace_api.mirror import Mirror
from headrace_api.translate.pipelines import show_pipeline
from headrace_api.translate.runs import runs_of

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ECHO = re.compile(r"Invalid value: (\"(?:[^\"\\]|\\.)*\"|[^\s:]+):? ?", re.DOTALL)
"""Where the API server's messages repeat what was sent."""


@dataclass(frozen=True, slots=True)
class Found:
    """A pipeline and the runs that are its own."""

    pipeline: Manifest
    runs: list[Manifest]

    @property
    def id(self) -> str:
        """The pipeline's id."""
        return str(self.pipeline["metadata"]["uid"])

    @property
    def phase(self) -> Phase:
        """The pipeline's state."""
        return phase_of(self.pipeline, self.runs)

    def shown(self) -> dict[str, Any]:
        """The pipeline as callers see it."""
        return show_pipeline(self.pipeline, self.runs)

    def with_pipeline(self, pipeline: Manifest) -> Self:
        """The same after a write to the pipeline."""
        return replace(self, pipeline=pipeline)

    def with_run(self, run: Manifest) -> Self:
        """The same after a write to a run."""
        uid = run["metadata"]["uid"]
        return replace(self, runs=[*(r for r in self.runs if r["metadata"]["uid"] != uid), run])


@dataclass(slots=True)
class _Lookup:
    """The lists that were asked for because an id was not known."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    begun: int = 0


class Resources:
    """What the API reads and writes of the cluster. Every answer feeds the mirrors, so that lists show it at once.

    Writes are made on behalf of a caller, who must have the right to them: whatever a route has checked or forgotten.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pipelines = Mirror(cluster, PIPELINE_PLURAL, lambda pipeline: str(pipeline["metadata"]["name"]))
        self._runs = Mirror(cluster, RUN_PLURAL, lambda run: str(run["spec"]["pipeline"]))
        self._lookup = _Lookup()
        self._access: Access | None = None

    def on_behalf_of(self, access: Access) -> Self:
        """The same resources, as one caller may write them."""
        bound = copy.copy(self)
        bound._access = access
        return bound

    async def require(self, *rights: Right) -> None:
        """Returns when the caller has all of these rights, else raises ForbiddenError."""
        if self._access is None:
            raise RuntimeError("resources are written on behalf of a caller")
        await self._access.require(*rights)

    @property
    def filled(self) -> bool:
        """Whether Kubernetes could be read once."""
        return self._pipelines.filled and self._runs.filled

    def ages(self) -> dict[str, float]:
        """Seconds since Kubernetes was last heard of what each mirror holds."""
        return {mirror.plural: mirror.age for mirror in (self._pipelines, self._runs)}

    async def keep_current(self) -> None:
        """Follows the changes until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pipelines.run())
            group.create_task(self._runs.run())

    async def all(self) -> list[Found]:
        """All pipelines; live while changes do not arrive."""
        if not (self._pipelines.current and self._runs.current):
            await asyncio.gather(self._refresh(self._pipelines, PIPELINE_PLURAL), self._refresh(self._runs, RUN_PLURAL))
        return [
            Found(pipeline, runs_of(pipeline, self._runs.with_key(pipeline["metadata"]["name"])))
            for pipeline in self._pipelines.all()
        ]

    async def find(self, pipeline_id: str) -> Found:
        """A pipeline and its runs, live; NotFoundError."""
        name = await self._name(pipeline_id)
        pipeline, runs = await asyncio.gather(self._get(pipeline_id, name), self._runs_naming(name))
        return Found(pipeline, runs_of(pipeline, runs))

    async def find_pipeline(self, pipeline_id: str) -> Manifest:
        """A pipeline, live; NotFoundError."""
        return await self._get(pipeline_id, await self._name(pipeline_id))

    async def pipeline_name(self, pipeline_id: str) -> str | None:
        """The `metadata.name` of the pipeline with this id; None when there is none."""
        try:
            return await self._name(pipeline_id)
        except NotFoundError:
            return None

    def run_name(self, run_id: str) -> str | None:
        """The `metadata.name` of the run with this id, if its resource is there."""
        run = self._runs.get(run_id)
        return None if run is None else str(run["metadata"]["name"])

    async def pipeline_named(self, name: str) -> Manifest | None:
        """The pipeline with this `metadata.name`, live."""
        return await self._cluster.get(PIPELINE_PLURAL, name)

    async def is_taken(self, name: str, *, by_other_than: str | None = None) -> bool:
        """Whether a pipeline has this `spec.name`, live; `by_other_than`: but for the one with this uid."""
        with _installed():
            listing = await self._cluster.list(PIPELINE_PLURAL, field_selector=f"spec.name={_escape(name)}")
        return any(p["metadata"]["uid"] != by_other_than for p in listing.items)

    async def create_pipeline(self, body: Manifest) -> Manifest:
        """Creates; ConflictError when the `metadata.name` is taken."""
        await self.require(Right(CREATE, PIPELINE_PLURAL))
        with _admission(), _installed():
            return self._written(CREATE, self._pipelines, await self._cluster.create(PIPELINE_PLURAL, body))

    async def patch_pipeline(
        self, pipeline: Manifest, patch: Mapping[str, Any], *, unchanged: bool, verb: str = PATCH
    ) -> Manifest:
        """Applies a merge patch; `unchanged`: ConflictError if the pipeline is no longer as it was read.

        `verb` is the right that it needs: UPDATE for what replaces all.
        """
        await self.require(Right(verb, PIPELINE_PLURAL, pipeline["metadata"]["name"]))
        # Without a version the uid still makes sure that a namesake is not meant.
        metadata = {**patch.get("metadata", {}), "uid": pipeline["metadata"]["uid"]}
        version = pipeline["metadata"]["resourceVersion"] if unchanged else None
        with _admission(), _missing("Pipeline not found"):
            written = await self._cluster.patch(
                PIPELINE_PLURAL,
                pipeline["metadata"]["name"],
                {**patch, "metadata": metadata},
                resource_version=version,
            )
        return self._written(verb, self._pipelines, written)

    async def delete_pipeline(self, pipeline: Manifest) -> None:
        """Deletes; ConflictError if the pipeline is no longer as it was read."""
        await self.require(Right(DELETE, PIPELINE_PLURAL, pipeline["metadata"]["name"]))
        await self._delete(pipeline, version=pipeline["metadata"]["resourceVersion"])

    async def take_back(self, created: Manifest) -> None:
        """Deletes what this call has made, whatever the operator has written to it meanwhile; that needs no right."""
        await self._delete(created, version=None)

    async def create_run(self, body: Manifest) -> Manifest:
        """Creates; ConflictError when the name is taken."""
        await self.require(Right(CREATE, RUN_PLURAL))
        with _admission(), _installed():
            return self._written(CREATE, self._runs, await self._cluster.create(RUN_PLURAL, body))

    async def patch_run(self, run: Manifest, spec: Mapping[str, Any]) -> Manifest:
        """Changes fields of the run's specification; NotFoundError when it was pruned."""
        name = run["metadata"]["name"]
        await self.require(Right(PATCH, RUN_PLURAL, name))
        with _missing("Run not found"):
            patch = {"metadata": {"uid": run["metadata"]["uid"]}, "spec": dict(spec)}
            return self._written(PATCH, self._runs, await self._cluster.patch(RUN_PLURAL, name, patch))

    async def run_named(self, name: str) -> Manifest | None:
        """The run with this `metadata.name`, live."""
        return await self._cluster.get(RUN_PLURAL, name)

    async def _name(self, pipeline_id: str) -> str:
        if not _UUID.fullmatch(pipeline_id) or self._pipelines.is_gone(pipeline_id):
            raise NotFoundError("Pipeline not found")
        if self._pipelines.get(pipeline_id) is None:
            await self._look_up()
        pipeline = self._pipelines.get(pipeline_id)
        if pipeline is None:
            raise NotFoundError("Pipeline not found")
        return str(pipeline["metadata"]["name"])

    async def _look_up(self) -> None:
        """Lists all pipelines, or waits for a list that began after this call: many misses cost two lists."""
        begun = self._lookup.begun
        async with self._lookup.lock:
            if self._lookup.begun == begun:
                self._lookup.begun += 1
                await self._refresh(self._pipelines, PIPELINE_PLURAL)

    async def _refresh(self, mirror: Mirror, plural: str) -> None:
        with _installed():
            listing = await self._cluster.list(plural)
        mirror.replace(listing.items, listing.resource_version)

    async def _get(self, pipeline_id: str, name: str) -> Manifest:
        pipeline = await self._cluster.get(PIPELINE_PLURAL, name)
        if pipeline is None or pipeline["metadata"]["uid"] != pipeline_id:
            # A resource never changes its name: this one is gone, whoever has its name now.
            self._pipelines.drop(pipeline_id)
            raise NotFoundError("Pipeline not found")
        return self._noted(self._pipelines, pipeline)

    async def _runs_naming(self, name: str) -> list[Manifest]:
        with _installed():
            listing = await self._cluster.list(RUN_PLURAL, field_selector=f"spec.pipeline={_escape(name)}")
        return [self._noted(self._runs, run) for run in listing.items]

    async def _delete(self, pipeline: Manifest, version: str | None) -> None:
        metadata = pipeline["metadata"]
        with _missing("Pipeline not found"):
            await self._cluster.delete(PIPELINE_PLURAL, metadata["name"], uid=metadata["uid"], resource_version=version)
        self._pipelines.drop(metadata["uid"])
        self._note(DELETE, PIPELINE_PLURAL, metadata["name"])

    def _written(self, verb: str, mirror: Mirror, resource: Manifest) -> Manifest:
        self._note(verb, mirror.plural, resource["metadata"]["name"])
        return self._noted(mirror, resource)

    def _note(self, verb: str, plural: str, name: str) -> None:
        if self._access is not None:
            self._access.note(verb, plural, name)

    @staticmethod
    def _noted(mirror: Mirror, resource: Manifest) -> Manifest:
        mirror.put(resource)
        return resource


def _escape(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)


@contextmanager
def _missing(message: str) -> Iterator[None]:
    try:
        yield
    except NotFoundError:
        raise NotFoundError(message) from None


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        # Neither a list nor a creation names anything that could be missing but the kind and the namespace.
        raise UnavailableError(
            "Kubernetes lacks our resource definitions or the namespace", part="kubernetes"
        ) from error


@contextmanager
def _admission() -> Iterator[None]:
    try:
        yield
    except InvalidError as error:
        raise InvalidError(f"Kubernetes does not admit it: {_ECHO.sub('', error.message)}") from error
