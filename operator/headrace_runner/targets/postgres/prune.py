"""Deletes the target's rows that left the query, one range of keys at a time."""

from headrace_runner.targets.postgres.keys import Keys
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.staging import Staging


class Pruner:
    """Deletes in the transaction at hand; each method returns how many rows that were."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def between(self, low: tuple[str, ...] | None, high: tuple[str, ...], staging: Staging | None = None) -> int:
        """Above `low`, up to `high`, and not in the batch, if it is staged."""
        condition = self._keys.between(low, high)
        return self._delete(f"{condition} AND {self._not_in(staging)}" if staging else condition)

    def above(self, low: tuple[str, ...] | None) -> int:
        """Above `low`; everything when there is none."""
        return self._delete("true" if low is None else self._keys.above(low))

    def listed(self, staging: Staging) -> int:
        """Whatever is in the staging table."""
        return self._delete(self._keys.matches(), f" USING {staging.sql} AS s")

    def outside(self, staging: Staging) -> int:
        """Whatever is not in the staging table, which holds all keys."""
        # A hash of all keys beside the whole table is right here, and wrong for a batch.
        self._connection.execute(b"SET LOCAL enable_hashjoin = on")
        return self._delete(self._not_in(staging))

    def _not_in(self, staging: Staging) -> str:
        return f"NOT EXISTS (SELECT FROM {staging.sql} AS s WHERE {self._keys.matches()})"

    def _delete(self, condition: str, using: str = "") -> int:
        statement = f"DELETE FROM {self._keys.table.sql} AS t{using} WHERE {condition}"
        return self._connection.execute(statement.encode()).rowcount
