"""COPY's bytes: header, rows, fields."""

import struct
from array import array
from itertools import accumulate

import pytest

from headrace_runner.postgres.wire import (
    HEADER,
    binary_fields,
    edge_of,
    key_bytes,
    text_fields,
    without_cursor,
    without_header,
)
from headrace_runner.projection import Field, Projection
from headrace_runner.protocols import Edge
from headrace_runner.rows import Rows

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
    assert without_header(row(b"a")) == row(b"a")


def test_the_cursor_comes_before_the_key():
    projection = Projection(keys=KEY.keys, others=(), cursor="at")
    assert edge_of(row(b"now", b"7", b"x"), projection) == Edge(b"now", (b"7",))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_are_split_where_each_ends(count):
    each = [row(bytes([number]) * number) for number in range(count)]
    rows = Rows(b"".join(each), array("I", accumulate(map(len, each))))
    assert rows.split() == each
    assert len(rows) == count
    if each:
        assert (rows.first, rows.last) == (each[0], each[-1])


@pytest.mark.parametrize(
    ("whole", "projection", "key"),
    [
        (row(b"7", b"x"), KEY, row(b"7", b"x")[: 2 + 4 + 1]),
        (row(None, b"x"), KEY, row(None, b"x")[: 2 + 4]),
        (b"7\tx\n", TEXT, b"7"),
        (b"7\n", TEXT, b"7"),
    ],
)
def test_the_bytes_of_a_key(whole, projection, key):
    assert key_bytes(whole, projection) == key


def test_a_row_without_its_cursor():
    binary = Projection(keys=KEY.keys, others=(), cursor="at")
    text = Projection(keys=KEY.keys, others=(), cursor="at", binary=False)
    assert without_cursor(row(b"now", b"7", None), binary) == row(b"7", None)
    assert without_cursor(b"now\t7\t\\N\n", text) == b"7\t\\N\n"
