"""Which expression was in force when: due times that nobody has looked at may be those of a former specification."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from headrace.errors import InvalidError
from headrace.model.times import from_text
from headrace.schedules.due import Schedule, check_schedule, due_after, due_between, last_due
from headrace.schedules.observed import ScheduleSeen

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time, `after` < due ≤ `until`, in which due times follow from one expression."""

    schedule: Schedule
    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What is to be accounted for now, and what comes then."""

    cursor: datetime
    """All due times up to here are accounted for."""
    stretches: tuple[Stretch, ...]
    """At most two, in order; up to what may begin now."""
    reaches: bool
    """They reach the last change: with all of them accounted for, the present specification alone counts."""
    changed_at: datetime
    """The moment of that change; the cursor, when there was none."""
    now_in_force: Schedule | None
    """None: nothing is due by the present specification."""

    def due(self) -> Iterator[datetime]:
        """All due times to be accounted for, oldest first."""
        return chain.from_iterable(due_between(s.schedule, s.after, s.until) for s in self.stretches)

    def last_until(self, moment: datetime) -> datetime | None:
        """The last of them up to a moment."""
        return _last(self.stretches, moment)

    def next_after(self, moment: datetime) -> datetime | None:
        """The next due time after a moment, by the present specification."""
        if self.now_in_force is None:
            return None
        return due_after(self.now_in_force, max(moment, self.changed_at, self.cursor))


def timeline(seen: ScheduleSeen) -> Timeline:
    """Splits the time since the cursor at the last change, if there was one since the last look."""
    cursor, until = from_text(seen.status.handled_until), seen.now - seen.delay
    before, after = _read(seen.status.observed_expression, seen), seen.in_force
    if cursor is None:
        cursor = change = seen.created_at
    elif before == after:
        change = cursor
    else:
        change = max(cursor, min(seen.changed_at, seen.now))
    if after is None:
        # What was due before the change is counted: there is nothing to wait for.
        until = max(until, change)
    pieces = ((before, cursor, min(change, until)), (after, change, until))
    return Timeline(
        cursor=change if before is None else cursor,
        stretches=tuple(Stretch(schedule, a, b) for schedule, a, b in pieces if schedule is not None and a < b),
        reaches=before in {None, after} or until >= change,
        changed_at=change,
        now_in_force=after,
    )


def expression_text(schedule: Schedule | None) -> str | None:
    """What is noted of the specification that due times were last computed from; None when there were none."""
    return f"{schedule.kind} {schedule.timezone} {schedule.expression}" if schedule else None


def schedule_at(seen: ScheduleSeen, time: Timeline, due: datetime) -> Schedule | None:
    """What a due time follows from: one that waits may be of a former specification."""
    until = from_text(seen.status.former_until)
    if until is not None and due <= until:
        former = seen.status.former_expression
    else:
        former = seen.status.observed_expression if is_changed(seen, time) and due <= time.changed_at else None
    return _read(former, seen) or time.now_in_force


def is_changed(seen: ScheduleSeen, time: Timeline) -> bool:
    """Whether due times followed from something else when they were last looked at."""
    return seen.status.observed_expression not in {None, expression_text(time.now_in_force)}


def _read(text: str | None, seen: ScheduleSeen) -> Schedule | None:
    parts = (text or "").split(" ", 2)
    if len(parts) != 3:
        return None
    kind, timezone, expression = parts
    try:
        check_schedule(kind, expression, timezone)
    except InvalidError:
        return None
    return Schedule(kind, expression, timezone, seen.created_at)


def _last(stretches: Sequence[Stretch], moment: datetime) -> datetime | None:
    for stretch in reversed(stretches):
        found = last_due(stretch.schedule, min(stretch.until, moment) + _INSTANT, 1)
        if found and found[0] > stretch.after:
            return found[0]
    return None
