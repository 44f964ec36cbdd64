"""Deletes the target's rows that left the query, one range of keys at a time."""

from headrace_runner.protocols import Field
from headrace_runner.quoting import quote_literal, quote_name
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.staging import Staging
from headrace_runner.targets.postgres.table import Column, Table


class Pruner:
    """Deletes in the transaction at hand; each method returns how many rows that were."""

    def __init__(self, connection: Connection, table: Table, keys: tuple[Field, ...]) -> None:
        self._connection = connection
        self._table = table
        self._keys = keys

    def between(self, low: tuple[str, ...] | None, high: tuple[str, ...], staging: Staging) -> int:
        """Above `low`, up to `high`, and not in the batch."""
        above = "" if low is None else f"{self._compare('>', low)} AND "
        return self._delete(
            f"{above}{self._compare('<=', high)} AND NOT EXISTS (SELECT FROM {staging.sql} AS s WHERE {self._match()})"
        )

    def above(self, low: tuple[str, ...] | None) -> int:
        """Above `low`; everything when there is none. A null key sorts last."""
        if low is None:
            return self._delete("true")
        nulls = [f"t.{quote_name(key.name)} IS NULL" for key in self._keys if not self._column(key).not_null]
        return self._delete(" OR ".join([self._compare(">", low), *nulls]))

    def outside(self, staging: Staging) -> int:
        """Whatever is not in the staging table, which holds all keys."""
        return self._delete(f"NOT EXISTS (SELECT FROM {staging.sql} AS s WHERE {self._match()})", whole=True)

    def _delete(self, condition: str, *, whole: bool = False) -> int:
        # The session's planner settings are those of an upsert. Here a hash of the batch beside a range of the target's
        # index is right; a table that was never analysed must not tempt it into reading all of it for every batch.
        self._connection.execute(b"SET LOCAL enable_hashjoin = on")
        if not whole:
            self._connection.execute(b"SET LOCAL enable_seqscan = off")
        deleted = self._connection.execute(f"DELETE FROM {self._table.sql} AS t WHERE {condition}".encode()).rowcount
        self._connection.execute(b"SET LOCAL enable_hashjoin = off")
        self._connection.execute(b"SET LOCAL enable_seqscan = on")
        return deleted

    def _compare(self, operator: str, key: tuple[str, ...]) -> str:
        values = ", ".join(
            f"{quote_literal(value)}::{self._column(field).key_type_name}"
            for field, value in zip(self._keys, key, strict=True)
        )
        return f"({', '.join(map(self._ordered, self._keys))}) OPERATOR(pg_catalog.{operator}) ({values})"

    def _match(self) -> str:
        return self._table.equals(tuple(key.name for key in self._keys))

    def _ordered(self, key: Field) -> str:
        collation = "" if self._column(key).orders_by_bytes else ' COLLATE "C"'
        return f"t.{quote_name(key.name)}{collation}"

    def _column(self, key: Field) -> Column:
        return self._table.columns[key.name]
