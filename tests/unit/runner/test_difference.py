"""What a group of rows changes, row by row."""

import pytest

from headrace_runner.protocols import Field, Projection
from headrace_runner.targets.postgres.comparison import Difference, difference, key_reader

KEY = slice(1)
"""The first letter is the key."""


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([], [], Difference(held=0, stale=0)),
        ([b"a1"], [b"a1"], Difference(held=1, stale=0)),
        ([b"a1", b"b1"], [b"b1"], Difference(held=1, stale=0, new=(b"a1",))),
        ([b"a2", b"b1"], [b"a1", b"b1"], Difference(held=2, stale=1, changed=(b"a2",))),
        ([b"b1"], [b"a1", b"b1"], Difference(held=2, stale=1, gone=(b"a1",))),
        (
            [b"a2", b"c1", b"d1"],
            [b"a1", b"b1", b"d1"],
            Difference(held=3, stale=2, new=(b"c1",), changed=(b"a2",), gone=(b"b1",)),
        ),
    ],
)
def test_new_changed_and_gone(ours, theirs, expected):
    assert difference(ours, theirs, lambda row: row[KEY]) == expected


@pytest.mark.parametrize("ours", [[b"a1", b"a1"], [b"a1", b"a2"], [b"a2", b"b1", b"a1"]])
def test_a_key_that_comes_twice_can_not_be_told(ours):
    """Also where one of the two equals the target's row: it is an error, and staging finds which key it is."""
    assert difference(ours, [b"a1"], lambda row: row[KEY]) is None


@pytest.mark.parametrize(
    ("types", "row", "key"),
    [
        (("integer",), b"\0\2\0\0\0\4\0\0\0\7\0\0\0\1x", b"\0\2\0\0\0\4\0\0\0\7"),
        (("text",), b"\0\2\0\0\0\2ab\0\0\0\1x", b"\0\2\0\0\0\2ab"),
        (("bigint", "smallint"), b"\0\2\0\0\0\x0812345678\0\0\0\2ab", b"\0\2\0\0\0\x0812345678\0\0\0\2ab"),
        (("timestamp(3) without time zone",), b"\0\1\0\0\0\x0812345678", b"\0\1\0\0\0\x0812345678"),
    ],
)
def test_the_key_of_a_row(types, row, key):
    keys = tuple(Field(name=f"k{number}", type_name=name) for number, name in enumerate(types))
    assert key_reader(Projection(keys=keys, others=()))(row) == key
