"""Cron expressions: five fields, read into numbers or refused in the words of whoever wrote them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from headrace.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Field:
    """One of the five fields: the numbers that it takes, and their names."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    """In upper case, from `first` on."""


DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MINUTE, HOUR, DAY = Field("minute", 0, 59), Field("hour", 0, 23), Field("day of month", 1, 31)
MONTH, WEEKDAY = Field("month", 1, 12, MONTHS), Field("day of week", 0, 6, DAYS)
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
SUNDAY = 7
"""Another name for day 0; so that weeks may end with it, SUN means it at the end of a range."""
LONGEST_MONTHS = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))

_PART = re.compile(r"(\*|[0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?(?:/([0-9]+))?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression, read."""

    times: tuple[timedelta, ...]
    """The times of a day, from midnight, in order."""
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either: bool
    """Both days and weekdays are restricted: one of them is enough."""
    real_time: bool
    """Its hours are a wildcard: it is due whenever the clock shows the minute, be it for the second time that day."""


@lru_cache(maxsize=4096)
def parse_cron(expression: str) -> Cron:
    """Reads `minute hour day-of-month month day-of-week`.

    Raises InvalidError (field `expression`), which names the field and its bad token.
    """
    texts = _split(expression)
    minutes, hours, days, months, weekdays = (_numbers(f, text) for f, text in zip(FIELDS, texts, strict=True))
    either = not _is_open(texts[2]) and not _is_open(texts[4])
    if not either and min(days) > max(LONGEST_MONTHS[month] for month in months):
        raise _invalid(f"{DAY.name}: '{texts[2]}' never comes in {MONTH.name} '{texts[3]}'")
    return Cron(
        times=tuple(timedelta(hours=hour, minutes=minute) for hour in sorted(hours) for minute in sorted(minutes)),
        days=days,
        months=months,
        weekdays=frozenset(day % SUNDAY for day in weekdays),
        either=either,
        real_time=any(part.startswith("*") for part in texts[1].split(",")),
    )


def _split(expression: str) -> list[str]:
    texts = expression.strip(" \t").replace("\t", " ").split(" ")
    texts = [text for text in texts if text]
    order = "minute, hour, day of month, month, day of week"
    if texts and texts[0].startswith("@"):
        raise _invalid(f"'{_shown(texts[0])}' is not taken: write five fields ({order}), such as 0 0 * * *")
    if len(texts) == len(FIELDS):
        return texts
    if len(texts) > len(FIELDS):
        hint = f"'{_shown(texts[5])}' is one too many; there is no field for seconds or years"
    else:
        hint = f"the {FIELDS[len(texts)].name} is missing"
    raise _invalid(f"a cron expression has five fields ({order}), not {len(texts)}: {hint}")


def _is_open(text: str) -> bool:
    """Whether a field of days leaves all of them open, in which case the other one decides alone."""
    return any(part in {"*", "*/1"} for part in text.split(","))


def _numbers(field: Field, text: str) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _part(field, part))


def _part(field: Field, part: str) -> Iterator[int]:
    found = _PART.fullmatch(part)
    if not found or (found[1] == "*" and found[2]):
        known = "a field is *, or numbers, ranges and steps such as 5, 1-5, */15 or 0,30; there is no L, W, # or ?"
        raise _invalid(f"{field.name}: '{_shown(part)}' is not taken: {known}")
    start, end, step = found.groups()
    first = field.first if start == "*" else _number(field, start, part)
    last = _last(field, first, end, part) if end else field.last if start == "*" or step else first
    if last < first:
        raise _invalid(f"{field.name}: the range '{_shown(part)}' ends before it begins")
    return iter(range(first, last + 1, _step(field, step, part)))


def _last(field: Field, first: int, end: str, part: str) -> int:
    last = _number(field, end, part)
    return SUNDAY if field is WEEKDAY and end.upper() == "SUN" and first > 0 else last


def _number(field: Field, text: str, part: str) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.first
    last = SUNDAY if field is WEEKDAY else field.last
    if _NUMBER.fullmatch(text) and field.first <= int(text) <= last:
        return int(text)
    named = f", nor one of {field.names[0]} to {field.names[-1]}" if field.names else ""
    inside = "" if text == part else f" in '{_shown(part)}'"
    raise _invalid(f"{field.name}: '{_shown(text)}'{inside} is no number from {field.first} to {last}{named}")


def _step(field: Field, text: str | None, part: str) -> int:
    if text is None:
        return 1
    values = field.last - field.first + 1
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= values:
        raise _invalid(f"{field.name}: the step in '{_shown(part)}' is no number from 1 to {values}")
    return int(text)


def _shown(token: str) -> str:
    return token if len(token) <= 40 else token[:40] + "…"


def _invalid(message: str) -> InvalidError:
    return InvalidError(message, field="expression")
