"""The store's history of the WAL, as operator and API use it."""

from collections.abc import Sequence
from datetime import datetime

from headrace.store import wal
from headrace.store.listings import Scope
from headrace.store.visits import OFFSET_LIMIT, Visits
from headrace.store.wal import WalMeasurement


class WalHistory(Visits):
    """Each method is one short visit, but for the purge; safe to repeat."""

    async def save_wal(self, scope: Scope, measurements: Sequence[WalMeasurement]) -> None:
        """Adds measurements, as of one source; one that is there already (source, slot, time) stays as it is."""
        if measurements:
            async with self._connection() as connection:
                await wal.save_wal(connection, scope, measurements)

    async def list_wal(
        self,
        scope: Scope,
        *,
        source_uid: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[WalMeasurement], int]:
        """Returns a page of measurements, newest first, and how many there are without a limit.

        Of one source (None: of all) and from `since` on. Those of one moment come by source, of each source the one
        without a slot first.
        """
        offset = min(offset, OFFSET_LIMIT)
        async with self._connection() as connection:
            total = await wal.count_wal(connection, scope, source_uid=source_uid, since=since)
            page = await wal.list_wal(connection, scope, source_uid=source_uid, since=since, limit=limit, offset=offset)
        return page, total

    async def last_wal(self, scope: Scope, source_uid: str) -> list[WalMeasurement]:
        """Returns the latest measurement of each slot of a source, and of the source itself (slot None)."""
        async with self._connection() as connection:
            return await wal.last_wal(connection, scope, source_uid)

    async def purge_wal(self, scope: Scope, before: datetime) -> int:
        """Removes what was measured before, part by part; returns how many."""
        purged, batch = 0, wal.PURGE_BATCH
        while batch == wal.PURGE_BATCH:
            async with self._connection() as connection:
                batch = await wal.purge_batch(connection, scope, before)
            purged += batch
        async with self._connection() as connection:
            await wal.drop_empty(connection, scope)
        return purged
