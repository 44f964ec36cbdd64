"""Which transactions a run still waits for."""

import pytest

from headrace_runner.sources.postgres.transactions import left_of


def names(text: str) -> frozenset[str]:
    """`p1` stands for one that is prepared."""
    return frozenset(f"prepared {word}" if word.startswith("p") else word for word in text.split())


@pytest.mark.parametrize(
    ("first", "left", "now", "expected"),
    [
        ("a b", "a b", "a b", "a b"),
        ("a b", "a b", "b c", "b"),
        ("a", "a", "c d", ""),
        # What is prepared while all are still there is none of them.
        ("a", "a", "a p1", "a"),
        # One is gone: it may be any that has been prepared since.
        ("a b", "a b", "b p1 p2", "b p1 p2"),
        # It was seen under both names before.
        ("a", "a", "p1", "p1"),
        # Those that were prepared at first are known by name.
        ("a p1", "a p1", "p1 p2", "p1 p2"),
        ("p1", "p1", "p2", ""),
        ("a", "p1", "p1 p2", "p1"),
        ("a", "p1", "p2", ""),
    ],
)
def test_one_that_was_prepared_meanwhile_is_still_waited_for(first, left, now, expected):
    assert left_of(names(left), names(now), names(first)) == names(expected)
