"""What a group of rows changes, row by row."""

from array import array
from itertools import accumulate

import pytest

from headrace_runner.projection import Field, Projection
from headrace_runner.rows import Rows
from headrace_runner.targets.postgres.difference import CHUNK, Difference, are_same, difference, key_reader


def rows_of(*rows):
    return Rows(b"".join(rows), array("I", accumulate(map(len, rows))))


def first_letters(rows):
    """Their keys."""
    return [row[:1] for row in rows]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([], [], Difference(held=0)),
        ([b"a1"], [b"a1"], Difference(held=1)),
        ([b"a1", b"b1"], [b"b1"], Difference(held=1, new=(b"a1",))),
        ([b"a2", b"b1"], [b"a1", b"b1"], Difference(held=2, changed=(b"a2",))),
        ([b"b1"], [b"a1", b"b1"], Difference(held=2, gone=(b"a1",))),
        (
            [b"a2", b"c1", b"d1"],
            [b"a1", b"b1", b"d1"],
            Difference(held=3, new=(b"c1",), changed=(b"a2",), gone=(b"b1",)),
        ),
    ],
)
def test_new_changed_and_gone(ours, theirs, expected):
    assert difference([rows_of(*ours)], rows_of(*theirs), first_letters) == expected
    assert are_same([rows_of(*ours)], rows_of(*theirs)) is (ours == theirs)
    halves = [rows_of(*ours[:1]), rows_of(*ours[1:])]
    assert difference(halves, rows_of(*theirs), first_letters) == expected


@pytest.mark.parametrize("batch", [1, CHUNK, 30, 100])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {50: b"50 new"},
        {number: b"%02d new" % number for number in range(100)},
        {50: None},
        {0: None, 99: b"99 new"},
        {50: b"50 x", 51: None, 52: b"52"},
    ],
)
def test_whatever_changed_among_many(batch, change):
    """`change` gives the target's rows other bytes, or takes them away."""
    ours = [b"%02d" % number for number in range(100)]
    theirs = [row for row in (change.get(number, row) for number, row in enumerate(ours)) if row is not None]
    batches = [rows_of(*ours[start : start + batch]) for start in range(0, 100, batch)]
    found = difference(batches, rows_of(*theirs), lambda rows: [row[:2] for row in rows])
    assert found == Difference(
        held=len(theirs),
        new=tuple(ours[number] for number, row in change.items() if row is None),
        changed=tuple(ours[number] for number, row in change.items() if row is not None and row != ours[number]),
    )


@pytest.mark.parametrize("ours", [[b"a1", b"a1"], [b"a1", b"a2"], [b"a2", b"b1", b"a1"]])
def test_a_key_that_comes_twice_can_not_be_told(ours):
    """Also where one of the two equals the target's row: it is an error, and staging finds which key it is."""
    assert difference([rows_of(*ours)], rows_of(b"a1"), first_letters) is None


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
    assert key_reader(Projection(keys=keys, others=()))([row]) == [key]
