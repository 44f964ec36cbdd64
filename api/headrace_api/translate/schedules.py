"""EtlSchedules, and the schedules that callers see; their due times are computed where the operator has not yet."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.cluster import Manifest
from headrace.errors import InvalidError
from headrace.lifecycle.readings import created_at
from headrace.lifecycle.validity import INTERVAL_PARAMS, check_params
from headrace.model.schedule import ScheduleSpec, ScheduleStatus
from headrace.runspec import Mode
from headrace.schedules.due import Schedule, check_schedule, due_after
from headrace_api import times
from headrace_api.translate.changes import updated_at
from headrace_api.translate.specification import Specification

_SPECIFICATION = Specification(ScheduleSpec, known_as={"pipeline": "pipeline_id"})
SORTABLE = (
    "id", "project_id", "pipeline_id", "kind", "expression", "timezone", "enabled", "max_concurrency",
    "timeout_seconds", "catch_up", "jitter", "next_run_at", "last_run_at", "active", "missed", "created_at",
    "updated_at",
)  # fmt: skip
"""The fields that the list may be sorted by."""


def show_schedule(
    schedule: Manifest, pipeline: Manifest | None, project_id: str | None, *, now: datetime
) -> dict[str, Any]:
    """The schedule as callers see it."""
    status = ScheduleStatus.model_validate(schedule.get("status") or {})
    missed = status.last_missed
    return {
        "id": schedule["metadata"]["uid"],
        "project_id": project_id,
        "pipeline_id": pipeline["metadata"]["uid"] if pipeline else None,
        **_SPECIFICATION.shown(schedule),
        "next_run_at": _time(next_run(schedule, now)),
        "last_run_at": _time(times.parse(status.last_run_at)),
        "waiting": [times.show(moment) for moment in map(times.parse, status.waiting) if moment],
        "active": status.active,
        "missed": status.missed,
        "reasons": status.reasons,
        "last_missed": {"due_at": _time(times.parse(missed.due_at)), "reason": missed.reason} if missed else None,
        "created_at": times.show(created_at(schedule)),
        "updated_at": times.show(updated_at(schedule)),
    }


def spec_of(fields: Mapping[str, Any], pipeline: Manifest) -> ScheduleSpec:
    """The specification that these fields ask for; RequestValidationError for those that break a field's rule."""
    own = {name: value for name, value in fields.items() if name not in {"pipeline_id", "project_id"}}
    return _SPECIFICATION.parse({**own, "pipeline": pipeline["metadata"]["name"]})


def check_times(fields: Mapping[str, Any]) -> None:
    """Raises InvalidError, which names the field, for what is never due."""
    check_schedule(fields["kind"], fields["expression"], fields["timezone"])


def check_runs(fields: Mapping[str, Any], pipeline: Manifest) -> None:
    """Raises InvalidError, which names the field or the parameter, when the pipeline's runs can't be due."""
    if pipeline["spec"].get("mode") == Mode.STREAMING:
        raise InvalidError("a streaming pipeline is not run by a schedule: it runs all the time", field="pipeline_id")
    check_params(pipeline["spec"].get("sourceQuery") or "", {*(fields["params"] or {}), *INTERVAL_PARAMS})


def fields_of(schedule: Manifest) -> dict[str, Any]:
    """What the schedule says, by the names of the specification; what it lacks has its default."""
    return _SPECIFICATION.fields(schedule)


def timing(schedule: Manifest) -> Schedule:
    """What its due times follow from."""
    fields = fields_of(schedule)
    return Schedule(fields["kind"], fields["expression"], fields["timezone"], created_at(schedule))


def next_run(schedule: Manifest, now: datetime) -> datetime | None:
    """The next due time; None while it is disabled, and for what kubectl let in and is never due."""
    if not fields_of(schedule)["enabled"]:
        return None
    status, generation = schedule.get("status") or {}, schedule["metadata"].get("generation")
    seen = times.parse(status.get("nextRunAt")) if status.get("observedGeneration") == generation else None
    if seen and seen > now:
        return seen
    try:
        return due_after(timing(schedule), now)
    except InvalidError:
        return None


def _time(moment: datetime | None) -> str | None:
    return times.show(moment) if moment else None
