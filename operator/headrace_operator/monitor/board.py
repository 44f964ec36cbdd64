"""What was last seen of each source and destination, as Prometheus sees it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from prometheus_client import Metric

from headrace import names
from headrace.model.connection import ConnectionSeen
from headrace_operator.figures import metrics
from headrace_operator.monitor.statuses import MOST_SLOTS
from headrace_operator.monitor.wal import Measured, Wal

STAYS_SECONDS, STAYS_LOOKS = 300.0, 3
"""What was measured is shown for so long, or for so many looks, whichever is longer, when no look after it measures:
one that fails would let a slot's alert begin anew, and with each third one that does it would never fire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One of them at its last look."""

    plural: str
    name: str
    is_up: bool
    at: datetime
    connection: ConnectionSeen | None = None
    """Where it leads; None: that is not known now, as while a Secret is missing."""
    generation: int = 1
    """Of its specification: another one may lead elsewhere."""
    wal: Wal | None = None


class Board:
    """By uid; what is gone is taken off. May be read from any thread."""

    def __init__(self, *, interval: float = 0.0) -> None:
        """`interval`: the seconds between two looks."""
        self._shown: dict[str, Shown] = {}
        self._stays = max(STAYS_SECONDS, STAYS_LOOKS * interval)

    def show(self, uid: str, shown: Shown) -> None:
        """Shows how it is now, with the WAL that was measured there a little while ago if it was not measured now."""
        before = self._shown.get(uid)
        if before is not None and shown.connection is None and shown.generation == before.generation:
            shown = replace(shown, connection=before.connection)
        if shown.wal is None and before is not None and self._still_says(before, shown):
            shown = replace(shown, wal=before.wal)
        self._shown[uid] = shown

    def _still_says(self, before: Shown, now: Shown) -> bool:
        is_there = now.connection is not None and now.connection == before.connection
        return is_there and before.wal is not None and abs((now.at - before.wal.at).total_seconds()) <= self._stays

    def take_off(self, uid: str) -> None:
        """It is gone."""
        self._shown.pop(uid, None)

    def collect(self) -> Iterator[Metric]:
        """All series; of a source those of at most 50 slots."""
        shown = sorted(self._shown.copy().values(), key=lambda each: each.name)
        sources = [each for each in shown if each.plural == names.SOURCE_PLURAL]
        yield metrics.SOURCE_UP.of(((each.name,), each.is_up) for each in sources)
        others = [each for each in shown if each.plural == names.DESTINATION_PLURAL]
        yield metrics.DESTINATION_UP.of(((each.name,), each.is_up) for each in others)
        measured = [(each.name, each.wal) for each in sources if each.wal is not None]
        yield metrics.SOURCE_WAL.of(((name,), wal.wal_bytes) for name, wal in measured)
        yield from _slots([((name, m.slot.name), m) for name, wal in measured for m in wal.slots[:MOST_SLOTS]])


def _slots(slots: list[tuple[tuple[str, str], Measured]]) -> Iterator[Metric]:
    yield metrics.SLOT_WAL.of((labels, m.slot.wal_bytes) for labels, m in slots)
    yield metrics.SLOT_ACTIVE.of((labels, m.slot.active) for labels, m in slots)
    yield metrics.SLOT_SAFE.of(
        (labels, m.slot.safe_wal_size) for labels, m in slots if m.slot.safe_wal_size is not None
    )
    yield metrics.SLOT_LEFT.of((labels, m.seconds_left) for labels, m in slots if m.seconds_left is not None)
