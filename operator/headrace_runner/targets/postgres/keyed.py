"""Writes batches into a table with a key: rows, pruning and checkpoint in one transaction."""

import dataclasses
from collections.abc import Sequence

import psycopg

from headrace.errors import PermanentError
from headrace.postgres.faults import Fault
from headrace.postgres.problems import describe, fault
from headrace.runspec import Mode, RunSpec
from headrace_runner.postgres.quoting import quote_names
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Checkpoint, Position, Start
from headrace_runner.targets.postgres.checkpoint import CheckpointRow
from headrace_runner.targets.postgres.edges import Edges, edges_of, key_of
from headrace_runner.targets.postgres.emptiness import refuse_empty
from headrace_runner.targets.postgres.keys import Keys
from headrace_runner.targets.postgres.presence import has_rows
from headrace_runner.targets.postgres.prune import Pruner
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.staging import Staging, duplicate_key
from headrace_runner.targets.postgres.table import Table
from headrace_runner.targets.postgres.ways import Ways

PRUNE_WITHOUT_INDEX = "PruneWithoutIndex"
PRUNE_AT_END = "PruneAtEnd"
_AT_END = "Rows that left the query are deleted once at the end of a run, after its keys were read a second time"


class KeyedWriter:
    """Holds the run's checkpoint as it was last committed."""

    def __init__(
        self,
        connection: Connection,
        spec: RunSpec,
        table: Table,
        projection: Projection,
        row: CheckpointRow,
        checkpoint: Checkpoint,
        notes: dict[str, str],
        *,
        replaces: bool,
    ) -> None:
        self._connection = connection
        self._spec = spec
        self._table = table
        self._projection = projection
        self._row = row
        self._checkpoint = checkpoint
        is_full = spec.mode == Mode.FULL
        self._prunes = spec.prune and is_full
        # A row that left may take others along (ON DELETE CASCADE) whose reference to it is still to be changed.
        prunes_late = self._prunes and table.refers_to_itself
        serves = projection.ordered_alike and table.serves_ranges(self._names)
        self._in_ranges = is_full and serves and not prunes_late
        self._pruner = Pruner(connection, Keys(table, projection.keys))
        self._ways = Ways(
            connection,
            table,
            projection,
            in_ranges=self._in_ranges,
            prunes=self._prunes,
            replaces=replaces and self._prunes,
        )
        self._all_keys = Staging(connection, table, self._key_projection(), "headrace_keys")
        if self.rereads() is not None:
            notes.update(self._late_prune())

    def begin(self, start: Start) -> None:
        """Makes the staging tables."""
        self._ways.begin()
        if self.rereads() is not None:
            self._all_keys.create()

    def rereads(self) -> Projection | None:
        """All keys, where the target has no index that finds ranges of them."""
        return self._key_projection() if self._prunes and not self._in_ranges else None

    def write(self, batches: Sequence[Batch]) -> Checkpoint:
        """Batches and the checkpoint; raises PermanentError with the range of keys that the target refused."""
        edges = edges_of(self._connection, batches, self._projection)
        try:
            if edges is not None and edges.repeats_previous:
                raise duplicate_key(self._names, edges.first)
            self._checkpoint = self._write(batches, edges)
        except psycopg.Error as error:
            if edges is None or fault(error) is not Fault.LASTING:
                raise
            raise PermanentError(f"The target refused {_range(edges)}: {describe(error)}") from error
        return self._checkpoint

    def keep(self, batches: Sequence[Batch]) -> Checkpoint:
        """Some more of all keys; with the last, rows without one of them are deleted and the run is done."""
        checkpoint = self._checkpoint
        # All or nothing: what is refused comes again.
        with self._connection.transaction():
            if batches[-1].final:
                self._row.lock()
            self._all_keys.fill([batch.rows.data for batch in batches])
            if batches[-1].final:
                if not has_rows(self._connection, self._all_keys.sql):
                    refuse_empty(self._connection, self._spec, self._table)
                deleted = self._pruner.outside(self._all_keys)
                checkpoint = self._save(self._checkpoint.position, [], written=deleted, done=True)
        self._checkpoint = checkpoint
        return checkpoint

    def _write(self, batches: Sequence[Batch], edges: Edges | None) -> Checkpoint:
        try:
            return self._commit(batches, edges)
        except (psycopg.errors.UniqueViolation, psycopg.errors.ForeignKeyViolation):
            # Somebody else's row, or a key that comes twice; a deferrable one is only found by the COMMIT. Or a row
            # refers to another one of this table that the same MERGE would have brought.
            if not self._ways.stop_copying():
                raise
        return self._commit(batches, edges)

    def _commit(self, batches: Sequence[Batch], edges: Edges | None) -> Checkpoint:
        with self._connection.transaction():
            self._row.lock()
            # A table that was never analysed must not tempt the planner into reading all of it for every batch.
            self._connection.execute(b"SET LOCAL enable_seqscan = off")
            # Only now: a run that dies before its first batch must look back as it would have done.
            before = self._checkpoint.position
            position = dataclasses.replace(before, look_back=before.look_back and edges is None)
            written = 0
            if edges is not None:
                key = key_of(edges.last, self._projection)
                written = self._ways.write([batch.rows for batch in batches if batch.rows], before.key, key)
                position = Position(key=key, value=edges.value, look_back=batches[-1].unsettled)
            final = batches[-1].final
            if final and self._prunes:
                written += self._prune_rest(position)
            done = final and not self._spec.is_stream and self.rereads() is None
            return self._save(position, batches, written=written, done=done)

    def resume_at(self, position: Position) -> None:
        """Saves that the next process begins there."""
        with self._connection.transaction():
            self._row.lock()
            self._row.save(position, self._checkpoint.counters, self._table, done=False)

    def _prune_rest(self, position: Position) -> int:
        if position.key is None:
            refuse_empty(self._connection, self._spec, self._table)
        return self._pruner.above(position.key) if self._in_ranges else 0

    def _save(self, position: Position, batches: Sequence[Batch], *, written: int, done: bool) -> Checkpoint:
        counters = self._checkpoint.counters
        filled = [batch for batch in batches if batch.rows]
        if filled or written:
            counters = counters.plus(
                rows_read=sum(len(batch.rows) for batch in filled),
                rows_written=written,
                batches=max(len(filled), 1),
            )
        self._row.save(batches[-1].resume_at or position if batches else position, counters, self._table, done=done)
        return dataclasses.replace(self._checkpoint, position=position, counters=counters, done=done)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self._projection.keys)

    def _key_projection(self) -> Projection:
        return Projection(keys=self._projection.keys, others=(), binary=self._projection.binary)

    def _late_prune(self) -> dict[str, str]:
        if self._table.refers_to_itself:
            return {PRUNE_AT_END: f"{_AT_END}: rows of the target refer to each other by a foreign key"}
        if not self._projection.ordered_alike:
            return {PRUNE_AT_END: f"{_AT_END}: source and target may order keys of these types differently"}
        columns = ", ".join(
            quote_names((name,)) + ("" if self._table.columns[name].orders_by_bytes else ' COLLATE "C"')
            for name in self._names
        )
        remedy = f"CREATE INDEX CONCURRENTLY ON {self._table.sql} ({columns})"
        return {PRUNE_WITHOUT_INDEX: f"{_AT_END}; batch by batch with this index: {remedy}"}


def _range(edges: Edges) -> str:
    first, last = (", ".join(str(text) for text in texts) for texts in (edges.first, edges.last))
    return f"rows with keys from ({first}) to ({last})"
