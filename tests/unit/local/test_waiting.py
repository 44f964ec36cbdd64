"""Waits are bounded and say what they waited for."""

import pytest

from headrace_local.waiting import TooLongError, wait_for


def test_the_first_true_answer_comes_back():
    answers = iter([None, "", 0, "here"])
    assert wait_for("it", lambda: next(answers), seconds=5, every=0) == "here"


def test_it_gives_up_and_says_what_it_saw():
    with pytest.raises(TooLongError, match=r"waited 0 s for the moon; last seen: RUNNING"):
        wait_for("the moon", lambda: None, seconds=0, every=0, seen=lambda: "RUNNING")
