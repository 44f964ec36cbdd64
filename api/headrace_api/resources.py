"""What the API reads and writes of the cluster: a collection for each kind, and what is read of several at once."""

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from headrace import names
from headrace.cluster import Cluster, Manifest
from headrace.errors import InvalidError, NotFoundError
from headrace.lifecycle.readings import created_at
from headrace.lifecycle.state import Phase
from headrace.lifecycle.views import phase_of
from headrace_api.auth.access import Access
from headrace_api.auth.rights import Right
from headrace_api.collection import Collection
from headrace_api.translate.pipelines import show_pipeline
from headrace_api.translate.runs import runs_of

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Found:
    """A pipeline and the runs that are its own."""

    pipeline: Manifest
    runs: list[Manifest]
    project_of: Callable[[Manifest], str | None] = lambda _: None
    """The id of the project that a pipeline is in."""

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
        return show_pipeline(self.pipeline, self.runs, self.project_of(self.pipeline))

    def with_pipeline(self, pipeline: Manifest) -> Self:
        """The same after a write to the pipeline."""
        return replace(self, pipeline=pipeline)

    def with_run(self, run: Manifest) -> Self:
        """The same after a write to a run."""
        uid = run["metadata"]["uid"]
        return replace(self, runs=[*(r for r in self.runs if r["metadata"]["uid"] != uid), run])


class Resources:
    """All kinds. Lists come from mirrors, and are live while changes do not arrive."""

    def __init__(self, cluster: Cluster) -> None:
        self.pipelines = Collection(cluster, names.PIPELINE_PLURAL, "Pipeline", _name)
        self.runs = Collection(cluster, names.RUN_PLURAL, "Run", lambda run: str(run["spec"]["pipeline"]))
        self.projects = Collection(cluster, names.PROJECT_PLURAL, "Project", _name)
        self.schedules = Collection(cluster, names.SCHEDULE_PLURAL, "Schedule", lambda s: str(s["spec"]["pipeline"]))
        self.backfills = Collection(cluster, names.BACKFILL_PLURAL, "Backfill", lambda b: str(b["spec"]["schedule"]))
        self._access: Access | None = None

    @property
    def _all(self) -> dict[str, Collection]:
        kinds = (self.pipelines, self.runs, self.projects, self.schedules, self.backfills)
        return {kind.plural: kind for kind in kinds}

    def on_behalf_of(self, access: Access) -> Self:
        """The same resources, as one caller may write them."""
        bound = copy.copy(self)
        bound._access = access
        for name in ("pipelines", "runs", "projects", "schedules", "backfills"):
            setattr(bound, name, getattr(self, name).on_behalf_of(access))
        return bound

    async def require(self, *rights: Right) -> None:
        """Returns when the caller has all of these rights, else raises ForbiddenError."""
        if self._access is None:
            raise RuntimeError("resources are written on behalf of a caller")
        await self._access.require(*rights)

    @property
    def filled(self) -> bool:
        """Whether Kubernetes could be read once."""
        return all(kind.mirror.filled for kind in self._all.values())

    def ages(self) -> dict[str, float]:
        """Seconds since Kubernetes was last heard of what each mirror holds."""
        return {plural: kind.mirror.age for plural, kind in self._all.items()}

    async def keep_current(self) -> None:
        """Follows the changes until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self._all.values():
                group.create_task(kind.mirror.run())

    async def name_of(self, plural: str, uid: str) -> str | None:
        """The `metadata.name` of what has this id; None when there is nothing. Of runs only what the mirror has."""
        kind = self._all[plural]
        if kind is self.runs:
            run = kind.known(uid)
            return None if run is None else str(run["metadata"]["name"])
        try:
            return await kind.name(uid)
        except NotFoundError:
            return None

    async def all(self) -> list[Found]:
        """All pipelines with their runs."""
        pipelines, *_ = await asyncio.gather(self.pipelines.all(), self.runs.freshen(), self.projects.freshen())
        return [
            Found(pipeline, runs_of(pipeline, self.runs.with_key(pipeline["metadata"]["name"])), self.project_of)
            for pipeline in pipelines
        ]

    async def find(self, pipeline_id: str) -> Found:
        """A pipeline and its runs, live; NotFoundError."""
        name = await self.pipelines.name(pipeline_id)
        pipeline, runs, _ = await asyncio.gather(
            self.pipelines.get(pipeline_id, name), self.runs.where("spec.pipeline", name), self.projects.freshen()
        )
        return Found(pipeline, runs_of(pipeline, runs), self.project_of)

    async def find_run(self, run_id: str) -> tuple[Manifest, Manifest | None]:
        """A run, live, and its pipeline if that is there (from the mirror); NotFoundError when it has no resource."""
        run, *_ = await asyncio.gather(self.runs.find(run_id), self.pipelines.freshen(), self.projects.freshen())
        return run, self.pipeline_of(run)

    def pipeline_of(self, resource: Manifest) -> Manifest | None:
        """The pipeline that a run or schedule is of, from the mirror: not a namesake of its owner."""
        named = self.pipelines.with_key(resource["spec"]["pipeline"])
        return next((pipeline for pipeline in named if _may_own(pipeline, resource)), None)

    def project_of(self, pipeline: Manifest) -> str | None:
        """The id of the pipeline's project, from the mirror; None also when there is no such project any more."""
        name = pipeline["spec"].get("project")
        projects = self.projects.with_key(str(name)) if name else []
        return str(projects[-1]["metadata"]["uid"]) if projects else None

    async def members(self) -> dict[str, list[Manifest]]:
        """All pipelines that are in a project, by the project's `metadata.name`."""
        grouped: dict[str, list[Manifest]] = {}
        for pipeline in await self.pipelines.all():
            grouped.setdefault(pipeline["spec"].get("project") or "", []).append(pipeline)
        return grouped

    async def pipelines_in(self, project: Manifest) -> list[Manifest]:
        """The project's pipelines, live."""
        return await self.pipelines.where("spec.project", project["metadata"]["name"])

    async def schedules_of(self, pipeline: Manifest) -> list[Manifest]:
        """The pipeline's schedules, live: not those of a namesake."""
        schedules = await self.schedules.where("spec.pipeline", pipeline["metadata"]["name"])
        return [schedule for schedule in schedules if _may_own(pipeline, schedule)]

    async def find_in_project(self, pipeline: str, project: Manifest | None, *, field: str = "pipeline_id") -> Manifest:
        """The pipeline with this id or name, live; of the project, if there is one. InvalidError names the field."""
        found = await self._by_id_or_name(pipeline)
        if found is None:
            raise InvalidError(f"{field} '{pipeline[:200]}' does not exist", field=field)
        if project is not None and found["spec"].get("project") != project["metadata"]["name"]:
            raise InvalidError(f"{field} '{pipeline[:200]}' does not exist in the project", field=field)
        return found

    async def find_project(self, project_id: str, *, field: str = "project_id") -> Manifest:
        """The project that a body names, live; InvalidError names the field when there is none."""
        try:
            return await self.projects.find(project_id)
        except NotFoundError:
            raise InvalidError(f"{field} '{project_id[:100]}' does not exist", field=field) from None

    async def _by_id_or_name(self, pipeline: str) -> Manifest | None:
        try:
            return await self.pipelines.find(pipeline)
        except NotFoundError:
            named = await self.pipelines.where("spec.name", pipeline) if _selectable(pipeline) else []
            # kubectl may have let namesakes in: the oldest is the valid one.
            return min(named, key=lambda p: (created_at(p), p["metadata"]["uid"]), default=None)


def _name(resource: Manifest) -> str:
    return str(resource["metadata"]["name"])


def _selectable(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME


def _may_own(pipeline: Manifest, resource: Manifest) -> bool:
    owners = resource["metadata"].get("ownerReferences") or []
    uids = {owner["uid"] for owner in owners if owner.get("kind") == names.PIPELINE_KIND}
    return not uids or pipeline["metadata"]["uid"] in uids
