"""A source that can't be reached is tried again: seldom where only a person helps, soon where it may pass."""

import pytest

from headrace.model.conditions import Reason
from headrace_operator.monitor.pauses import pause_after


@pytest.mark.parametrize(
    ("reason", "pauses"),
    [
        (Reason.NO_ANSWER, [60, 120, 120, 120]),
        (Reason.CONNECTION_REFUSED, [60, 120, 120, 120]),
        (Reason.LOGIN_REFUSED, [60, 120, 240, 300]),
        (Reason.TLS_FAILED, [60, 120, 240, 300]),
        (Reason.DATABASE_MISSING, [60, 120, 240, 300]),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_pauses_grow_up_to_a_bound(reason: Reason, pauses: list[float]) -> None:
    assert [pause_after(failures, reason, 60) for failures in (1, 2, 3, 400)] == pauses


def test_after_a_success_it_is_the_interval() -> None:
    assert pause_after(0, None, 60) == 60


def test_an_interval_that_is_longer_than_the_longest_pause_is_kept() -> None:
    assert pause_after(5, Reason.LOGIN_REFUSED, 900) == 900
