"""The plan of one backfill: which due times of its range are to be run now, and how far it is. Pure, as `plan`.

A run's name follows from the schedule (or, with `rerun`, the backfill), the due time and the number of the retry: to
make it twice is to make it once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from headrace.errors import InvalidError
from headrace.model.backfill import BackfillSpec, BackfillStatus, Order
from headrace.model.conditions import ConditionType, Reason
from headrace.model.times import from_text
from headrace.schedules.backfill_reporting import FINAL, status_of, status_with_fault
from headrace.schedules.backfill_seen import BackfillSeen, Fault
from headrace.schedules.due import Schedule, check_schedule, due_between, previous_due
from headrace.schedules.tally import Tally

MOST = 100_000
"""Due times of one backfill."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class BackfillRun:
    """A due time that is to have a run."""

    due_at: datetime
    interval_start: datetime
    retry: int
    """Which retry it is; 0: none."""
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """What is to be done about one backfill: save the status, then make the runs, then look again with them."""

    status: BackfillStatus
    create: tuple[BackfillRun, ...] = ()
    """In the order in which they are to be made; that one exists already is fine."""


def due_times(schedule: Schedule, spec: BackfillSpec, created_at: datetime) -> tuple[datetime, ...]:
    """The due times of the range, oldest first: from `from` on, before `to`, and none from after the backfill was made.

    Those are the schedule's own. Raises InvalidError (field `from` or `to`) for bad bounds or over 100,000 due times.
    """
    since, until = _bound(spec.from_, "from"), _bound(spec.to, "to")
    if since >= until:
        raise InvalidError("from must be before to", field="to")
    return _range(schedule, since, min(until, created_at + _INSTANT))


def is_done(seen: BackfillSeen) -> bool:
    """Whether it has ended and nothing of its specification has changed since: its runs need not be looked up."""
    ready = any(c.type == ConditionType.READY and c.status == "True" for c in seen.status.conditions)
    return ready and seen.status.phase in FINAL and seen.status.observed_generation == seen.generation


def plan_backfill(seen: BackfillSeen) -> BackfillPlan:
    """What is to be done about the backfill."""
    if is_done(seen):
        return BackfillPlan(status=seen.status)
    spec, schedule = seen.spec, seen.schedule
    fault, due = _examine(seen)
    if fault is not None or spec is None or schedule is None:
        return BackfillPlan(status=status_with_fault(seen, fault or Fault(Reason.INVALID_SPEC, seen.problem)))
    tally = Tally(seen, spec, due)
    pending = tally.pending[::-1] if spec.order == Order.NEWEST_FIRST else tally.pending
    free = 0 if spec.suspend else max(spec.parallelism - tally.active, 0)
    create = tuple(
        BackfillRun(moment, previous_due(schedule, moment), retry, tally.name(moment, retry))
        for moment, retry in pending[:free]
    )
    return BackfillPlan(status=status_of(seen, spec, tally, begins=bool(create)), create=create)


def _bound(text: str, field_: str) -> datetime:
    moment = from_text(text)
    if moment is None:
        raise InvalidError(f"{field_} is no time with a zone, such as 2026-01-01T00:00:00Z", field=field_)
    return moment


@lru_cache(maxsize=16)
def _range(schedule: Schedule, since: datetime, until: datetime) -> tuple[datetime, ...]:
    due = tuple(due_between(schedule, since - _INSTANT, until - _INSTANT, MOST + 1))
    if len(due) > MOST:
        raise InvalidError(f"there are more than {MOST:,} due times between from and to", field="to")
    return due


def _examine(seen: BackfillSeen) -> tuple[Fault | None, tuple[datetime, ...]]:
    if seen.spec is None:
        return Fault(Reason.INVALID_SPEC, seen.problem or "the specification can't be read"), ()
    if seen.schedule is None:
        return Fault(Reason.SCHEDULE_MISSING, f"the schedule '{seen.spec.schedule}' does not exist"), ()
    try:
        check_schedule(seen.schedule.kind, seen.schedule.expression, seen.schedule.timezone)
    except InvalidError as error:
        return Fault(Reason.SCHEDULE_MISSING, f"the schedule '{seen.spec.schedule}' is not valid: {error.message}"), ()
    if not seen.has_pipeline:
        return Fault(Reason.PIPELINE_MISSING, "the schedule's pipeline does not exist"), ()
    try:
        return None, due_times(seen.schedule, seen.spec, seen.created_at)
    except InvalidError as error:
        return Fault(Reason.INVALID_SPEC, error.message), ()
