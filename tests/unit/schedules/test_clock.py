"""Due times against a clock that is read every minute, around the moments when it is changed."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.schedules.times import cron, utc

from headrace.schedules.due import due_between

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CHANGES = [
    *[("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"), ("America/New_York", "2026-03-08")],
    *[("Australia/Lord_Howe", "2026-04-04"), ("Australia/Lord_Howe", "2026-10-03"), ("Africa/Cairo", "2026-04-24")],
    *[("America/Santiago", "2026-04-05"), ("America/Santiago", "2026-09-06"), ("Asia/Beirut", "2026-03-29")],
    *[("America/Havana", "2026-03-08"), ("America/Havana", "2026-11-01"), ("America/St_Johns", "2009-11-01")],
    *[("Pacific/Apia", "2011-12-30"), ("Pacific/Kwajalein", "1993-08-21"), ("Asia/Kathmandu", "1985-12-31")],
    *[("Asia/Pyongyang", "2015-08-14"), ("Europe/Lisbon", "1992-09-27"), ("Antarctica/Troll", "2026-03-29")],
    *[("America/Juneau", "1983-10-30"), ("UTC", "2026-03-29")],
]


@st.composite
def parts(draw, first, last):
    """The text of a field and the numbers that it means."""
    low = draw(st.integers(first, last))
    high, step = draw(st.integers(low, last)), draw(st.integers(1, last - first + 1))
    return draw(
        st.sampled_from(
            [
                (str(low), {low}),
                (f"{low}-{high}", {*range(low, high + 1)}),
                (f"{low}-{high}/{step}", {*range(low, high + 1, step)}),
                (f"{low},{high}", {low, high}),
            ]
        )
    )


MINUTES = st.one_of(parts(0, 59), st.sampled_from([("*/20", {0, 20, 40}), ("*", {*range(60)})]))
HOURS = parts(0, 23)
WILDCARDS = st.sampled_from([("*", {*range(24)}), ("*/2", {*range(0, 24, 2)}), ("*/5,3", {0, 3, 5, 10, 15, 20})])


def ticks(zone, day):
    """Instants, a minute apart, from 36 hours before the change to 48 after it, and what the clock shows."""
    start = utc(day) - DAY * 3 // 2
    return [(start + k * MINUTE, _shown(start + k * MINUTE, zone)) for k in range(5040)]


def _shown(instant, zone):
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CHANGES), MINUTES, WILDCARDS)
def test_with_wildcard_hours_it_is_due_whenever_the_clock_shows_the_minute(change, minutes, hours):
    clock = ticks(*change)
    expected = [i for i, wall in clock[1:] if wall.minute in minutes[1] and wall.hour in hours[1] and not wall.second]
    schedule = cron(f"{minutes[0]} {hours[0]} * * *", change[0])
    assert list(due_between(schedule, clock[0][0], clock[-1][0])) == expected


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CHANGES), MINUTES, HOURS)
@example(("Pacific/Apia", "2011-12-30"), ("*/20", {0, 20, 40}), ("0-23", {*range(24)}))
def test_with_fixed_hours_it_is_due_when_the_clock_first_shows_or_passes_the_time(change, minutes, hours):
    clock = ticks(*change)
    expected, latest = [], clock[0][1]
    for instant, wall in clock[1:]:
        passed = (latest + k * MINUTE for k in range(1, (wall - latest) // MINUTE + 1))
        if any(time.minute in minutes[1] and time.hour in hours[1] for time in passed):
            expected.append(instant)
        latest = max(latest, wall)
    schedule = cron(f"{minutes[0]} {hours[0]} * * *", change[0])
    assert list(due_between(schedule, clock[0][0], clock[-1][0])) == expected
