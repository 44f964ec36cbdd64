"""What the API reads and writes of the cluster: a collection for each kind, and what is read of several at once."""

import asyncio
import copy
from collections.abc import Mapping
from typing import Self

from headrace import names
from headrace.cluster import Cluster, Manifest
from headrace.errors import InvalidError, NotFoundError
from headrace.lifecycle.readings import created_at
from headrace.model.pipeline import PipelineSpec
from headrace_api.auth.access import Access
from headrace_api.auth.rights import GET, Right
from headrace_api.collection import Collection
from headrace_api.found import Found
from headrace_api.translate.connections import destination_name, source_name
from headrace_api.translate.pipelines import References
from headrace_api.translate.runs import runs_of

_LONGEST_NAME = 200


class Resources:
    """All kinds. Lists come from mirrors, and are live while changes do not arrive."""

    def __init__(self, cluster: Cluster) -> None:
        self._access: Access | None = None
        self._hold(_collections(cluster))

    def _hold(self, kinds: Mapping[str, Collection]) -> None:
        """Takes the collections, which are given by their plurals."""
        self._all = kinds
        self.pipelines = kinds[names.PIPELINE_PLURAL]
        self.runs = kinds[names.RUN_PLURAL]
        self.projects = kinds[names.PROJECT_PLURAL]
        self.sources = kinds[names.SOURCE_PLURAL]
        self.destinations = kinds[names.DESTINATION_PLURAL]
        self.schedules = kinds[names.SCHEDULE_PLURAL]
        self.backfills = kinds[names.BACKFILL_PLURAL]

    def on_behalf_of(self, access: Access) -> Self:
        """The same resources, as one caller may write them."""
        bound = copy.copy(self)
        bound._access = access
        bound._hold({plural: kind.on_behalf_of(access) for plural, kind in self._all.items()})
        return bound

    async def require(self, *rights: Right) -> None:
        """Returns when the caller has all of these rights, else raises ForbiddenError."""
        if self._access is None:
            raise RuntimeError("resources are written on behalf of a caller")
        await self._access.require(*rights)

    @property
    def access(self) -> Access | None:
        """Of the caller on whose behalf they are written; None: nobody writes."""
        return self._access

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
        pipelines, *_ = await asyncio.gather(self.pipelines.all(), self.runs.freshen(), self.freshen_references())
        return [
            Found(pipeline, runs_of(pipeline, self.runs.with_key(pipeline["metadata"]["name"])), self.references)
            for pipeline in pipelines
        ]

    async def find(self, pipeline_id: str) -> Found:
        """A pipeline and its runs, live; NotFoundError."""
        name = await self.pipelines.name(pipeline_id)
        pipeline, runs, _ = await asyncio.gather(
            self.pipelines.get(pipeline_id, name), self.runs.where("spec.pipeline", name), self.freshen_references()
        )
        return Found(pipeline, runs_of(pipeline, runs), self.references)

    async def find_run(self, run_id: str) -> tuple[Manifest, Manifest | None]:
        """A run, live, and its pipeline if that is there (from the mirror); NotFoundError when it has no resource."""
        run, *_ = await asyncio.gather(self.runs.find(run_id), self.pipelines.freshen(), self.projects.freshen())
        return run, self.pipeline_of(run)

    def pipeline_of(self, resource: Manifest) -> Manifest | None:
        """The pipeline that a run or schedule is of, from the mirror: not a namesake of its owner."""
        named = self.pipelines.with_key(_pipeline_name(resource))
        return next((pipeline for pipeline in named if _may_own(pipeline, resource)), None)

    def project_of(self, pipeline: Manifest) -> str | None:
        """The id of the pipeline's project, from the mirror; None also when there is no such project any more."""
        return _id_of(self.projects, pipeline["spec"].get("project"))

    def source_of(self, pipeline: Manifest) -> str | None:
        """The id of the source that the pipeline names, from the mirror; None also when there is none of that name."""
        return _id_of(self.sources, pipeline["spec"].get("source"))

    def destination_of(self, pipeline: Manifest) -> str | None:
        """As `source_of`, of its destination."""
        return _id_of(self.destinations, pipeline["spec"].get("destination"))

    def references(self, pipeline: Manifest) -> References:
        """All that the pipeline names, by ids."""
        return References(
            project_id=self.project_of(pipeline),
            source_id=self.source_of(pipeline),
            destination_id=self.destination_of(pipeline),
        )

    def used(self, pipeline: Manifest) -> dict[str, str | None]:
        """The ids of the source and the destination that it uses: what it names, or else the default."""
        return {
            "source_id": _id_of(self.sources, source_name(pipeline)),
            "destination_id": _id_of(self.destinations, destination_name(pipeline)),
        }

    def ends_of(self, spec: PipelineSpec) -> tuple[Manifest | None, Manifest | None]:
        """The source and the destination that a specification leads to, from the mirrors; those that are there."""
        return _one(self.sources, spec.source_name), _one(self.destinations, spec.destination_name)

    async def freshen_references(self) -> None:
        """Returns when the mirrors of what pipelines name are what Kubernetes has, as far as one can know."""
        await asyncio.gather(*(kind.freshen() for kind in (self.projects, self.sources, self.destinations)))

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
        return await _named_by(self.projects, project_id, field)

    async def find_source(self, source_id: str, *, field: str = "source_id") -> Manifest:
        """As `find_project`, of a source; ForbiddenError for who may not read it: a pipeline shows what is there."""
        return await self._readable(self.sources, source_id, field)

    async def find_destination(self, destination_id: str, *, field: str = "destination_id") -> Manifest:
        """As `find_source`, of a destination."""
        return await self._readable(self.destinations, destination_id, field)

    async def _readable(self, kind: Collection, uid: str, field: str) -> Manifest:
        # The right comes first, as in the gate: whether there is such a one is not for everybody.
        await self.require(Right(GET, kind.plural, await self.name_of(kind.plural, uid)))
        return await _named_by(kind, uid, field)

    async def _by_id_or_name(self, pipeline: str) -> Manifest | None:
        try:
            return await self.pipelines.find(pipeline)
        except NotFoundError:
            named = await self.pipelines.where("spec.name", pipeline) if _selectable(pipeline) else []
            # kubectl may have let namesakes in: the oldest is the valid one.
            return min(named, key=lambda p: (created_at(p), p["metadata"]["uid"]), default=None)


def _collections(cluster: Cluster) -> dict[str, Collection]:
    kinds = (
        Collection(cluster, names.PIPELINE_PLURAL, "Pipeline", _name),
        Collection(cluster, names.RUN_PLURAL, "Run", _pipeline_name),
        Collection(cluster, names.PROJECT_PLURAL, "Project", _name),
        Collection(cluster, names.SOURCE_PLURAL, "Source", _name),
        Collection(cluster, names.DESTINATION_PLURAL, "Destination", _name),
        Collection(cluster, names.SCHEDULE_PLURAL, "Schedule", lambda s: str(s["spec"]["pipeline"])),
        Collection(cluster, names.BACKFILL_PLURAL, "Backfill", lambda b: str(b["spec"]["schedule"])),
    )
    return {kind.plural: kind for kind in kinds}


def _name(resource: Manifest) -> str:
    return str(resource["metadata"]["name"])


def _pipeline_name(run: Manifest) -> str:
    # A preview is of none.
    return str(run["spec"].get("pipeline") or "")


def _id_of(kind: Collection, name: object) -> str | None:
    found = _one(kind, str(name)) if name else None
    return None if found is None else str(found["metadata"]["uid"])


def _one(kind: Collection, name: str) -> Manifest | None:
    return next(reversed(kind.with_key(name)), None)


async def _named_by(kind: Collection, uid: str, field: str) -> Manifest:
    try:
        return await kind.find(uid)
    except NotFoundError:
        raise InvalidError(f"{field} '{uid[:100]}' does not exist", field=field) from None


def _selectable(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME


def _may_own(pipeline: Manifest, resource: Manifest) -> bool:
    owners = resource["metadata"].get("ownerReferences") or []
    uids = {owner["uid"] for owner in owners if owner.get("kind") == names.PIPELINE_KIND}
    return not uids or pipeline["metadata"]["uid"] in uids
