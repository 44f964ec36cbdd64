"""What was last seen of each source and destination, as Prometheus sees it."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import Metric

from headrace import names
from headrace_operator.figures import metrics
from headrace_operator.monitor.statuses import MOST_SLOTS
from headrace_operator.monitor.wal import Measured, Wal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One of them at its last look."""

    plural: str
    name: str
    is_up: bool
    wal: Wal | None = None


class Board:
    """By uid; what is gone is taken off. May be read from any thread."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}

    def show(self, uid: str, shown: Shown) -> None:
        """Shows how it is now."""
        self._shown[uid] = shown

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
