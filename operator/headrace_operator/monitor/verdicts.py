"""Conditions of a source's WAL, by its thresholds. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headrace.model.base import seconds
from headrace.model.conditions import ConditionType, Reason
from headrace.model.source import WalThresholds
from headrace_operator.monitor.wal import Measured, Wal

_MOST_NAMED = 5
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition before it has a time."""

    type: ConditionType
    reason: Reason
    message: str = ""
    """Empty: the reason's sentence."""
    status: bool | None = field(kw_only=True)
    """None: Unknown."""


def slot_health(wal: Wal, thresholds: WalThresholds) -> Verdict:
    """SlotHealthy: False for a slot that is lost or about to be, or that nobody reads while it holds back much."""
    if not wal.slots:
        return Verdict(ConditionType.SLOT_HEALTHY, Reason.NO_SLOTS, status=True)
    lost = [each for each in wal.slots if each.is_in_danger]
    if lost:
        return Verdict(ConditionType.SLOT_HEALTHY, Reason.SLOT_LOST, _losing(lost), status=False)
    left = [e for e in wal.slots if not e.slot.active and e.slot.wal_bytes > thresholds.slot_bytes]
    if left:
        message = f"Nobody reads from {_named(left, lambda each: amount(each.slot.wal_bytes))}"
        return Verdict(
            ConditionType.SLOT_HEALTHY, Reason.SLOT_LEFT_BEHIND, f"{message}; {_remedy(left[0])}", status=False
        )
    return Verdict(ConditionType.SLOT_HEALTHY, Reason.SLOTS_READ, status=True)


def pressure(wal: Wal, thresholds: WalThresholds) -> Verdict:
    """WalPressure: True when much is held back, or little time is left, or none."""
    parts = []
    if wal.wal_bytes >= thresholds.pressure_bytes:
        bound = amount(thresholds.pressure_bytes)
        parts.append(f"slots hold back {amount(wal.wal_bytes)} of WAL ({bound} and more is pressure)")
    parts += _short_of_time(wal, thresholds)
    if not parts:
        return Verdict(ConditionType.WAL_PRESSURE, Reason.WAL_IN_BOUNDS, status=False)
    sentence = "; ".join(parts)
    return Verdict(ConditionType.WAL_PRESSURE, Reason.WAL_HELD_BACK, sentence[:1].upper() + sentence[1:], status=True)


def _short_of_time(wal: Wal, thresholds: WalThresholds) -> list[str]:
    lost = [each for each in wal.slots if each.is_in_danger]
    if lost:
        return [_losing(lost)]
    left = wal.seconds_left
    if left is None or left >= seconds(thresholds.time_left):
        return []
    return [f"it lasts for {left} s if it grows on like this (less than {thresholds.time_left} is pressure)"]


def not_measured(why: str) -> tuple[Verdict, Verdict]:
    """Both, when nothing is known."""
    return (
        Verdict(ConditionType.SLOT_HEALTHY, Reason.NOT_MEASURED, why, status=None),
        Verdict(ConditionType.WAL_PRESSURE, Reason.NOT_MEASURED, why, status=None),
    )


def amount(size: int) -> str:
    """Bytes as people say it: 1.5 GiB."""
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{size} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def _named(slots: Sequence[Measured], told: Callable[[Measured], str]) -> str:
    names = [f"'{each.slot.name}' ({told(each)})" for each in slots[:_MOST_NAMED]]
    more = len(slots) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _losing(slots: Sequence[Measured]) -> str:
    return f"WAL was or is about to be lost: {_named(slots, lambda each: str(each.slot.wal_status))}"


def _remedy(each: Measured) -> str:
    return f"start its reader, or: SELECT pg_drop_replication_slot('{each.slot.name}')"
