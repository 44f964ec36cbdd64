"""The times that a cron expression means, as a clock on the wall shows them: no zone, no daylight saving."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from headrace.schedules.cron import SUNDAY, Cron

_DAY = timedelta(days=1)


def wall_times(cron: Cron, start: datetime, end: datetime) -> Iterator[datetime]:
    """Those from `start` on and before `end`, in order; all without a zone."""
    for day in days(cron, start.date(), end.date()):
        midnight = datetime.combine(day, time())
        times = cron.times if midnight >= start else cron.times[bisect_left(cron.times, start - midnight) :]
        for moment in times:
            wall = midnight + moment
            if wall >= end:
                return
            yield wall


def days(cron: Cron, day: date, last: date) -> Iterator[date]:
    """The days of the expression from `day` to `last`, both included, in order."""
    while day <= last:
        if day.month not in cron.months:
            day = (day.replace(day=1) + 31 * _DAY).replace(day=1)
            continue
        if _falls_on(cron, day):
            yield day
        day += _DAY


def _falls_on(cron: Cron, day: date) -> bool:
    by_date, by_weekday = day.day in cron.days, day.isoweekday() % SUNDAY in cron.weekdays
    return by_date or by_weekday if cron.either else by_date and by_weekday
