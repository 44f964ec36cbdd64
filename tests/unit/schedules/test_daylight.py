"""Daylight saving, both ways and in odd places: what is skipped runs once, what comes twice runs once, at the first."""

import pytest
from tests.unit.schedules.times import cron, utc

from headrace.schedules.due import due_after, due_between, previous_due

# zone, expression, from, to (UTC, both excluded and included as usual), the due times in UTC
TABLE = {
    "Berlin, in the gap: at its end": (
        *("Europe/Berlin", "30 2 * * *", "2026-03-28 00:00", "2026-03-30 12:00"),
        ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"],
    ),
    "Berlin, several in the gap and one at its end: one": (
        *("Europe/Berlin", "0,20,40 2,3 * * *", "2026-03-29 00:00", "2026-03-29 12:00"),
        ["2026-03-29 01:00", "2026-03-29 01:20", "2026-03-29 01:40"],
    ),
    "Berlin, minutes are a wildcard but the hour is not: still once": (
        *("Europe/Berlin", "*/15 2 * * *", "2026-03-29 00:00", "2026-03-30 00:20"),
        ["2026-03-29 01:00", "2026-03-30 00:00", "2026-03-30 00:15"],
    ),
    "Berlin, in the overlap: the first": (
        *("Europe/Berlin", "30 2 * * *", "2026-10-24 00:00", "2026-10-26 12:00"),
        ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"],
    ),
    "Berlin, the overlap, every 20 minutes of a fixed hour: the first three": (
        *("Europe/Berlin", "*/20 2 * * *", "2026-10-25 00:00", "2026-10-25 12:00"),
        ["2026-10-25 00:20", "2026-10-25 00:40"],
    ),
    "Berlin, the overlap, every hour: real hours": (
        *("Europe/Berlin", "30 * * * *", "2026-10-24 23:00", "2026-10-25 03:00"),
        ["2026-10-24 23:30", "2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"],
    ),
    "Berlin, the gap, every hour: real hours": (
        *("Europe/Berlin", "30 * * * *", "2026-03-28 23:00", "2026-03-29 02:00"),
        ["2026-03-28 23:30", "2026-03-29 00:30", "2026-03-29 01:30"],
    ),
    "Berlin, every second hour by the clock, in the overlap": (
        *("Europe/Berlin", "0 */2 * * *", "2026-10-24 22:30", "2026-10-25 03:30"),
        ["2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 03:00"],
    ),
    "New York, in the gap": (
        *("America/New_York", "30 2 * * *", "2026-03-08 00:00", "2026-03-09 12:00"),
        ["2026-03-08 07:00", "2026-03-09 06:30"],
    ),
    "New York, in the overlap": (
        *("America/New_York", "30 1 * * *", "2026-11-01 00:00", "2026-11-02 12:00"),
        ["2026-11-01 05:30", "2026-11-02 06:30"],
    ),
    "Lord Howe skips 30 minutes": (
        *("Australia/Lord_Howe", "15 2 * * *", "2026-10-02 00:00", "2026-10-04 23:00"),
        ["2026-10-02 15:45", "2026-10-03 15:30", "2026-10-04 15:15"],
    ),
    "Lord Howe repeats 30 minutes": (
        *("Australia/Lord_Howe", "45 1 * * *", "2026-04-04 00:00", "2026-04-05 23:00"),
        ["2026-04-04 14:45", "2026-04-05 15:15"],
    ),
    "Lord Howe repeats 30 minutes, every hour at half past: half an hour apart": (
        *("Australia/Lord_Howe", "30 * * * *", "2026-04-04 14:00", "2026-04-04 16:00"),
        ["2026-04-04 14:30", "2026-04-04 15:00", "2026-04-04 16:00"],
    ),
    "Santiago skips midnight": (
        *("America/Santiago", "0 0 * * *", "2026-09-05 00:00", "2026-09-07 12:00"),
        ["2026-09-05 04:00", "2026-09-06 04:00", "2026-09-07 03:00"],
    ),
    "Beirut skips midnight": (
        *("Asia/Beirut", "0 0 * * *", "2026-03-28 00:00", "2026-03-29 23:00"),
        ["2026-03-28 22:00", "2026-03-29 21:00"],
    ),
    "Cairo skips the hour after midnight of a Friday": (
        *("Africa/Cairo", "30 0 * * fri", "2026-04-20 00:00", "2026-05-01 23:00"),
        ["2026-04-23 22:00", "2026-04-30 21:30"],
    ),
    "Havana repeats the hour after midnight": (
        *("America/Havana", "30 0 * * *", "2026-11-01 00:00", "2026-11-02 12:00"),
        ["2026-11-01 04:30", "2026-11-02 05:30"],
    ),
    "St. John's went from one minute past midnight into the day before": (
        *("America/St_Johns", "30 23 * * *", "2009-10-31 00:00", "2009-11-02 12:00"),
        ["2009-10-31 02:00", "2009-11-01 02:00", "2009-11-02 03:00"],
    ),
    "St. John's, real hours": (
        *("America/St_Johns", "0 * * * *", "2009-11-01 01:00", "2009-11-01 05:00"),
        ["2009-11-01 01:30", "2009-11-01 02:30", "2009-11-01 03:30", "2009-11-01 04:30"],
    ),
    "Apia has no 30 December 2011: its times are due as it ends": (
        *("Pacific/Apia", "0 9,12 30 12 *", "2011-12-28 00:00", "2012-01-02 00:00"),
        ["2011-12-30 10:00"],
    ),
    "Apia, real hours": (
        *("Pacific/Apia", "0 */12 * * *", "2011-12-29 12:00", "2011-12-31 12:00"),
        ["2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00", "2011-12-31 10:00"],
    ),
    "Kwajalein has no 21 August 1993": (
        *("Pacific/Kwajalein", "0 12 * * *", "1993-08-20 00:00", "1993-08-22 23:00"),
        ["1993-08-21 00:00", "1993-08-21 12:00", "1993-08-22 00:00"],
    ),
    "Monrovia's clocks were 44 min 30 s behind": (
        *("Africa/Monrovia", "0 12 * * *", "1960-01-01 00:00", "1960-01-02 00:00"),
        ["1960-01-01 12:44:30"],
    ),
    "Monrovia, real hours": (
        *("Africa/Monrovia", "0 * * * *", "1960-01-01 00:00", "1960-01-01 02:00"),
        ["1960-01-01 00:44:30", "1960-01-01 01:44:30"],
    ),
    "Berlin, far in the future": (
        *("Europe/Berlin", "30 2 * * *", "2400-03-25 12:00", "2400-03-26 12:00"),
        ["2400-03-26 01:00"],
    ),
}


@pytest.mark.parametrize(("zone", "expression", "after", "until", "expected"), TABLE.values(), ids=TABLE.keys())
def test_daylight_saving(zone, expression, after, until, expected):
    assert list(due_between(cron(expression, zone), utc(after), utc(until))) == [utc(text) for text in expected]


@pytest.mark.parametrize(("zone", "expression", "after", "until", "expected"), TABLE.values(), ids=TABLE.keys())
def test_it_does_not_matter_from_where_one_looks(zone, expression, after, until, expected):
    """Each due time is found from the one before it, and the one before it from itself."""
    schedule, due = cron(expression, zone), [utc(text) for text in expected]
    assert [due_after(schedule, moment) for moment in [utc(after), *due[:-1]]] == due
    assert [previous_due(schedule, moment) for moment in due[1:]] == due[:-1]
