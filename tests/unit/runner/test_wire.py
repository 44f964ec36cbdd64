"""COPY's bytes: header, rows, fields, batches."""

import struct

import pytest

from headrace_runner.protocols import Edge, Field, Projection
from headrace_runner.sources.postgres.batches import Limits, batches_of, rows_of
from headrace_runner.wire import HEADER, TRAILER, binary_fields, edge_of, text_fields, without_header

KEY = Projection(keys=(Field(name="id", type_name="integer"),), others=())
TEXT = Projection(keys=KEY.keys, others=(), binary=False)


def row(*fields):
    lengths = [-1 if field is None else len(field) for field in fields]
    parts = [struct.pack("!i", length) + (field or b"") for length, field in zip(lengths, fields, strict=True)]
    return struct.pack("!h", len(fields)) + b"".join(parts)


@pytest.mark.parametrize("fields", [(b"a",), (None, b""), (b"\x00\xff" * 9, None, b"c")])
def test_binary_fields(fields):
    assert binary_fields(row(*fields, b"more"), len(fields)) == fields


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (b"a\tb\tc\n", (b"a", b"b")),
        (b"\\N\t\n", (None, b"")),
        (b"a\\tb\tc\\nd\\\\\n", (b"a\tb", b"c\nd\\")),
        (b"\\\\N\t\\b\\f\\r\\v\n", (b"\\N", b"\b\f\r\v")),
    ],
)
def test_text_fields(line, fields):
    assert text_fields(line, 2) == fields


def test_the_header_comes_with_the_first_row_or_alone():
    assert without_header(HEADER + row(b"a")) == row(b"a")
    assert without_header(HEADER) == b""
    assert list(rows_of([HEADER, row(b"a"), TRAILER], KEY)) == [row(b"a")]
    assert list(rows_of([HEADER + row(b"a"), row(b"b"), TRAILER], KEY)) == [row(b"a"), row(b"b")]
    assert list(rows_of([HEADER + TRAILER], KEY)) == []
    assert list(rows_of([], KEY)) == []


def test_the_cursor_comes_before_the_key():
    projection = Projection(keys=KEY.keys, others=(), cursor="at")
    assert edge_of(row(b"now", b"7", b"x"), projection) == Edge(b"now", (b"7",))


def batches(count, *, rows=2, size=1000, start=None):
    stream = iter([row(bytes([number])) for number in range(count)])
    return list(batches_of(stream, KEY, Limits(rows=rows, size=size), start))


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, [0]), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2])],
)
def test_the_last_batch_is_final_and_empty_only_when_there_is_nothing(count, sizes):
    cut = batches(count)
    assert [batch.rows for batch in cut] == sizes
    assert [batch.final for batch in cut] == [False] * (len(sizes) - 1) + [True]
    assert b"".join(batch.data for batch in cut) == b"".join(row(bytes([number])) for number in range(count))


def test_a_batch_knows_the_row_before_it():
    first, second = batches(4)
    assert (first.previous, first.first, first.last) == (None, Edge(None, (b"\x00",)), Edge(None, (b"\x01",)))
    assert second.previous == first.last


def test_a_batch_ends_after_so_many_bytes():
    assert [batch.rows for batch in batches(5, rows=100, size=len(row(b"x")) * 2)] == [2, 2, 1]


def test_the_row_to_start_after_is_dropped_when_it_is_still_there():
    there = batches(3, start=Edge(None, (b"\x00",)))
    assert [batch.rows for batch in there] == [2]
    assert there[0].previous == Edge(None, (b"\x00",))
    gone = batches(3, start=Edge(None, (b"\x07",)))
    assert [batch.rows for batch in gone] == [2, 1]
    assert gone[0].previous is None
