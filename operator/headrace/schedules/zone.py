"""Time zones: what a clock on the wall shows, and when it first shows it."""

import re
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from headrace.errors import InvalidError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_NO_PLACES = frozenset({"right", "posix", "localtime", "posixrules", "Factory"})
"""Files beside the zones: they count leap seconds, or mean another zone on each machine."""
_SPAN = timedelta(days=1)
"""No zone has changed its offset twice within 3 days, ever."""
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def time_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name (case counts). Raises InvalidError (field `timezone`) when there is none."""
    if not _NAME.fullmatch(name) or name.partition("/")[0] in _NO_PLACES:
        raise _unknown(name)
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _unknown(name) from None


def wall_time(zone: ZoneInfo, instant: datetime) -> datetime:
    """What a clock on the wall shows at that instant, without a zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def first_instant(zone: ZoneInfo, wall: datetime) -> datetime:
    """The first instant, in UTC, at which a clock on the wall shows `wall` or later.

    For a time in a gap that is the first instant after it; for one in an overlap, its first occurrence.
    """
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if wall_time(zone, instant) == wall:
        return instant
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _first(lambda moment: wall_time(zone, moment) >= wall, before, instant)


def spans(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The time from `start` to `end` in pieces of at most a day in which the zone's offset from UTC stays the same."""
    offset = _offset(zone, start)
    while start < end:
        stop = min(start + _SPAN, end)
        following = _offset(zone, stop)
        if following != offset:
            stop = _first(_differs(zone, offset), start, stop)
        yield start, stop, offset
        start, offset = stop, following


def _first(holds: Callable[[datetime], bool], before: datetime, after: datetime) -> datetime:
    """The first whole second for which it holds: it does not at `before`, and does from some time on until `after`."""
    low, high = before.replace(microsecond=0), after.replace(microsecond=0) + _SECOND * bool(after.microsecond)
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _differs(zone: ZoneInfo, offset: timedelta) -> Callable[[datetime], bool]:
    return lambda moment: _offset(zone, moment) != offset


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _unknown(name: str) -> InvalidError:
    text = f"timezone '{name[:100]}' is not known" if name else "timezone is empty"
    return InvalidError(f"{text}: give the name of an IANA time zone, such as UTC or Europe/Berlin", field="timezone")
