"""A COPY's rows, cut into batches as they come."""

import psycopg
import pytest

from headrace_runner.postgres.copystream import CopyStream
from headrace_runner.projection import Field, Projection
from headrace_runner.protocols import Edge
from headrace_runner.sources.postgres.batches import Limits, batches_of

WIDTH = 2 + 4 + 4
"""Bytes of a binary row with one integer."""


@pytest.fixture
def batches(rig):
    """Cuts the numbers from 0 to `count` - 1."""
    with psycopg.connect(rig.source, autocommit=True) as connection:

        def cut(count, *, rows=2, size=1000, start=None, binary=True):
            projection = Projection(keys=(Field(name="n", type_name="integer"),), others=(), binary=binary)
            query = f"SELECT n::int4 FROM generate_series(0, {count - 1}) AS n"
            style = "BINARY" if binary else "TEXT"
            stream = CopyStream(connection, f"COPY ({query}) TO STDOUT (FORMAT {style})", binary=binary)
            return list(batches_of(stream, projection, Limits(rows=rows, size=size), start))

        yield cut


def edge(number):
    return Edge(None, (number.to_bytes(4, "big"),))


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, [0]), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2])],
)
def test_the_last_batch_is_final_and_empty_only_when_there_is_nothing(batches, count, sizes, binary):
    there = batches(count, binary=binary)
    assert [len(batch.rows) for batch in there] == sizes
    assert [batch.final for batch in there] == [False] * (len(sizes) - 1) + [True]
    data = b"".join(batch.rows.data for batch in there)
    assert data == b"".join(
        b"\x00\x01\x00\x00\x00\x04" + n.to_bytes(4, "big") if binary else b"%d\n" % n for n in range(count)
    )


def test_a_batch_knows_the_row_before_it(batches):
    first, second = batches(4)
    assert (first.previous, first.first, first.last) == (None, edge(0), edge(1))
    assert second.previous == first.last


def test_a_batch_ends_after_so_many_bytes(batches):
    assert [len(batch.rows) for batch in batches(5, rows=100, size=WIDTH * 2)] == [2, 2, 1]


def test_the_row_to_start_after_is_dropped_when_it_is_still_there(batches):
    there = batches(3, start=edge(0))
    assert [len(batch.rows) for batch in there] == [2]
    assert there[0].previous == edge(0)
    gone = batches(3, start=edge(7))
    assert [len(batch.rows) for batch in gone] == [2, 1]
    assert gone[0].previous is None


def test_a_text_of_two_bytes_is_a_row(batches):
    """In the binary format a message of two bytes is the trailer."""
    assert [len(batch.rows) for batch in batches(10, rows=100, binary=False)] == [10]


def test_a_long_stream_comes_whole(batches):
    there = batches(100_000, rows=1000, size=10**9)
    assert [len(batch.rows) for batch in there] == [1000] * 100
    assert there[-1].last == edge(99_999)
