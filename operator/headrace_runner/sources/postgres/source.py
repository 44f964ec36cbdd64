"""A query on Postgres as a source."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.runspec import RunKind, RunSpec
from headrace_runner.pace import Pace
from headrace_runner.postgres.collations import byte_order
from headrace_runner.postgres.copystream import CopyStream
from headrace_runner.postgres.mark import marked_relations
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Edge, Horizon, Look, Position
from headrace_runner.shape import Shape
from headrace_runner.sources.postgres.batches import Limits, batches_of
from headrace_runner.sources.postgres.checking import check
from headrace_runner.sources.postgres.documents import MOST_ROWS
from headrace_runner.sources.postgres.documentstream import DocumentStream
from headrace_runner.sources.postgres.edges import edge_of_start, next_start
from headrace_runner.sources.postgres.guard import ask, bind, bounds
from headrace_runner.sources.postgres.horizon import HorizonFinder
from headrace_runner.sources.postgres.lookback import is_unsettled
from headrace_runner.sources.postgres.nulls import has_to_see_nulls
from headrace_runner.sources.postgres.role import note_on_role
from headrace_runner.sources.postgres.row_security import row_security_of
from headrace_runner.sources.postgres.select import Select, as_stream
from headrace_runner.sources.postgres.session import open_session, place_of, reading
from headrace_runner.sources.postgres.shape import cursor_in, describe_statement, shape_of

if TYPE_CHECKING:
    from headrace_runner.sources.postgres.lookout import Lookout


class PostgresSource:
    """Reads one run's query. `wait` sleeps, and raises when the run has to stop."""

    def __init__(self, dsn: str | Path, spec: RunSpec, wait: Callable[[float], None]) -> None:
        self._dsn = dsn
        self._spec = spec
        self._wait = wait
        row_security = row_security_of(dsn)
        self._connection = open_session(dsn, spec.run_id)
        self._lookout: Lookout | None = None
        """Of a stream."""
        with reading():
            order = byte_order(self._connection)
            self._select = Select(query=_compared(spec), byte_order=order, row_security=row_security)

    def note_on_role(self) -> Mapping[str, str]:
        """Whether its role could write there."""
        return note_on_role(self._connection)

    def describe(self) -> Shape:
        """The query's result; raises PermanentError when it can't be parsed."""
        with reading(), self._connection.transaction():
            self._bind({})
            if self._spec.source_table is not None:
                from headrace_runner.sources.postgres.whole import require_readable

                require_readable(self._connection, self._spec.source_table)
            # By itself first: in parentheses a mistake in it is reported at another place.
            describe_statement(self._connection, self._select.bare())
            shape = shape_of(self._connection, self._select.wrapped())
            reads = marked_relations(self._connection, self._spec.run_id)
        shape = dataclasses.replace(shape, reads=reads, place=place_of(self._dsn))
        self._select = dataclasses.replace(
            self._select,
            columns={column.name: column for column in shape.columns},
            is_utf8=shape.encoding == "UTF8",
        )
        if self._spec.has_cursor:
            cursor = cursor_in(shape, self._spec.incremental_key)
            self._select = dataclasses.replace(
                self._select,
                cursor_type=cursor.type_name,
                cursor_is_text=cursor.is_text,
                cursor_is_builtin=cursor.is_builtin,
                lookback_seconds=self._spec.lookback_seconds,
            )
        return shape

    def check(self, projection: Projection) -> None:
        """Parses the whole statement, casts and order too; raises PermanentError that names the column at fault."""
        check(self._connection, self._select, projection)

    def horizon(self, projection: Projection, start: Position) -> Horizon:
        """How far this run may read; waits for transactions in progress."""
        with reading():
            return HorizonFinder(self._connection, self._select, projection, self._spec).find(start, self._wait)

    def look(self, projection: Projection, start: Position, known: frozenset[str], patience: float) -> Look:
        """How far a stream may read now."""
        from headrace_runner.sources.postgres.lookout import Lookout

        if self._lookout is None:
            self._lookout = Lookout(self._connection, self._select, projection, self._spec)
        with reading():
            return self._lookout.look(start, known, self._wait, patience)

    def read(
        self, projection: Projection, start: Position, horizon: Horizon | None, limit: int | None = None
    ) -> Iterator[Batch]:
        """All rows after `start`; a new statement every `snapshot_seconds`, for it holds back the source's vacuum."""
        pace = Pace(self._spec.max_rows_per_second)
        last: Edge | None = None
        while True:
            expires: float | None = None
            with reading():
                for batch in self._stream(projection, start, horizon, pace, limit):
                    # Not from the start: a query that needs longer for its first row would give one batch each time.
                    expires = expires or time.monotonic() + self._spec.snapshot_seconds
                    self._wait(pace.delay_after(len(batch.rows)))
                    last = batch.last or last
                    if batch.final and self._spec.is_stream:
                        self._connection.execute(b"COMMIT")
                    yield self._marked(batch, last, horizon)
                    if batch.final:
                        return
                    if time.monotonic() > expires and projection.keys:
                        break
                # A stream can't be left before its end, only its session can.
                self._reconnect()
                with self._connection.transaction():
                    self._bind({})
                    start = next_start(self._connection, projection, last, start)

    def read_keys(self, projection: Projection, keys: Sequence[tuple[str, ...]]) -> Iterator[Batch]:
        """The rows with these keys, as far as the query gives them."""
        version = _draw_version(projection)
        with reading(), self._connection.transaction():
            self._bind({"headrace.keys": json.dumps(keys, ensure_ascii=False)})
            yield from self._batches(projection, self._select.keyed(projection, version), self._spec.batch_size, None)

    def count(self) -> int:
        """How many rows the query gives."""
        with reading():
            row = ask(self._connection, self._select.count(), self._select.row_security).fetchone()
        return 0 if row is None else int(row[0])

    def close(self) -> None:
        """Lets go of the connection; the server ends a stream that is under way."""
        self._connection.close()

    def _marked(self, batch: Batch, last: Edge | None, horizon: Horizon | None) -> Batch:
        if horizon is None or last is None or last.value is None:
            return batch
        is_time = self._select.has_time_cursor()
        value = last.value.decode()
        unsettled = is_unsettled(value, horizon.unsettled_from, is_time=is_time, is_last=batch.final)
        return dataclasses.replace(batch, unsettled=True) if unsettled else batch

    def _stream(
        self, projection: Projection, start: Position, horizon: Horizon | None, pace: Pace, limit: int | None
    ) -> Iterator[Batch]:
        version = _draw_version(projection)
        # One snapshot for all statements: what one of them finds is so for the next.
        self._connection.execute(b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._bind_start(start, None if horizon is None else horizon.value)
        first = edge_of_start(self._connection, self._select, projection, start)
        nulls = has_to_see_nulls(self._connection, self._select, projection, start)
        bounded = horizon is not None
        rows = self._select.rows(projection, start, bounded=bounded, nulls=nulls, version=version, limit=limit)
        yield from self._batches(projection, rows, pace.batch_size(self._spec.batch_size), first)
        self._connection.execute(b"COMMIT")

    def _batches(self, projection: Projection, rows: str, size: int, first: Edge | None) -> Iterator[Batch]:
        """Those of a statement; the last one is not final when the statement ends before the rows do."""
        statement, check = as_stream(projection, rows), lambda: self._wait(0)
        if projection.documents is None:
            stream = CopyStream(self._connection, statement, binary=projection.binary, check=check)
        else:
            stream = DocumentStream(self._connection, statement, projection, check)
        documents, read = self._select.documents(projection), 1
        for batch in batches_of(stream, projection, Limits(rows=size, size=self._spec.batch_bytes), first):
            read += len(batch.rows)
            is_cut = documents is not None and documents.numbers_rows and read >= MOST_ROWS
            yield dataclasses.replace(batch, final=batch.final and not is_cut)

    def _bind_start(self, start: Position, horizon: str | None) -> None:
        settings = {f"headrace.k{number}": value for number, value in enumerate(start.key or ())}
        settings |= {"headrace.value": start.value or "", "headrace.horizon": horizon or ""}
        self._bind(settings)

    def _bind(self, settings: Mapping[str, str]) -> None:
        """For the transaction at hand, beside what binds all of them."""
        bind(self._connection, bounds(self._select.row_security) | dict(settings))

    def _reconnect(self) -> None:
        self.close()
        self._connection = open_session(self._dsn, self._spec.run_id)
        self._lookout = None


def _draw_version(projection: Projection) -> int:
    # Before the snapshot: of two reads the one with the higher version has the newer rows.
    documents = projection.documents
    return 0 if documents is None or documents.draw_version is None else documents.draw_version()


def _compared(spec: RunSpec) -> str:
    """The query; to be held against a target, without the rows whose documents were deleted."""
    if spec.kind != RunKind.RECONCILE or spec.soft_delete_column is None:
        return spec.query
    from headrace_runner.sources.postgres.living import living

    return living(spec.query, spec.soft_delete_column)
