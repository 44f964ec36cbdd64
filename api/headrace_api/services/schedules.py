"""Making, changing and deleting schedules; each belongs to a pipeline and goes with it."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import ConflictError, NotFoundError
from headrace.manifests import owner
from headrace_api import times
from headrace_api.manifests import new_manifest
from headrace_api.resources import Resources
from headrace_api.translate.schedules import check_runs, check_times, show_schedule, spec_of

_ATTEMPTS = 8
_CHANGED_MEANWHILE = "Schedule is being changed by somebody else; try again"
_NAME_LENGTH = 54
"""With 8 digits behind it a name is still a label's value."""


@dataclass(frozen=True, slots=True)
class FoundSchedule:
    """A schedule and what it belongs to."""

    schedule: Manifest
    pipeline: Manifest | None
    """None while there is none of the name that it gives."""
    project_id: str | None

    @property
    def id(self) -> str:
        """The schedule's id."""
        return str(self.schedule["metadata"]["uid"])

    @property
    def name(self) -> str:
        """The schedule's `metadata.name`."""
        return str(self.schedule["metadata"]["name"])

    @property
    def is_enabled(self) -> bool:
        """Whether it is ever due."""
        return bool(self.schedule["spec"].get("enabled", True))

    def is_of(self, pipeline: str) -> bool:
        """Whether the pipeline has this id or name."""
        own = self.pipeline
        return own is not None and pipeline in (own["metadata"]["uid"], own["spec"]["name"])

    def shown(self, now: datetime) -> dict[str, Any]:
        """The schedule as callers see it."""
        return show_schedule(self.schedule, self.pipeline, self.project_id, now=now)


class Schedules:
    """Reads and writes schedules. One whose pipeline is gone is gone too, though Kubernetes may remove it later."""

    def __init__(
        self, resources: Resources, *, installation: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._resources = resources
        self._installation = installation
        self._clock = clock

    async def all(self) -> list[FoundSchedule]:
        """All of them, from the mirrors."""
        schedules = await self._resources.schedules.all()
        await self._resources.pipelines.freshen()
        await self._resources.projects.freshen()
        found = [self._found(schedule) for schedule in schedules]
        return [one for one in found if one is not None]

    async def find(self, schedule_id: str) -> FoundSchedule:
        """One of them, live; NotFoundError."""
        schedule = await self._resources.schedules.find(schedule_id)
        await self._resources.pipelines.named(schedule["spec"]["pipeline"])  # So that the mirror has it.
        await self._resources.projects.freshen()
        found = self._found(schedule)
        if found is None:
            raise NotFoundError(self._resources.schedules.missing)
        return found

    async def create(self, fields: Mapping[str, Any]) -> FoundSchedule:
        """Makes a schedule; InvalidError names what is wrong."""
        pipeline = await self._checked(fields)
        name = f"{names.slug(pipeline['spec']['name'])[:_NAME_LENGTH].strip('-') or 's'}-{secrets.token_hex(4)}"
        body = new_manifest(names.SCHEDULE_KIND, name, spec_of(fields, pipeline).manifest(), self._installation)
        body["metadata"]["ownerReferences"] = [_owner(pipeline)]
        return self._of(await self._resources.schedules.create(body), pipeline)

    async def replace(self, schedule_id: str, fields: Mapping[str, Any]) -> FoundSchedule:
        """Replaces what it says; what is left out gets its default."""
        for _ in range(_ATTEMPTS):
            schedule = (await self.find(schedule_id)).schedule
            pipeline = await self._checked(fields)
            spec = spec_of(fields, pipeline).manifest()
            if spec == schedule["spec"]:
                return self._of(schedule, pipeline)
            try:
                return self._of(await self._resources.schedules.replace(_replaced(schedule, pipeline, spec)), pipeline)
            except ConflictError:
                continue  # The operator wrote its status, or somebody else wrote.
        raise ConflictError(_CHANGED_MEANWHILE)

    async def enable(self, schedule_id: str, *, enabled: bool) -> FoundSchedule:
        """Lets it be due from now on, or no more."""
        found = await self.find(schedule_id)
        if found.is_enabled == enabled:
            return found
        stamps = {"annotations": {names.UPDATED_AT_ANNOTATION: times.now()}}
        patch = {"spec": {"enabled": enabled}, "metadata": stamps}
        written = await self._resources.schedules.patch(found.schedule, patch)
        return FoundSchedule(written, found.pipeline, found.project_id)

    async def delete(self, schedule_id: str) -> None:
        """Deletes; its runs stay."""
        found = await self.find(schedule_id)
        await self._resources.schedules.delete(found.schedule, unchanged=False)

    async def _checked(self, fields: Mapping[str, Any]) -> Manifest:
        """The pipeline that is meant, live."""
        check_times(fields)
        project_id = fields["project_id"]
        project = None if project_id is None else await self._resources.find_project(project_id)
        pipeline = await self._resources.find_in_project(fields["pipeline_id"], project)
        check_runs(fields, pipeline)
        await self._resources.projects.freshen()
        return pipeline

    def _found(self, schedule: Manifest) -> FoundSchedule | None:
        pipeline = self._resources.pipeline_of(schedule)
        return None if pipeline is None and _is_owned(schedule) else self._of(schedule, pipeline)

    def _of(self, schedule: Manifest, pipeline: Manifest | None) -> FoundSchedule:
        return FoundSchedule(schedule, pipeline, self._resources.project_of(pipeline) if pipeline else None)


def _is_owned(schedule: Manifest) -> bool:
    owners = schedule["metadata"].get("ownerReferences") or []
    return any(reference.get("kind") == names.PIPELINE_KIND for reference in owners)


def _replaced(schedule: Manifest, pipeline: Manifest, spec: Mapping[str, Any]) -> Manifest:
    metadata = schedule["metadata"]
    others = [r for r in metadata.get("ownerReferences") or [] if r.get("kind") != names.PIPELINE_KIND]
    stamps = {**(metadata.get("annotations") or {}), names.UPDATED_AT_ANNOTATION: times.now()}
    owners = [*others, _owner(pipeline)]
    return {**schedule, "metadata": {**metadata, "annotations": stamps, "ownerReferences": owners}, "spec": spec}


def _owner(pipeline: Manifest) -> Manifest:
    return owner(names.PIPELINE_KIND, pipeline["metadata"]["name"], pipeline["metadata"]["uid"])
