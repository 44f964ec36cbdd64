"""Measurements of WAL in the store: what was measured last, and what is measured now."""

from headrace.errors import HeadraceError
from headrace.logs import logger
from headrace.store.store import Store
from headrace.store.wal import WalMeasurement
from headrace_operator.figures import metrics
from headrace_operator.monitor.wal import Point, Wal

_log = logger(__name__)


class History:
    """The store's history of one installation's namespace; while the store is away measurements are let go."""

    def __init__(self, store: Store, scope: tuple[str, str]) -> None:
        self._store, self._scope = store, scope
        self._is_up = True

    async def last(self, uid: str) -> dict[str, tuple[Point, ...]]:
        """The last measurement of each slot of a source, by any process; empty when that is not to be known."""
        try:
            measured = await self._store.last_wal(self._scope, uid)
        except HeadraceError as error:
            _log.debug("what was measured before is not known", error=error.message)
            return {}
        return {m.slot: (Point(wal_bytes=m.wal_bytes, at=m.measured_at),) for m in measured if m.slot is not None}

    async def add(self, uid: str, name: str, wal: Wal) -> None:
        """Keeps a measurement, or counts it as dropped."""
        try:
            await self._store.save_wal(self._scope, rows(uid, name, wal))
        except HeadraceError as error:
            metrics.WAL_DROPPED.inc()
            if self._is_up:
                _log.warning("measurements of WAL are not kept", error=error.message)
            self._is_up = False
        else:
            self._is_up = True


def rows(uid: str, name: str, wal: Wal) -> list[WalMeasurement]:
    """One for all slots together, and one for each."""
    whole = WalMeasurement(
        source_uid=uid,
        source_name=name,
        slot=None,
        wal_bytes=wal.wal_bytes,
        seconds_left=wal.seconds_left,
        measured_at=wal.at,
    )
    return [whole] + [
        WalMeasurement(
            source_uid=uid,
            source_name=name,
            slot=each.slot.name,
            wal_bytes=each.slot.wal_bytes,
            restart_lsn=each.slot.restart_lsn,
            confirmed_flush_lsn=each.slot.confirmed_flush_lsn,
            wal_status=each.slot.wal_status,
            safe_wal_size=each.slot.safe_wal_size,
            active=each.slot.active,
            growth_per_minute=each.growth_per_minute,
            seconds_left=each.seconds_left,
            measured_at=wal.at,
        )
        for each in wal.slots
    ]
