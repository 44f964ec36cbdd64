"""Writes into a table without a key: all rows are staged first, and the contents swapped in one transaction."""

import dataclasses
from collections.abc import Sequence

from headrace.runspec import RunSpec
from headrace_runner.postgres.quoting import quote_names
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Checkpoint, Counters, Position, Start
from headrace_runner.targets.postgres.checkpoint import CheckpointRow
from headrace_runner.targets.postgres.emptiness import refuse_empty
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.staging import Staging
from headrace_runner.targets.postgres.table import Table

NO_KEY = "NoKey"


class KeylessWriter:
    """The staging table lives as long as the session: a run that dies starts over."""

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
        self._columns = tuple(field.name for field in projection.fields)
        self._row = row
        self._checkpoint = checkpoint
        self._staging = Staging(connection, table, projection)
        self._rows = 0
        notes[NO_KEY] = (
            "The target has no key: every run reads everything and swaps the contents at its end, "
            "and starts over when it is interrupted; set keyColumns to resume"
        )

    def begin(self, start: Start) -> None:
        """Makes the staging table."""
        self._staging.create()

    def rereads(self) -> Projection | None:
        """Nothing."""
        return None

    def keep(self, batches: Sequence[Batch]) -> Checkpoint:
        """Never called."""
        raise AssertionError("a load without a key reads nothing twice")

    def write(self, batches: Sequence[Batch]) -> Checkpoint:
        """Stages batches; the last one swaps. Until then the counters only show what is staged."""
        rows = self._rows + sum(len(batch.rows) for batch in batches)
        # All or nothing: batches whose swap is refused come again.
        with self._connection.transaction():
            if batches[-1].final:
                self._row.lock()
            self._staging.fill([batch.rows.data for batch in batches])
            if batches[-1].final:
                return self._swap(rows)
        self._rows = rows
        return dataclasses.replace(self._checkpoint, counters=Counters(rows_read=rows))

    def _swap(self, rows: int) -> Checkpoint:
        if rows == 0 and self._spec.prune:
            refuse_empty(self._connection, self._spec, self._table)
        columns = quote_names(self._columns)
        deleted = 0
        if self._spec.prune:
            deleted = self._connection.execute(f"DELETE FROM {self._table.sql}".encode()).rowcount
        insert = f"INSERT INTO {self._table.sql} ({columns}) SELECT {columns} FROM {self._staging.sql}"
        inserted = self._connection.execute(insert.encode()).rowcount
        counters = Counters().plus(rows_read=rows, rows_written=deleted + inserted, batches=1)
        self._row.save(Position(), counters, self._table, done=True)
        return dataclasses.replace(self._checkpoint, counters=counters, done=True)
