"""Due times: a pure function of the expression, the time zone, the anchor and the range that is asked for.

Cron and daylight saving: a time that the clock skips is due once, at the first instant after the gap; one that it
shows twice is due once, at the first. Where the hours are a wildcard (`*`, `*/2`) real time counts: what the clock
never shows is not due, and what it shows twice is due twice. Intervals are real time always.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from headrace.errors import InvalidError
from headrace.model.schedule import ScheduleKind
from headrace.schedules import interval
from headrace.schedules.cron import Cron, parse_cron
from headrace.schedules.wall import days, wall_times
from headrace.schedules.zone import first_instant, spans, time_zone, wall_time

BEGINNING, END = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""Nothing is due outside of the calendar that Python has, wherever on earth."""
MOST = 1000
"""So many due times `last_due` looks back."""
_INSTANT = timedelta(microseconds=1)
_FIRST_LOOK = timedelta(hours=1)
_STRETCH = timedelta(days=32)
_FARTHEST = timedelta(days=2)
"""No clock is so far from UTC."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What due times follow from. `check_schedule` tells whether they do."""

    kind: str
    """A ScheduleKind."""
    expression: str
    timezone: str
    """Of intervals it is checked, but changes nothing."""
    anchor: datetime
    """What intervals are counted from, to the second; with a zone."""


def check_schedule(kind: str, expression: str, timezone: str) -> None:
    """Raises InvalidError, its field `kind`, `expression` or `timezone`, for what can't be a schedule."""
    if kind not in list(ScheduleKind):
        raise InvalidError(f"kind '{kind[:40]}' is neither CRON nor INTERVAL", field="kind")
    if kind == ScheduleKind.CRON:
        parse_cron(expression)
    else:
        interval.parse_interval(expression)
    time_zone(timezone)


def due_between(schedule: Schedule, after: datetime, until: datetime, limit: int | None = None) -> Iterator[datetime]:
    """The due times in (after, until], oldest first, at most `limit`; in UTC and whole seconds, made as they are read.

    Raises InvalidError as `check_schedule`, and ValueError for a moment without a zone.
    """
    return islice(_due(schedule, max(_utc(after), BEGINNING), min(_utc(until), END)), limit)


def due_after(schedule: Schedule, moment: datetime) -> datetime | None:
    """The first due time after the moment; None when the calendar ends before."""
    return next(due_between(schedule, moment, END), None)


def last_due(schedule: Schedule, before: datetime, count: int) -> tuple[datetime, ...]:
    """The last `count` (1 to 1000) due times before a moment, oldest first: also those before the schedule existed.

    Fewer where the calendar begins. Raises InvalidError (field `count`) for another count.
    """
    if not 1 <= count <= MOST:
        raise InvalidError(f"count must be from 1 to {MOST}", field="count")
    until = max(_utc(before), BEGINNING + _INSTANT) - _INSTANT
    look = _FIRST_LOOK
    while True:
        start = until - min(look, until - BEGINNING)
        found = deque(due_between(schedule, start, until), maxlen=count)
        if len(found) == count or start <= BEGINNING:
            return tuple(found)
        look *= 2


def previous_due(schedule: Schedule, due: datetime) -> datetime:
    """The due time before another: where the interval of that one's run starts. The same where there is none before."""
    return next(iter(last_due(schedule, due, 1)), due)


def _due(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    zone = time_zone(schedule.timezone)
    if schedule.kind == ScheduleKind.INTERVAL:
        anchor = _utc(schedule.anchor).replace(microsecond=0)
        return interval.due_times(interval.parse_interval(schedule.expression), anchor, after, until)
    cron = parse_cron(schedule.expression)
    if after >= until:
        return iter(())
    return _real_times(cron, zone, after, until) if cron.real_time else _clock_times(cron, zone, after, until)


def _real_times(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Whenever the clock shows one of the times."""
    start, stop = after + _INSTANT, until + _INSTANT
    while start < stop:
        day = next(days(cron, wall_time(zone, start).date(), END.date()), END.date())
        start = max(start, datetime.combine(day, time(), UTC) - _FARTHEST)
        end = min(start + _STRETCH, stop)
        for since, to, offset in spans(zone, start, end):
            for wall in wall_times(cron, _shown(since, offset), _shown(to, offset)):
                yield (wall - offset).replace(tzinfo=UTC)
        start = end


def _clock_times(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """When the clock first shows, or passes, each of the times; several that it passes at once are one."""
    for wall in wall_times(cron, wall_time(zone, after), _shown(END, _FARTHEST)):
        due = first_instant(zone, wall)
        if due > until:
            return
        if due > after:
            after = due
            yield due


def _shown(instant: datetime, offset: timedelta) -> datetime:
    return instant.replace(tzinfo=None) + offset


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC)
