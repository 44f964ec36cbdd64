"""A temporary table that takes a batch as it comes; from there it is written into the target."""

from headrace.errors import PermanentError
from headrace_runner.protocols import Batch, Projection
from headrace_runner.quoting import quote_name, quote_names
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.table import Table
from headrace_runner.wire import HEADER, TRAILER

MERGE_SINCE = 150000
"""MERGE leaves an unchanged row alone; ON CONFLICT locks it, and writes WAL for that."""
CURSOR = "headrace cursor"
"""The staging column of a cursor; the target need not have it."""


class Staging:
    """One session's staging table."""

    def __init__(
        self, connection: Connection, table: Table, projection: Projection, name: str = "headrace_batch"
    ) -> None:
        self._connection = connection
        self._table = table
        self._key = tuple(field.name for field in projection.keys)
        self._columns = tuple(field.name for field in projection.fields)
        self._has_cursor = projection.cursor is not None
        self._binary = projection.binary
        self._name = quote_name(name)
        self.sql = f"pg_temp.{self._name}"

    def create(self) -> None:
        """Makes it, with the target's types; a key column refuses nulls."""
        columns = quote_names(self._columns)
        if self._has_cursor:
            columns = f"NULL::text AS {quote_name(CURSOR)}, {columns}"
        statements = [
            f"DROP TABLE IF EXISTS {self.sql}",
            f"CREATE TEMPORARY TABLE {self._name} AS SELECT {columns} FROM {self._table.sql} WITH NO DATA",
            *(f"ALTER TABLE {self.sql} ALTER COLUMN {quote_name(name)} SET NOT NULL" for name in self._key),
        ]
        with self._connection.transaction():
            for statement in statements:
                self._connection.execute(statement.encode())

    def fill(self, batch: Batch) -> None:
        """Takes the batch's rows; raises psycopg.Error when a value does not fit."""
        columns = quote_names(((CURSOR,) if self._has_cursor else ()) + self._columns)
        style = "BINARY" if self._binary else "TEXT"
        statement = f"COPY {self.sql} ({columns}) FROM STDIN (FORMAT {style})"
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            if self._binary:
                copy.write(HEADER)
            copy.write(batch.data)
            if self._binary:
                copy.write(TRAILER)

    def clear(self) -> None:
        """Empties it."""
        self._connection.execute(f"TRUNCATE {self.sql}".encode())

    def check_keys(self) -> None:
        """Raises PermanentError when a key occurs twice."""
        columns = quote_names(self._key)
        texts = ", ".join(f"{quote_name(name)}::text" for name in self._key)
        query = f"SELECT {texts} FROM {self.sql} GROUP BY {columns} HAVING count(*) > 1 LIMIT 1"
        row = self._connection.execute(query.encode()).fetchone()
        if row is not None:
            raise duplicate_key(self._key, row)

    def upsert(self) -> int:
        """Writes what is new or differs in a byte; returns how many rows that were."""
        has_merge = self._connection.info.server_version >= MERGE_SINCE
        return self._connection.execute((self._merge() if has_merge else self._insert()).encode()).rowcount

    def _merge(self) -> str:
        update = self._update("s")
        matched = f" WHEN MATCHED AND {self._differs('s')} THEN UPDATE SET {update}" if update else ""
        return (
            f"MERGE INTO {self._table.sql} AS t USING {self.sql} AS s ON {self._table.equals(self._key)}{matched}"
            f" WHEN NOT MATCHED THEN INSERT ({quote_names(self._columns)}){self._overriding()}"
            f" VALUES ({quote_names(self._columns, 's.')})"
        )

    def _insert(self) -> str:
        update = self._update("excluded")
        action = f"UPDATE SET {update} WHERE {self._differs('excluded')}" if update else "NOTHING"
        return (
            f"INSERT INTO {self._table.sql} AS t ({quote_names(self._columns)}){self._overriding()}"
            f" SELECT {quote_names(self._columns)} FROM {self.sql}"
            f" ON CONFLICT ({quote_names(self._key)}) DO {action}"
        )

    def _differs(self, other: str) -> str:
        # Not IS DISTINCT FROM: it calls 1.0 and 1.00 equal, and json has no operator for it.
        ours, theirs = quote_names(self._columns, "t."), quote_names(self._columns, f"{other}.")
        return f"ROW({ours})::record OPERATOR(pg_catalog.*<>) ROW({theirs})::record"

    def _update(self, other: str) -> str:
        # The key too: it may be equal and yet differ in a byte, as 1.0 and 1.00 do.
        names = [name for name in self._columns if not self._table.columns[name].always_identity]
        return ", ".join(f"{quote_name(name)} = {other}.{quote_name(name)}" for name in names)

    def _overriding(self) -> str:
        has_identity = any(self._table.columns[name].always_identity for name in self._columns)
        return " OVERRIDING SYSTEM VALUE" if has_identity else ""


def duplicate_key(names: tuple[str, ...], values: tuple[str | None, ...]) -> PermanentError:
    """What to raise for a key that the query gives twice."""
    key = ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))
    return PermanentError(f"The query gives two rows with the same key ({key})", field="key_columns")
