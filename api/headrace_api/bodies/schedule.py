"""Schedules as callers send and see them: the fields of EtlSchedule's spec, with ids instead of names."""

from typing import TYPE_CHECKING, TypeAlias

from pydantic import BaseModel, Field, create_model

from headrace.model.schedule import ScheduleSpec
from headrace_api.bodies import derive
from headrace_api.bodies.examples import SCHEDULE, SCHEDULE_IN
from headrace_api.bodies.time import Time

FIELDS = {name: info for name, info in ScheduleSpec.model_fields.items() if name != "pipeline"}
"""Those that manifests have too."""


class _References(BaseModel):
    """What manifests name by its `metadata.name`."""

    project_id: str | None = Field(
        default=None, description="Id of the pipeline's project; only to say which pipeline is meant."
    )
    pipeline_id: str = Field(min_length=1, max_length=200, description="Id or name of the pipeline that it runs.")


if TYPE_CHECKING:
    ScheduleIn: TypeAlias = BaseModel
else:
    ScheduleIn = create_model(
        "ScheduleIn",
        __base__=_References,
        __doc__="When a pipeline is to run; what is left out gets its default.",
        **{name: derive.required_or_default(info) for name, info in FIELDS.items()},
    )
    ScheduleIn.model_config.update(extra="forbid", json_schema_extra={"examples": [SCHEDULE_IN]})
    ScheduleIn.model_rebuild(force=True)


class NotRun(BaseModel):
    """A due time that was not run."""

    due_at: Time
    reason: str = Field(description="Why, in one word.")


class _Place(BaseModel):
    id: str = Field(description="UUID: the `metadata.uid` of the EtlSchedule.")
    project_id: str | None = Field(description="Id of the pipeline's project; null when it is in none.")
    pipeline_id: str | None = Field(description="Id of the pipeline; null while there is none of the name it gives.")


class _Seen(BaseModel):
    next_run_at: Time | None = Field(description="The next due time; null while it is disabled.")
    last_run_at: Time | None = Field(description="The last due time that a run was made for.")
    waiting: list[Time] = Field(description="Due times that wait for a run before them to end, oldest first.")
    active: int = Field(description="Its runs that are not over.")
    missed: int = Field(description="How many due times were not run.")
    reasons: dict[str, int] = Field(description="How many of them for which reason.")
    last_missed: NotRun | None = Field(description="The last of them.")
    created_at: Time
    updated_at: Time = Field(description="When its own fields last changed.")


if TYPE_CHECKING:
    Schedule: TypeAlias = BaseModel
else:
    Schedule = create_model(
        "Schedule",
        __base__=(_Seen, _Place),
        __doc__="When a pipeline is to run, and what became of its due times.",
        **{name: derive.shown(info) for name, info in FIELDS.items()},
    )
    Schedule.model_config.update(json_schema_extra={"examples": [SCHEDULE]})
    Schedule.model_rebuild(force=True)
