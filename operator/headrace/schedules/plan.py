"""The plan of one schedule: from what is seen to what is to be saved, made and told. No client, no clock, no await.

Save the status first, and only if it is as it was seen; then make the runs, oldest first; then look again, with them
among the runs. A run's name follows from the schedule and the due time, so that to make it twice is to make it once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.model.base import seconds
from headrace.model.conditions import Reason
from headrace.model.schedule import NotRun, ScheduleStatus
from headrace.model.times import due_text, to_text
from headrace.schedules.accounts import Accounts, account, skip_reason
from headrace.schedules.due import previous_due
from headrace.schedules.observed import ScheduleSeen
from headrace.schedules.reporting import schedule_conditions
from headrace.schedules.stretches import Timeline, expression_text, is_changed, schedule_at, timeline


@dataclass(frozen=True, slots=True)
class DueToRun:
    """A due time that is to have a run; in UTC, in whole seconds."""

    due_at: datetime
    interval_start: datetime
    """The due time before it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Due times that are not run, for one reason: a line in the log, an Event, a count."""

    reason: Reason
    count: int
    first: datetime
    last: datetime

    @property
    def message(self) -> str:
        """What people are told."""
        one = self.count == 1
        which = f"the due time {due_text(self.first)} is" if one else f"{self.count} due times are"
        between = "" if one else f", {due_text(self.first)} to {due_text(self.last)}"
        why = self.reason.sentence
        return f"{which} not run{between}: {why[0].lower()}{why[1:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlan:
    """What is to be done about one schedule, in the order of the fields, and when to look again."""

    status: ScheduleStatus
    """To be saved before anything else is done; refused when the schedule has moved on since it was seen."""
    skipped: tuple[Skipped, ...] = ()
    """What this look counts: to be told once the status is saved."""
    create: tuple[DueToRun, ...] = ()
    """Oldest first; that one exists already is fine."""
    wake_at: datetime | None = None
    """When to look again; now, when there is more to do already; None: only an event changes anything."""


def plan_schedule(seen: ScheduleSeen) -> SchedulePlan:
    """What is to be done about the schedule."""
    time = timeline(seen)
    accounts = account(seen, time)
    create = _create(seen, time, accounts)
    upcoming = time.next_after(max(accounts.cursor, seen.now - seen.delay))
    return SchedulePlan(
        status=_status(seen, time, accounts, upcoming, waits=len(accounts.waiting) - len(create)),
        skipped=_skipped(accounts),
        create=create,
        wake_at=_wake_at(seen, time, accounts, upcoming, again=bool(create)),
    )


def _create(seen: ScheduleSeen, time: Timeline, accounts: Accounts) -> tuple[DueToRun, ...]:
    if seen.spec is None or skip_reason(seen) is not None:
        return ()
    free = max(seen.spec.max_concurrency - seen.active, 0)
    due_times = [(due, schedule_at(seen, time, due)) for due in accounts.waiting[:free]]
    return tuple(DueToRun(due, previous_due(schedule, due)) for due, schedule in due_times if schedule is not None)


def _skipped(accounts: Accounts) -> tuple[Skipped, ...]:
    found = []
    for reason, count in accounts.counts.items():
        of_it = [due for due, why in accounts.not_run if why == reason]
        found.append(Skipped(reason, count, of_it[0], of_it[-1]))
    return tuple(found)


def _status(
    seen: ScheduleSeen, time: Timeline, accounts: Accounts, upcoming: datetime | None, *, waits: int
) -> ScheduleStatus:
    old = seen.status
    last = accounts.not_run[-1] if accounts.not_run else None
    former_expression, former_until = _former(seen, time, accounts)
    return old.model_copy(
        update={
            "observed_generation": seen.generation,
            "observed_expression": expression_text(time.now_in_force) if accounts.settled else old.observed_expression,
            "former_expression": former_expression,
            "former_until": former_until,
            "enabled_observed": seen.spec.enabled if seen.spec else old.enabled_observed,
            "handled_until": to_text(accounts.cursor),
            "next_run_at": due_text(upcoming) if upcoming else None,
            "last_run_at": due_text(accounts.latest_made) if accounts.latest_made else None,
            "waiting": [due_text(due) for due in accounts.waiting],
            "active": seen.active,
            "missed": old.missed + len(accounts.not_run),
            "reasons": _added(old.reasons, accounts),
            "last_missed": NotRun(due_at=due_text(last[0]), reason=last[1].value) if last else old.last_missed,
            "conditions": schedule_conditions(seen, waits=waits),
        }
    )


def _former(seen: ScheduleSeen, time: Timeline, accounts: Accounts) -> tuple[str | None, str | None]:
    """What due times that wait follow from, if it is not what is in force, and up to when."""
    if not accounts.waiting:
        return None, None
    if accounts.settled and is_changed(seen, time):
        return seen.status.observed_expression, to_text(time.changed_at)
    return seen.status.former_expression, seen.status.former_until


def _added(reasons: dict[str, int], accounts: Accounts) -> dict[str, int]:
    return reasons | {reason.value: reasons.get(reason.value, 0) + n for reason, n in accounts.counts.items()}


def _wake_at(
    seen: ScheduleSeen, time: Timeline, accounts: Accounts, upcoming: datetime | None, *, again: bool
) -> datetime | None:
    if again or (accounts.room and not accounts.reached):
        return seen.now
    moments = [upcoming + seen.delay] if upcoming else []
    if not time.reaches:
        moments.append(time.changed_at + seen.delay)
    if accounts.waiting and seen.spec and seen.spec.starting_deadline:
        patience = timedelta(seconds=seconds(seen.spec.starting_deadline), microseconds=1)
        moments.append(accounts.waiting[0] + seen.delay + patience)
    return max(min(moments), seen.now) if moments else None
