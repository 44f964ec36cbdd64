"""A temporary table that takes rows as they come; from there they are written into the target."""

from collections.abc import Sequence

import psycopg

from headrace.errors import PermanentError
from headrace_runner.postgres.quoting import quote_name, quote_names
from headrace_runner.projection import Projection
from headrace_runner.targets.postgres.copyin import copy_in
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.table import Table

CURSOR = "headrace cursor"
"""The staging column of a cursor; the target need not have it."""


class Staging:
    """One session's staging table."""

    def __init__(
        self, connection: Connection, table: Table, projection: Projection, name: str = "headrace_batch"
    ) -> None:
        self._connection = connection
        self._table = table
        self._projection = projection
        self._key = tuple(field.name for field in projection.keys)
        names = tuple(field.name for field in projection.fields)
        self._columns = names if projection.cursor is None else (CURSOR, *names)
        self._name = quote_name(name)
        self._index = quote_name(f"{name}_key")
        self.sql = f"pg_temp.{self._name}"

    def create(self) -> None:
        """Makes it, with the target's types; a key column refuses nulls, and the key a second row."""
        items = [
            f"NULL::text AS {quote_name(CURSOR)}" if name == CURSOR else quote_name(name) for name in self._columns
        ]
        statements = [
            f"DROP TABLE IF EXISTS {self.sql}",
            f"CREATE TEMPORARY TABLE {self._name} AS SELECT {', '.join(items)} FROM {self._table.sql} WITH NO DATA",
            *(f"ALTER TABLE {self.sql} ALTER COLUMN {quote_name(name)} SET NOT NULL" for name in self._key),
        ]
        if self._key:
            # For rows in key order it takes no longer than a query that looks for such keys afterwards.
            statements.append(f"CREATE UNIQUE INDEX {self._index} ON {self.sql} ({quote_names(self._key)})")
        # One round trip, and one transaction: a run waits for it before its first row.
        self._connection.execute("; ".join(statements).encode())

    def fill(self, data: Sequence[bytes]) -> None:
        """Takes rows; raises PermanentError for a key that comes twice, psycopg.Error when a value does not fit."""
        try:
            with self._connection.transaction():
                self._copy(data)
        except psycopg.errors.UniqueViolation as error:
            raise duplicate_key(self._key, self._repeated(data)) from error

    def clear(self) -> None:
        """Empties it."""
        self._connection.execute(f"TRUNCATE {self.sql}".encode())

    def _copy(self, data: Sequence[bytes]) -> None:
        copy_in(self._connection, self.sql, self._columns, self._projection, data)

    def _repeated(self, data: Sequence[bytes]) -> tuple[str | None, ...]:
        """A key that comes twice."""
        texts = ", ".join(f"{quote_name(name)}::text" for name in self._key)
        query = f"SELECT {texts} FROM {self.sql} GROUP BY {quote_names(self._key)} HAVING count(*) > 1 LIMIT 1"
        with self._connection.transaction(force_rollback=True):
            self._connection.execute(f"DROP INDEX pg_temp.{self._index}".encode())
            self._copy(data)
            row = self._connection.execute(query.encode()).fetchone()
        assert row is not None
        return row


def duplicate_key(names: tuple[str, ...], values: tuple[str | None, ...]) -> PermanentError:
    """What to raise for a key that the query gives twice."""
    key = ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))
    return PermanentError(f"The query gives two rows with the same key ({key})", field="key_columns")
