"""What slots hold back, as numbers: how fast that grows, and how long it can go on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.postgres.replication_slots import Slot

FORGET_SECONDS = 3600.0
"""A measurement that is older says nothing about how fast it grows now."""
RECENT_SECONDS, RECENT_LOOKS = 300.0, 5
"""Growth is over so many seconds, or so many looks, whichever is longer: one burst is no trend."""
_MOST_SECONDS = 2**31 - 1
_DANGER = frozenset({"unreserved", "lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was held back at a moment, and how fast it grew then."""

    wal_bytes: int
    at: datetime
    growth_per_minute: int | None = None


Points = Mapping[str, tuple[Point, ...]]
"""What was measured before, by slot; the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A slot with what follows from its numbers."""

    slot: Slot
    growth_per_minute: int | None = None
    """Bytes; None without an earlier measurement."""
    seconds_left: int | None = None
    """Until it is lost or the disk is full, 0 when it is in danger; None where nothing grows, or nothing bounds it."""

    @property
    def is_in_danger(self) -> bool:
        """Whether WAL that it needs is gone, or may be removed at any time."""
        return _is_in_danger(self.slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wal:
    """All slots of a source at one moment."""

    slots: tuple[Measured, ...]
    """Those in danger first, then those that hold back most."""
    at: datetime

    @property
    def wal_bytes(self) -> int:
        """What all of them hold back together: WAL that one needs serves the others too."""
        return max((each.slot.wal_bytes for each in self.slots), default=0)

    @property
    def seconds_left(self) -> int | None:
        """Of the one that has least."""
        return min((each.seconds_left for each in self.slots if each.seconds_left is not None), default=None)


def measure(
    slots: Sequence[Slot], before: Points, *, at: datetime, disk_bytes: int | None, least_seconds: float
) -> Wal:
    """The slots with what follows from what was `before`; from points nearer than `least_seconds` nothing does."""

    def measured(slot: Slot) -> Measured:
        oldest = next(iter(_recent(before.get(slot.name, ()), at)), None)
        growth = growth_of(slot.wal_bytes, oldest, at=at, least_seconds=least_seconds)
        return Measured(
            slot=slot, growth_per_minute=growth, seconds_left=time_left(slot, growth, disk_bytes=disk_bytes)
        )

    ordered = sorted(slots, key=lambda slot: (not _is_in_danger(slot), -slot.wal_bytes, slot.name))
    return Wal(slots=tuple(measured(slot) for slot in ordered), at=at)


def next_points(wal: Wal, before: Points, *, least_seconds: float) -> dict[str, tuple[Point, ...]]:
    """What the next measurement is compared with: a point that is too near to compare with is not taken."""
    points = {}
    for each in wal.slots:
        old = _recent(before.get(each.slot.name, ()), wal.at)
        is_near = bool(old) and (wal.at - old[-1].at).total_seconds() < least_seconds
        new = Point(wal_bytes=each.slot.wal_bytes, at=wal.at, growth_per_minute=each.growth_per_minute)
        points[each.slot.name] = old if is_near else (*old, new)
    return points


def _recent(points: tuple[Point, ...], at: datetime) -> tuple[Point, ...]:
    """Those that say how fast it grows now; none that is yet to come, as after a clock was set back."""
    since, past = at - timedelta(seconds=RECENT_SECONDS), tuple(point for point in points if point.at <= at)
    return tuple(point for point in past[:-RECENT_LOOKS] if point.at >= since) + past[-RECENT_LOOKS:]


def growth_of(wal_bytes: int, before: Point | None, *, at: datetime, least_seconds: float) -> int | None:
    """Bytes a minute since a point before; below 0 when it became less."""
    if before is None:
        return None
    seconds = (at - before.at).total_seconds()
    if seconds > FORGET_SECONDS:
        return None
    if seconds < max(least_seconds, 0.001):
        return before.growth_per_minute
    return round((wal_bytes - before.wal_bytes) * 60 / seconds)


def time_left(slot: Slot, growth_per_minute: int | None, *, disk_bytes: int | None) -> int | None:
    """Seconds until the slot may be lost or the disk is full, whichever comes first, if it grows on like this."""
    if _is_in_danger(slot):
        # Also when nothing grows any more, as in one that is lost: an alert must not fall silent at the worst.
        return 0
    if growth_per_minute is None or growth_per_minute <= 0:
        return None
    room = [slot.safe_wal_size] if slot.safe_wal_size is not None else []
    room += [disk_bytes - slot.wal_bytes] if disk_bytes is not None else []
    if not room:
        return None
    return min(_MOST_SECONDS, max(0, min(room) * 60 // growth_per_minute))


def _is_in_danger(slot: Slot) -> bool:
    return slot.wal_status in _DANGER
