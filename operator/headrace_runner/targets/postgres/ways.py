"""The ways that rows take into a table with a key; each group of batches takes the cheapest that is right for it.

1. Nothing is there in the group's range of keys: COPY straight into the table.
2. The target's rows of that range are compared with the group's, as bytes: what is the same is left alone, what is new
   is copied, what changed is merged, what left the query is deleted. Where most of the range changed it is replaced.
3. Whatever neither fits: staged, merged where it differs, and the rest of the range deleted.
"""

from collections.abc import Sequence

from headrace_runner.projection import Projection
from headrace_runner.rows import Rows
from headrace_runner.targets.postgres.comparison import Comparison
from headrace_runner.targets.postgres.difference import Difference
from headrace_runner.targets.postgres.direct import DirectCopy
from headrace_runner.targets.postgres.keys import Keys
from headrace_runner.targets.postgres.prune import Pruner
from headrace_runner.targets.postgres.replacement import SHARE
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.staging import Staging
from headrace_runner.targets.postgres.table import Table
from headrace_runner.targets.postgres.upsert import Upsert

NEXT_LOOK = 8
"""After so many groups it is looked again whether comparing pays: where most rows changed it takes a third more."""


class Ways:
    """Writes groups of batches in the transaction at hand; raises psycopg.Error and PermanentError."""

    def __init__(
        self,
        connection: Connection,
        table: Table,
        projection: Projection,
        *,
        in_ranges: bool,
        prunes: bool,
        replaces: bool,
    ) -> None:
        keys = Keys(table, projection.keys)
        self._keys = keys
        self._in_ranges = in_ranges
        """Batches come in key order, and an index of the target has it."""
        self._prunes = prunes
        self._replaces = replaces
        self._direct = DirectCopy(connection, table, projection)
        self._comparison = Comparison(connection, keys, projection)
        self._pruner = Pruner(connection, keys)
        self._staging = Staging(connection, table, projection)
        self._gone = Staging(connection, table, projection, "headrace_gone")
        self._upsert = Upsert(connection, table, projection, self._staging)
        self._copies = self._direct.is_possible
        # Rows to delete are staged, and their keys too must be free of nulls.
        self._compares = in_ranges and self._comparison.is_possible and self._copies
        self._unseen = 0
        """Groups that are not compared."""

    def begin(self) -> None:
        """Makes the staging tables."""
        self._staging.create()
        if self._compares:
            self._gone.create()
        if not self._in_ranges:
            # Where ranges say nothing, the table must have been empty.
            self._copies = self._copies and self._direct.finds_nothing()

    def stop_copying(self) -> bool:
        """After a violation: from now on all goes through staging. Returns whether anything changes by that."""
        copied, self._copies = self._copies, False
        return copied

    def write(self, batches: Sequence[Rows], low: tuple[str, ...] | None, high: tuple[str, ...]) -> int:
        """Batches whose keys are above `low`, and up to `high`; returns how many rows were written or deleted."""
        if self._copies and (not self._in_ranges or self._direct.finds_nothing(self._keys.between(low, high))):
            return self._direct.write(batches)
        found = self._compare(batches, low, high)
        if found is None:
            return self._merge_all(batches, low, high)
        if found.stale > SHARE * found.held and self._copies and self._replaces:
            self._pruner.between(low, high)
            self._direct.write(batches)
            return len(found.new) + len(found.changed) + len(found.gone)
        if len(found.changed) > SHARE * sum(map(len, batches)):
            self._unseen = NEXT_LOOK
        return self._apply(found)

    def _compare(
        self, batches: Sequence[Rows], low: tuple[str, ...] | None, high: tuple[str, ...]
    ) -> Difference | None:
        if not self._compares or self._unseen:
            self._unseen = max(self._unseen - 1, 0)
            return None
        return self._comparison.of(batches, low, high)

    def _apply(self, found: Difference) -> int:
        written = 0
        # Deleted first: a new row may have what had to be unique in one of these.
        if found.gone and self._prunes:
            self._gone.fill([b"".join(found.gone)])
            written += self._pruner.listed(self._gone)
            self._gone.clear()
        staged = found.changed if self._copies else found.changed + found.new
        if staged:
            self._staging.fill([b"".join(staged)])
            written += self._upsert.write()
            self._staging.clear()
        if found.new and self._copies:
            written += self._direct.write_rows(found.new)
        return written

    def _merge_all(self, batches: Sequence[Rows], low: tuple[str, ...] | None, high: tuple[str, ...]) -> int:
        self._staging.fill([rows.data for rows in batches])
        deleted = self._pruner.between(low, high, self._staging) if self._prunes and self._in_ranges else 0
        written = self._upsert.write()
        self._staging.clear()
        return deleted + written
