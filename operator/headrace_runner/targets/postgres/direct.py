"""Copies rows straight into the target: where no row has their keys yet, it is all that has to be done."""

from collections.abc import Iterable, Sequence

from headrace_runner.postgres.wire import without_cursor
from headrace_runner.projection import Projection
from headrace_runner.rows import Rows
from headrace_runner.targets.postgres.copyin import copy_in
from headrace_runner.targets.postgres.presence import has_rows
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.table import Table


class DirectCopy:
    """Writes in the transaction at hand; both raise psycopg.Error, UniqueViolation for a key that is there."""

    def __init__(self, connection: Connection, table: Table, projection: Projection) -> None:
        self._connection = connection
        self._table = table
        self._projection = projection
        self._columns = tuple(field.name for field in projection.fields)
        # A unique index takes any number of nulls, and here no staging table refuses them.
        self.is_possible = all(table.columns[field.name].not_null for field in projection.keys)

    def write(self, batches: Sequence[Rows]) -> int:
        """Whole batches; returns how many rows the table took."""
        if self._projection.cursor is None:
            return self._copy(rows.data for rows in batches)
        # By the batch: the driver takes longer over a piece than a row is worth.
        return self._copy(b"".join(without_cursor(row, self._projection) for row in rows.split()) for rows in batches)

    def write_rows(self, rows: Iterable[bytes]) -> int:
        """Rows without a cursor; returns how many the table took."""
        return self._copy([b"".join(rows)])

    def finds_nothing(self, condition: str = "true") -> bool:
        """Whether no row of the table meets the condition."""
        return not has_rows(self._connection, self._table.sql, condition)

    def _copy(self, data: Iterable[bytes]) -> int:
        return copy_in(self._connection, self._table.sql, self._columns, self._projection, data)
