"""The WAL of one source from measurement to measurement."""

from dataclasses import dataclass, field
from datetime import datetime

from headrace.model.connection import ConnectionSeen
from headrace.model.source import SourceSpec
from headrace_operator.monitor.history import History
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.subjects import Spec
from headrace_operator.monitor.verdicts import Verdict, not_measured, pressure, slot_health
from headrace_operator.monitor.wal import Points, Wal, measure, next_points


@dataclass(slots=True, kw_only=True)
class Gauge:
    """Remembers what was measured before; after a restart the store does."""

    uid: str
    history: History
    least_seconds: float
    """Measurements nearer to each other than this say nothing about growth."""
    _points: Points | None = None
    _seen: ConnectionSeen | None = field(default=None)

    async def read(
        self,
        spec: Spec,
        sight: Sight,
        seen: ConnectionSeen | None,
        *,
        known: ConnectionSeen | None,
        at: datetime,
    ) -> tuple[Wal | None, tuple[Verdict, ...]]:
        """What a sight says of the WAL, with SlotHealthy and WalPressure; nothing of a destination.

        `seen` is where it leads, and `known` where its status says that it led when it was measured last.
        """
        if not isinstance(spec, SourceSpec):
            return None, ()
        if sight.slots is None:
            return None, not_measured(sight.why_no_slots)
        before = await self._before(seen, known)
        wal = measure(sight.slots, before, at=at, disk_bytes=spec.wal.disk_bytes, least_seconds=self.least_seconds)
        self._points = next_points(wal, before, least_seconds=self.least_seconds)
        return wal, (slot_health(wal, spec.wal), pressure(wal, spec.wal))

    async def _before(self, seen: ConnectionSeen | None, known: ConnectionSeen | None) -> Points:
        if seen != (known if self._points is None else self._seen):
            # Another server, whose slots may have the same names.
            self._points = {}
        elif self._points is None:
            self._points = await self.history.last(self.uid)
        self._seen = seen
        return self._points
