"""What is begun ahead is given once, and never left open."""

import threading
from typing import Any

import pytest

from headrace_runner.ahead import Ahead

SECONDS = 10


class Thing:
    """Something to be let go of."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        """Lets go."""
        self.closed.set()


def test_it_is_made_before_it_is_taken_and_made_anew_after_that() -> None:
    made: list[Thing] = []
    begun = threading.Event()

    def make() -> Thing:
        made.append(Thing())
        begun.set()
        return made[-1]

    ahead = Ahead(make)
    assert begun.wait(SECONDS)
    first, second = ahead.take(), ahead.take()
    assert [first, second] == made
    ahead.close()
    assert not first.closed.is_set()
    assert not second.closed.is_set()


def test_what_went_wrong_is_raised_where_the_result_is_wanted() -> None:
    def make() -> Any:
        raise ConnectionError("nobody there")

    ahead = Ahead(make)
    for _ in range(2):
        with pytest.raises(ConnectionError, match="nobody there"):
            ahead.take()


@pytest.mark.parametrize("is_slow", [False, True])
def test_what_nobody_takes_is_closed_also_when_it_comes_later(is_slow: bool) -> None:
    thing, go_on, begun = Thing(), threading.Event(), threading.Event()

    def make() -> Thing:
        begun.set()
        go_on.wait(SECONDS)
        return thing

    ahead = Ahead(make)
    assert begun.wait(SECONDS)
    if not is_slow:
        go_on.set()
    ahead.close()
    go_on.set()
    assert thing.closed.wait(SECONDS)
