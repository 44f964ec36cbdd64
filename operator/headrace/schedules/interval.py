"""Intervals: a number and a unit, counted from an anchor in real time."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from headrace.errors import InvalidError

_FORM = re.compile(r"(0|[1-9][0-9]{0,8})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = timedelta(days=366)


def parse_interval(expression: str) -> timedelta:
    """The length of an interval such as `15s` or `1d` (86,400 s, whatever the clock does).

    Raises InvalidError (field `expression`) for what is none, or longer than 366 days.
    """
    found = _FORM.fullmatch(expression)
    if not found:
        raise _invalid(expression, "give one whole number and a unit (s, m, h or d), such as 15s, 30m, 2h or 1d")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds == 0:
        raise _invalid(expression, "give at least 1s")
    if seconds > LONGEST.total_seconds():
        raise _invalid(expression, f"give at most {LONGEST.days}d")
    return timedelta(seconds=seconds)


def due_times(interval: timedelta, anchor: datetime, after: datetime, until: datetime) -> Iterator[datetime]:
    """`anchor` plus whole multiples of the interval, negative ones too: those in (after, until], in order."""
    first = (after - anchor) // interval + 1
    last = (until - anchor) // interval
    return (anchor + k * interval for k in range(first, last + 1))


def _invalid(expression: str, advice: str) -> InvalidError:
    shown = f"interval '{expression[:40]}'" if expression else "the interval is empty"
    return InvalidError(f"{shown}: {advice}", field="expression")
