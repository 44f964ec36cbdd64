"""Cuts a stream of rows into batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

from headrace_runner.protocols import Batch, Edge, Projection
from headrace_runner.wire import TRAILER, edge_of, without_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A batch ends at whichever comes first."""

    rows: int
    size: int
    """In bytes."""


def rows_of(messages: Iterable[bytes], projection: Projection) -> Iterator[bytes]:
    """A stream's rows: in the binary format header and trailer are left out."""
    if not projection.binary:
        yield from messages
        return
    messages = iter(messages)
    first = without_header(next(messages, b""))
    if first and first != TRAILER:
        yield first
    for message in messages:
        if message != TRAILER:
            yield message


def batches_of(rows: Iterator[bytes], projection: Projection, limits: Limits, start: Edge | None) -> Iterator[Batch]:
    """Batches of all rows, the last one final; a first row that equals `start` was there before and is dropped."""
    previous = None
    first = next(rows, None)
    if first is not None and start is not None and edge_of(first, projection) == start:
        previous = start
        first = next(rows, None)
    while True:
        batch, first = _batch(first, rows, projection, limits, previous)
        yield batch
        if batch.final:
            return
        previous = batch.last


def _batch(
    first: bytes | None, rows: Iterator[bytes], projection: Projection, limits: Limits, previous: Edge | None
) -> tuple[Batch, bytes | None]:
    """One batch that begins with `first`, and the row after it."""
    buffer = BytesIO()
    write, tell = buffer.write, buffer.tell
    last, row, count = first, first, 0
    most_rows, most_bytes = limits.rows, limits.size
    while row is not None:
        write(row)
        last = row
        count += 1
        row = next(rows, None)
        if count >= most_rows or tell() >= most_bytes:
            break
    batch = Batch(
        data=buffer.getvalue(),
        rows=count,
        first=None if first is None else edge_of(first, projection),
        last=None if last is None else edge_of(last, projection),
        previous=previous,
        final=row is None,
    )
    return batch, row
