"""Due times against cronsim's over years, where both mean the same.

On purpose ours differ from cronsim's: a step such as `*/2` restricts the days, so that `0 0 */2 * MON` is
due on either; steps from a weekday on end with Saturday, not with the Sunday after it; times that fall together at the
end of a gap are due once; a wildcard of minutes alone does not make hours follow real time; and with wildcard hours
a clock that skips midnight shows none, and one that is put back by 30 minutes shows both halves of the hour
(`test_clock.py` compares those with a clock).
"""

import itertools
import random
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from tests.unit.schedules.times import cron, utc

from headrace.schedules.due import due_between

FIELDS = {
    "minute": ["0", "30", "59", "7,23", "10-20", "5-55/10", "3/13", "0,15-17,40"],
    "hour": ["0", "2", "3", "23", "1,2,3", "9-17", "0-23", "4-20/8", "6/7"],
    "any minute": ["*", "*/15", "*/7", "30", "0"],
    "any hour": ["*", "*/2", "*/5"],
    "day": ["*", "*", "1", "31", "29,30", "10-20/3", "28-31"],
    "month": ["*", "*", "2", "JAN,jul", "3-5", "*/4", "10/2"],
    "weekday": ["*", "*", "0", "7", "MON-FRI", "sat", "5-7", "1,3", "*/3"],
}
PLAIN_ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]
ZONES = [*PLAIN_ZONES, "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo"]


def expressions(minute, hour, seed):
    """Some of the expressions that the parts make, the same ones each time."""
    draw = random.Random(seed)
    names = (minute, hour, "day", "month", "weekday")
    made = {" ".join(draw.choice(FIELDS[name]) for name in names) for _ in range(25)}
    return [e for e in sorted(made) if not _differs(e) and not _never(e)]


def _differs(expression):
    _, _, day, _, weekday = expression.split()
    return day != "*" and weekday.startswith("*/")


def _never(expression):
    _, _, day, month, weekday = expression.split()
    return weekday == "*" and day == "31" and month == "2"


def theirs(expression, zone, start, end):
    """The due times of cronsim in UTC, each once."""
    found = (moment.astimezone(UTC) for moment in CronSim(expression, start.astimezone(ZoneInfo(zone))))
    inside = itertools.takewhile(lambda moment: moment <= end, found)
    return [moment for moment, _ in itertools.groupby(inside)]


@pytest.mark.parametrize(
    ("minute", "hour", "years", "zone"),
    [*[("minute", "hour", 6, zone) for zone in ZONES], *[("any minute", "any hour", 1, zone) for zone in PLAIN_ZONES]],
)
def test_years_of_due_times_are_the_same(minute, hour, years, zone):
    start = utc("2024-01-01 00:00:30")
    end = start + timedelta(days=366 * years)
    for expression in expressions(minute, hour, zone):
        ours = list(due_between(cron(expression, zone), start, end))
        assert ours == theirs(expression, zone, start, end), expression
