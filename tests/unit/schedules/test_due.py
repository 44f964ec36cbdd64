"""What is asked of due times: the next, those between, the last ones, the one before."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.schedules.times import cron, every, utc

from headrace.errors import InvalidError
from headrace.schedules.due import Schedule, due_after, due_between, last_due, previous_due

NEXT = {
    "the minute after, not the minute itself": ("* * * * *", "2026-01-01 00:00:00", "2026-01-01 00:01"),
    "a fraction after a due time": ("* * * * *", "2026-01-01 00:00:00.000001", "2026-01-01 00:01"),
    "a fraction before a due time": ("* * * * *", "2026-01-01 00:00:59.999999", "2026-01-01 00:01"),
    "lists": ("1,3,50 * * * *", "2026-01-01 00:03", "2026-01-01 00:50"),
    "ranges": ("10-12 5 * * *", "2026-01-01 05:12", "2026-01-02 05:10"),
    "steps": ("*/25 * * * *", "2026-01-01 00:30", "2026-01-01 00:50"),
    "steps of a range": ("10-30/15 * * * *", "2026-01-01 00:10", "2026-01-01 00:25"),
    "steps from a number on": ("50/4 * * * *", "2026-01-01 00:54", "2026-01-01 00:58"),
    "steps from a weekday on end with Saturday": ("0 0 * * 1/3", "2026-01-01 00:00", "2026-01-05 00:00"),
    "names": ("0 0 1 FEB *", "2026-01-01 00:00", "2026-02-01 00:00"),
    "names in any case": ("0 0 * * wEd", "2026-01-01 00:00", "2026-01-07 00:00"),
    "7 is Sunday": ("0 0 * * 7", "2026-01-01 00:00", "2026-01-04 00:00"),
    "0 is Sunday": ("0 0 * * 0", "2026-01-01 00:00", "2026-01-04 00:00"),
    "a week may end with Sunday": ("0 0 * * SAT-SUN", "2026-01-03 00:00", "2026-01-04 00:00"),
    "a week may begin with Sunday": ("0 0 * * SUN-MON", "2026-01-04 00:00", "2026-01-05 00:00"),
    "day or weekday: the weekday": ("0 0 13 * FRI", "2026-01-01 00:00", "2026-01-02 00:00"),
    "day or weekday: the day": ("0 0 13 * FRI", "2026-01-09 00:00", "2026-01-13 00:00"),
    "a step restricts too": ("0 0 */15 * FRI", "2026-01-02 00:00", "2026-01-09 00:00"),
    "any day and a weekday: the weekday alone": ("0 0 * * FRI", "2026-01-02 00:00", "2026-01-09 00:00"),
    "a day and any weekday: the day alone": ("0 0 13 * *", "2026-01-02 00:00", "2026-01-13 00:00"),
    "every day by its step leaves the weekday alone": ("0 0 */1 * FRI", "2026-01-02 00:00", "2026-01-09 00:00"),
    "the 31st": ("0 0 31 * *", "2026-01-31 00:00", "2026-03-31 00:00"),
    "29 February": ("0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00"),
    "29 February, across a century": ("0 0 29 2 *", "2096-02-29 00:00", "2104-02-29 00:00"),
    "29 February, hours by real time": ("0 * 29 2 *", "2096-02-29 23:00", "2104-02-29 00:00"),
    "a day that never comes, but a weekday that does": ("0 0 30 2 MON", "2026-03-01 00:00", "2027-02-01 00:00"),
    "the year's end": ("59 23 31 12 *", "2026-12-31 23:59", "2027-12-31 23:59"),
}
DAY = timedelta(days=1)
SCHEDULES = st.sampled_from(
    [
        *(cron(e, z) for e in ("*/7 * * * *", "30 2 * * *", "0 */2 * * *", "0,30 0-3 * * *", "15 1,2 1,15 * 0") for z in
          ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia", "America/St_Johns")),
        *(every(e, a) for e in ("1m", "90s", "7h", "1d", "13d") for a in ("2026-01-01", "2011-12-30 01:02:03")),
    ]
)  # fmt: skip
MOMENTS = st.integers(0, 2_200_000_000_000_000).map(lambda n: utc("1970-01-01") + timedelta(microseconds=n))


@pytest.mark.parametrize(("expression", "after", "expected"), NEXT.values(), ids=NEXT.keys())
def test_the_next_due_time(expression, after, expected):
    assert due_after(cron(expression), utc(after)) == utc(expected)


def test_due_times_are_after_the_first_bound_and_up_to_the_second():
    schedule = cron("*/10 * * * *")
    due = list(due_between(schedule, utc("2026-01-01 00:10"), utc("2026-01-01 00:30")))
    assert due == [utc("2026-01-01 00:20"), utc("2026-01-01 00:30")]
    assert list(due_between(schedule, utc("2026-01-01 00:10"), utc("2026-01-01 03:00"), limit=1)) == due[:1]
    assert list(due_between(schedule, utc("2026-01-01 00:20"), utc("2026-01-01 00:20"))) == []
    assert list(due_between(schedule, utc("2026-01-01 00:20"), utc("2026-01-01 00:10"))) == []


def test_intervals_are_counted_from_the_anchor_in_real_time_and_backwards_too():
    schedule = Schedule("INTERVAL", "1d", "Europe/Berlin", datetime(2026, 3, 28, 12, 0, 5, 999_999, UTC))
    expected = [utc(f"2026-03-{day} 12:00:05") for day in (27, 28, 29, 30)]
    assert list(due_between(schedule, utc("2026-03-27"), utc("2026-03-31"))) == expected
    assert due_after(schedule, schedule.anchor) == utc("2026-03-29 12:00:05")
    assert last_due(schedule, utc("2026-03-29 12:00:05"), 2) == (expected[0], expected[1])


def test_an_interval_is_computed_in_one_step_however_long_ago_it_began():
    schedule = every("1s", "1970-01-01")
    assert due_after(schedule, utc("9000-01-01")) == utc("9000-01-01 00:00:01")


def test_a_year_of_minutes_is_made_one_by_one():
    """Nothing is held: the first ones are there at once, of a range that has billions."""
    due = due_between(cron("* * * * *"), utc("2026-01-01"), utc("9000-01-01"))
    assert list(itertools.islice(due, 2)) == [utc("2026-01-01 00:01"), utc("2026-01-01 00:02")]


@pytest.mark.parametrize("schedule", [cron("0 0 * * *"), cron("0 * * * *"), every("1h")], ids=lambda s: s.expression)
def test_the_calendar_ends_without_an_error(schedule):
    assert due_after(schedule, datetime.max.replace(tzinfo=UTC)) is None
    assert last_due(schedule, datetime.min.replace(tzinfo=UTC), 3) == ()
    assert previous_due(schedule, datetime.min.replace(tzinfo=UTC)) == datetime.min.replace(tzinfo=UTC)
    assert len(last_due(schedule, datetime.max.replace(tzinfo=UTC), 3)) == 3


def test_moments_of_other_zones_are_taken_and_those_of_none_are_not():
    moment = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    due = due_after(cron("0 0 * * *"), moment)
    assert due == utc("2026-01-02")
    assert due.tzinfo is UTC
    with pytest.raises(ValueError, match="time zone"):
        due_after(cron("0 0 * * *"), utc("2026-01-01").replace(tzinfo=None))


@pytest.mark.parametrize("count", [0, -1, 1001, 100_000])
def test_a_count_out_of_bounds_is_refused(count):
    with pytest.raises(InvalidError) as caught:
        last_due(cron("0 0 * * *"), utc("2026-01-01"), count)
    assert caught.value.field == "count"


def test_the_last_ones_are_before_the_moment_and_oldest_first():
    assert last_due(cron("0 0 * * *"), utc("2026-01-03"), 2) == (utc("2026-01-01"), utc("2026-01-02"))
    assert last_due(cron("0 0 29 2 *"), utc("2026-01-03"), 2) == (utc("2020-02-29"), utc("2024-02-29"))
    assert len(last_due(cron("0 0 1 1 *", "Europe/Berlin"), utc("2026-01-03"), 1000)) == 1000


@given(SCHEDULES, MOMENTS, st.timedeltas(timedelta(0), 3 * DAY), st.floats(0, 1))
def test_ranges_compose_and_due_times_grow(schedule, after, length, share):
    """Looking twice finds what looking once finds, wherever the first look ended: none twice, none lost."""
    split, until = after + length * share, after + length
    whole = list(due_between(schedule, after, until))
    assert [*due_between(schedule, after, split), *due_between(schedule, split, until)] == whole
    assert all(a < b for a, b in itertools.pairwise(whole))
    assert all(after < due <= until and not due.microsecond for due in whole)


@given(SCHEDULES, MOMENTS)
def test_the_next_one_and_the_one_before_it_enclose_the_moment(schedule, moment):
    following = due_after(schedule, moment)
    before = previous_due(schedule, following)
    assert before <= moment < following
    assert due_after(schedule, before) == following
    assert list(due_between(schedule, before, following)) == [following]


@given(SCHEDULES, MOMENTS, st.integers(1, 50))
def test_the_last_ones_are_those_between_the_first_of_them_and_the_moment(schedule, moment, count):
    found = last_due(schedule, moment, count)
    assert len(found) == count
    assert [*found] == [found[0], *due_between(schedule, found[0], moment - timedelta(microseconds=1))]
