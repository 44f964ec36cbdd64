"""How long a read is held back."""

import pytest

from headrace_runner.pace import Pace


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_without_a_limit_nothing_waits():
    pace = Pace(None)
    assert (pace.batch_size(5000), pace.delay_after(10**9)) == (5000, 0.0)


def test_a_batch_is_at_most_a_seconds_worth():
    assert [Pace(rate).batch_size(1000) for rate in (1, 999, 5000)] == [1, 999, 1000]


@pytest.mark.parametrize("busy", [0.0, 0.05, 0.1])
def test_rows_a_second_are_kept_whatever_the_target_takes(busy):
    clock = Clock()
    pace = Pace(1000, clock)
    for _ in range(100):
        clock.now += busy
        clock.now += pace.delay_after(100)
    assert clock.now - 100.0 == pytest.approx(10.0, abs=0.2)


def test_a_long_pause_earns_at_most_a_second():
    clock = Clock()
    pace = Pace(1000, clock)
    clock.now += 3600
    assert sum(pace.delay_after(100) for _ in range(20)) > 0.9
