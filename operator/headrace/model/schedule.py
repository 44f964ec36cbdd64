"""EtlSchedule: when a pipeline is to run, and what becomes of due times that nobody could attend to."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from headrace.model.base import DURATION_PATTERN, RESOURCE_NAME_PATTERN, Resource, Status, Time, lasting
from headrace.model.conditions import Condition
from headrace.model.values import Params, check_size

PARAMS_BYTES = 16_384
"""Of a schedule's parameters as JSON: each of its runs has a copy, and a backfill makes a thousand at once."""


def _short(params: dict[str, Any]) -> dict[str, Any]:
    check_size(params, PARAMS_BYTES)
    return params


ScheduleParams = Annotated[Params, Field(max_length=97), AfterValidator(_short)]
"""Values for a query's parameters: a run has 100 at most, with those that it gets besides."""


class ScheduleKind(StrEnum):
    """How an expression is read."""

    CRON = "CRON"
    """Five fields: minute, hour, day of month, month, day of week."""
    INTERVAL = "INTERVAL"
    """A number and s, m, h or d, counted from the schedule's creation."""


class CatchUp(StrEnum):
    """What becomes of due times that were missed."""

    ALL = "all"
    """Each of them is run, oldest first."""
    LAST = "last"
    """Only the latest is run."""
    NONE = "none"
    """None of them is run."""


class ScheduleSpec(Resource):
    """When a pipeline is to run."""

    pipeline: str = Field(min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlPipeline, which will own this schedule."""
    kind: ScheduleKind = ScheduleKind.CRON
    """CRON: five fields, in the time zone. INTERVAL: a number and s, m, h or d, counted from the creation."""
    expression: str = Field(min_length=1, max_length=500)
    """Such as `0 2 * * *` (CRON), or `15m` (INTERVAL)."""
    timezone: str = Field(default="UTC", min_length=1, max_length=100)
    """An IANA time zone such as `Europe/Berlin`, which a CRON expression is read in."""
    enabled: bool = True
    """false: it is never due. What was started goes on."""
    max_concurrency: int = Field(default=1, ge=1, le=100)
    """So many of its runs may be unfinished; further due times wait."""
    timeout_seconds: int = Field(default=3600, ge=1, le=31_536_000)
    """Each run fails when it has been at work for longer; paused time does not count."""
    catch_up: CatchUp = CatchUp.LAST
    """Which due times that nobody could attend to within 30 s are run: `all` of them, the `last`, or `none`."""
    jitter: Annotated[str, Field(pattern=DURATION_PATTERN), lasting("0s", "31d")] = "0s"
    """Its runs begin later by a fixed part of this, so that many schedules do not all begin at once: at most `31d`.
    Their due times stay as they are."""
    starting_deadline: Annotated[str, Field(pattern=DURATION_PATTERN), lasting("1s", "366d")] | None = None
    """A due time that could not be started for so long is not run any more: `1s` to `366d`."""
    params: ScheduleParams | None = None
    """Values for the query's %(name)s parameters: at most 16,384 bytes of JSON. Each run also gets interval_start,
    interval_end and due_at."""


class NotRun(Status):
    """A due time that was not run."""

    due_at: Time
    """The due time."""
    reason: str
    """Why, in one word."""


class ScheduleStatus(Status):
    """What the operator saw; written by the operator only."""

    observed_generation: int | None = None
    """The generation of the specification that this status was computed from."""
    observed_expression: str | None = None
    """Kind, expression and time zone that due times were last computed from."""
    former_expression: str | None = None
    """The same before the last change, while due times wait that follow from it: their intervals do, too."""
    former_until: Time | None = None
    """The moment of that change."""
    enabled_observed: bool | None = None
    """The value of spec.enabled that was last seen."""
    handled_until: Time | None = None
    """All due times up to here are accounted for: as a run, as waiting, or as not run."""
    next_run_at: Time | None = None
    """The next due time; none while it is disabled."""
    last_run_at: Time | None = None
    """The last due time that a run was made for."""
    waiting: list[Time] = Field(default_factory=list)
    """Due times that wait for a run before them to end, oldest first."""
    active: int = 0
    """Runs of this schedule that are not over."""
    missed: int = 0
    """How many due times were not run."""
    reasons: dict[str, int] = Field(default_factory=dict)
    """How many of them for which reason."""
    last_missed: NotRun | None = None
    """The last of them."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, Suspended, and Waiting when due times wait."""
