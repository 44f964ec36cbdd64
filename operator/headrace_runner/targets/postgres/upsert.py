"""Writes batches into a table with a key: staged, merged, pruned and checkpointed in one transaction."""

import dataclasses

import psycopg

from headrace.errors import PermanentError
from headrace.postgres.problems import Fault, describe, fault
from headrace.runspec import RunSpec
from headrace_runner.protocols import Batch, Checkpoint, Position, Projection, Start
from headrace_runner.quoting import quote_names
from headrace_runner.targets.postgres.checkpoint import CheckpointRow
from headrace_runner.targets.postgres.edges import Edges, cursor_of, edges_of, key_of
from headrace_runner.targets.postgres.emptiness import refuse_empty
from headrace_runner.targets.postgres.prune import Pruner
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.staging import Staging, duplicate_key
from headrace_runner.targets.postgres.table import Table

PRUNE_WITHOUT_INDEX = "PruneWithoutIndex"
PRUNE_AT_END = "PruneAtEnd"
_AT_END = "Rows that left the query are deleted once at the end of a run, after its keys were read a second time"


class UpsertWriter:
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
    ) -> None:
        self._connection = connection
        self._spec = spec
        self._table = table
        self._projection = projection
        self._row = row
        self._checkpoint = checkpoint
        self._prunes = spec.prune and spec.mode == "full"
        self._doubt = False
        self._in_ranges = projection.ordered_alike and table.serves_ranges(self._names)
        self._pruner = Pruner(connection, table, projection.keys)
        self._staging = Staging(connection, table, projection)
        self._keys = Staging(connection, table, self._key_projection(), "headrace_keys")
        if self._prunes and not self._in_ranges:
            notes.update(self._late_prune())

    def begin(self, start: Start) -> None:
        """Makes the staging table."""
        self._doubt = start.doubt
        self._staging.create()
        if self.rereads() is not None:
            self._keys.create()

    def rereads(self) -> Projection | None:
        """All keys, where the target has no index that finds ranges of them."""
        return self._key_projection() if self._prunes and not self._in_ranges else None

    def write(self, batch: Batch) -> Checkpoint:
        """One batch and the checkpoint; raises PermanentError with the range of keys that the target refused."""
        edges = edges_of(self._connection, batch, self._projection)
        try:
            if edges is not None and edges.repeats_previous:
                raise duplicate_key(self._names, edges.first)
            with self._connection.transaction():
                self._row.lock()
                return self._commit(batch, edges)
        except psycopg.Error as error:
            if edges is None or fault(error) is not Fault.LASTING:
                raise
            raise PermanentError(f"The target refused {_range(edges)}: {describe(error)}") from error

    def keep(self, batch: Batch) -> Checkpoint:
        """Some more of all keys; with the last, rows without one of them are deleted and the run is done."""
        with self._connection.transaction():
            self._keys.fill(batch)
        if batch.final:
            with self._connection.transaction():
                self._row.lock()
                if self._connection.execute(f"SELECT FROM {self._keys.sql} LIMIT 1".encode()).fetchone() is None:
                    refuse_empty(self._connection, self._spec, self._table)
                deleted = self._pruner.outside(self._keys)
                self._save(self._checkpoint.position, rows=0, written=deleted, done=True)
        return self._checkpoint

    def _commit(self, batch: Batch, edges: Edges | None) -> Checkpoint:
        written, position = 0, self._checkpoint.position
        # Only now: a run that dies before its first batch must look back as it would have done.
        look_back = self._doubt or (position.look_back and batch.rows == 0)
        position = dataclasses.replace(position, look_back=look_back)
        if edges is not None and batch.last is not None:
            self._staging.fill(batch)
            key, value = key_of(edges.last, self._projection), cursor_of(batch.last)
            position = Position(key=key, value=value, look_back=look_back)
            self._staging.check_keys()
            written = self._staging.upsert()
            if self._prunes and self._in_ranges and position.key is not None:
                written += self._pruner.between(self._checkpoint.position.key, position.key, self._staging)
            self._staging.clear()
        if batch.final and self._prunes:
            written += self._prune_rest(position)
        return self._save(position, rows=batch.rows, written=written, done=batch.final and self.rereads() is None)

    def _prune_rest(self, position: Position) -> int:
        if position.key is None:
            refuse_empty(self._connection, self._spec, self._table)
        return self._pruner.above(position.key) if self._in_ranges else 0

    def _save(self, position: Position, *, rows: int, written: int, done: bool) -> Checkpoint:
        counters = self._checkpoint.counters
        if rows or written:
            counters = counters.plus(rows_read=rows, rows_written=written)
        self._row.save(position, counters, self._table, done=done)
        self._checkpoint = dataclasses.replace(self._checkpoint, position=position, counters=counters, done=done)
        return self._checkpoint

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self._projection.keys)

    def _key_projection(self) -> Projection:
        return Projection(keys=self._projection.keys, others=(), binary=self._projection.binary)

    def _late_prune(self) -> dict[str, str]:
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
