"""Cuts a stream of rows into batches."""

from collections.abc import Iterator
from dataclasses import dataclass

from headrace_runner.postgres.copystream import CopyStream
from headrace_runner.postgres.wire import edge_of
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Edge
from headrace_runner.rows import Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A batch ends at whichever comes first."""

    rows: int
    size: int
    """In bytes."""


def batches_of(stream: CopyStream, projection: Projection, limits: Limits, start: Edge | None) -> Iterator[Batch]:
    """Batches of all rows, the last one final; a first row that equals `start` was there before and is dropped."""
    previous = None
    if start is not None:
        row = stream.look()
        if row is not None and edge_of(row, projection) == start:
            previous = start
            stream.skip()
    while True:
        batch = _batch(stream.cut(limits.rows, limits.size), projection, previous, final=stream.has_ended)
        yield batch
        if batch.final:
            return
        previous = batch.last


def _batch(cut: Cut, projection: Projection, previous: Edge | None, *, final: bool) -> Batch:
    """Of its rows only the first and the last are looked at."""
    return Batch(
        rows=cut.rows,
        first=edge_of(cut.first, projection) if cut.rows else None,
        last=edge_of(cut.last, projection) if cut.rows else None,
        previous=previous,
        final=final,
    )
