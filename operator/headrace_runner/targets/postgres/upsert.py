"""Writes staged rows into a table with a key: what is new, and what differs in a byte."""

from headrace_runner.postgres.quoting import quote_name, quote_names
from headrace_runner.projection import Projection
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.staging import Staging
from headrace_runner.targets.postgres.table import Table

MERGE_SINCE = 150000
"""MERGE leaves an unchanged row alone; ON CONFLICT locks it, and writes WAL for that."""


class Upsert:
    """The statement from one staging table into one target."""

    def __init__(self, connection: Connection, table: Table, projection: Projection, staging: Staging) -> None:
        self._connection = connection
        self._table = table
        self._key = tuple(field.name for field in projection.keys)
        self._columns = tuple(field.name for field in projection.fields)
        self._staging = staging
        has_merge = connection.info.server_version >= MERGE_SINCE
        self._statement = (self._merge() if has_merge else self._insert()).encode()

    def write(self) -> int:
        """Returns how many rows were inserted or updated; raises psycopg.Error."""
        return self._connection.execute(self._statement).rowcount

    def _merge(self) -> str:
        update = self._update("s")
        matched = f" WHEN MATCHED AND {self._differs('s')} THEN UPDATE SET {update}" if update else ""
        return (
            f"MERGE INTO {self._table.sql} AS t USING {self._staging.sql} AS s ON {self._table.equals(self._key)}"
            f"{matched} WHEN NOT MATCHED THEN INSERT ({quote_names(self._columns)}){self._overriding()}"
            f" VALUES ({quote_names(self._columns, 's.')})"
        )

    def _insert(self) -> str:
        update = self._update("excluded")
        action = f"UPDATE SET {update} WHERE {self._differs('excluded')}" if update else "NOTHING"
        return (
            f"INSERT INTO {self._table.sql} AS t ({quote_names(self._columns)}){self._overriding()}"
            f" SELECT {quote_names(self._columns)} FROM {self._staging.sql}"
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
