"""How often somebody may call."""

import pytest

from headrace_api.auth.limiting import Limit, Rate, rate_of


class Clock:
    """Moves when it is told to."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(
    ("text", "rate"),
    [("50/second", Rate(50, 1)), ("1/minute", Rate(1, 60)), ("1000/hour", Rate(1000, 3600)), ("9/day", Rate(9, 86400))],
)
def test_a_rate_is_a_number_and_a_time(text, rate):
    assert rate_of(text) == rate


@pytest.mark.parametrize(
    "text", ["", "often", "0/second", "-1/second", "1.5/second", "5", "5/week", "5 / day", "٣/day"]
)
def test_anything_else_is_none(text):
    with pytest.raises(ValueError, match="such as 50/second"):
        rate_of(text)


def test_any_window_holds_so_many_calls_and_no_more(clock):
    limit = Limit(Rate(3, 10), clock=clock)
    taken = []
    for moment in (0, 4, 8, 9, 10, 10.5, 13.9, 14, 18, 19, 20):
        clock.now = 100 + moment
        if limit.take("jane").allowed:
            taken.append(moment)
    assert taken == [0, 4, 8, 10, 14, 18, 20]


def test_each_caller_has_a_window_of_their_own(clock):
    limit = Limit(Rate(2, 3600), clock=clock)
    assert [limit.take("jane").allowed for _ in range(3)] == [True, True, False]
    assert limit.take("joe").allowed


def test_what_is_left_is_said(clock):
    limit = Limit(Rate(2, 60), clock=clock)
    quota = limit.take("jane")
    assert (quota.limit, quota.remaining, quota.reset_seconds) == (2, 1, 60)
    clock.now += 45.5
    assert limit.take("jane").headers() == {"RateLimit-Limit": "2", "RateLimit-Remaining": "0", "RateLimit-Reset": "15"}


def test_looking_counts_nothing(clock):
    limit = Limit(Rate(1, 60), clock=clock)
    assert [limit.look("jane").allowed for _ in range(3)] == [True] * 3
    limit.take("jane")
    assert not limit.look("jane").allowed


def test_very_many_callers_are_not_all_remembered(clock):
    limit = Limit(Rate(1, 3600), clock=clock)
    for number in range(10_050):
        assert limit.take(str(number)).allowed
    assert len(limit._windows) == 10_000
    assert not limit.look("10049").allowed
