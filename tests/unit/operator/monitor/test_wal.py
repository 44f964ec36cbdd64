"""What slots hold back: how fast it grows, how long it can go on, and when that is a matter of concern."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.model.conditions import Reason
from headrace.model.source import WalThresholds
from headrace.postgres.replication_slots import Slot
from headrace_operator.monitor.verdicts import amount, not_measured, pressure, slot_health
from headrace_operator.monitor.wal import Measured, Point, Wal, growth_of, measure, next_points, time_left

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MIB, GIB = 1024**2, 1024**3


def point(wal_bytes: int, *, ago: float, growth: int | None = None) -> Point:
    return Point(wal_bytes=wal_bytes, at=NOW - timedelta(seconds=ago), growth_per_minute=growth)


@pytest.mark.parametrize(
    ("before", "wal_bytes", "growth"),
    [
        (None, 100, None),
        (point(100, ago=60), 160, 60),
        (point(100, ago=30), 160, 120),
        (point(100, ago=60), 100, 0),
        (point(160, ago=60), 100, -60),
        (point(100, ago=10, growth=7), 900, 7),
        (point(100, ago=10), 900, None),
        (point(100, ago=3601), 900, None),
        (point(100, ago=-5, growth=3), 900, 3),
    ],
    ids=[
        "never measured",
        "a minute ago",
        "half a minute ago",
        "nothing grew",
        "it became less",
        "too near: as before",
        "too near, and nothing before",
        "too long ago",
        "a clock that was set back",
    ],
)
def test_growth_is_per_minute_since_the_measurement_before(
    before: Point | None, wal_bytes: int, growth: int | None
) -> None:
    assert growth_of(wal_bytes, before, at=NOW, least_seconds=20) == growth


@pytest.mark.parametrize(
    ("safe", "disk", "growth", "seconds"),
    [
        (600, None, 60, 600),
        (None, 1600, 60, 600),
        (600, 1120, 60, 120),
        (60, 5000, 60, 60),
        (None, None, 60, None),
        (600, None, 0, None),
        (600, None, -60, None),
        (600, None, None, None),
        (-10, None, 60, 0),
        (None, 500, 60, 0),
        (2**62, None, 1, 2**31 - 1),
    ],
    ids=[
        "until the server gives up the slot",
        "until the disk is full",
        "the disk comes first",
        "the slot comes first",
        "nothing bounds it",
        "nothing grows",
        "it becomes less",
        "not known how fast",
        "already in danger",
        "already full",
        "a lifetime",
    ],
)
def test_time_left_is_what_bounds_first(
    safe: int | None, disk: int | None, growth: int | None, seconds: int | None
) -> None:
    slot = Slot(name="a", wal_bytes=1000, safe_wal_size=safe)
    assert time_left(slot, growth, disk_bytes=disk) == seconds


@pytest.mark.parametrize("status", ["lost", "unreserved"])
@pytest.mark.parametrize("growth", [None, 0, -60, 60])
def test_a_slot_in_danger_has_no_time_left_whether_it_grows_or_not(status: str, growth: int | None) -> None:
    assert time_left(Slot(name="a", wal_status=status), growth, disk_bytes=None) == 0


def test_a_slot_in_danger_comes_first_however_little_it_holds_back() -> None:
    slots = [Slot(name="large", wal_bytes=9), Slot(name="lost", wal_status="lost")]
    wal = measure(slots, {}, at=NOW, disk_bytes=None, least_seconds=1)
    assert [(m.slot.name, m.seconds_left) for m in wal.slots] == [("lost", 0), ("large", None)]
    assert (wal.wal_bytes, wal.seconds_left) == (9, 0)


def seconds_left(sizes: list[int], *, every: float) -> list[int | None]:
    """What is told at each of several looks at a slot that may hold back 10 GiB."""
    before: dict[str, tuple[Point, ...]] = {}
    told = []
    for look, size in enumerate(sizes):
        slot = Slot(name="a", wal_bytes=size * MIB, safe_wal_size=(10_240 - size) * MIB)
        at = NOW + timedelta(seconds=every * look)
        wal = measure([slot], before, at=at, disk_bytes=None, least_seconds=every / 2)
        before = next_points(wal, before, least_seconds=every / 2)
        told.append(wal.seconds_left)
    return told


def test_what_comes_in_bursts_is_told_by_its_mean() -> None:
    bursts = [0, *(512 * (1 + look // 2) for look in range(9))]
    # From one look to the next it would be no end and some 1,000 s in turn.
    assert seconds_left(bursts, every=60)[6:] == [2549, 1600, 2399, 1500]


@pytest.mark.parametrize(("every", "looks"), [(30, 10), (60, 5), (120, 5)])
def test_a_burst_is_forgotten_after_five_minutes_or_five_looks(every: float, looks: int) -> None:
    told = seconds_left([0, *[100] * (looks + 2)], every=every)
    assert [left is not None for left in told] == [False, *[True] * looks, False, False]


def test_all_slots_together_hold_back_as_much_as_the_one_that_holds_back_most() -> None:
    slots = [
        Slot(name="a", wal_bytes=5, safe_wal_size=120),
        Slot(name="b", wal_bytes=90, safe_wal_size=60),
        Slot(name="c"),
    ]
    before = {"a": (point(2, ago=60),), "b": (point(60, ago=60),)}
    wal = measure(slots, before, at=NOW, disk_bytes=None, least_seconds=1)
    assert [(m.slot.name, m.growth_per_minute, m.seconds_left) for m in wal.slots] == [
        ("b", 30, 120),
        ("a", 3, 2400),
        ("c", None, None),
    ]
    assert (wal.wal_bytes, wal.seconds_left) == (90, 120)


def test_without_slots_nothing_is_held_back() -> None:
    wal = measure([], {"gone": (point(1, ago=60),)}, at=NOW, disk_bytes=None, least_seconds=1)
    assert (wal.slots, wal.wal_bytes, wal.seconds_left) == ((), 0, None)
    assert next_points(wal, {"gone": (point(1, ago=60),)}, least_seconds=1) == {}


def test_a_measurement_that_is_too_near_is_not_the_one_to_compare_with() -> None:
    near, far = point(1, ago=1), point(1, ago=60)
    before = {"a": (near,), "b": (far,)}
    wal = measure([Slot(name="a"), Slot(name="b")], before, at=NOW, disk_bytes=None, least_seconds=20)
    points = next_points(wal, before, least_seconds=20)
    assert (points["a"], [each.at for each in points["b"]]) == ((near,), [far.at, NOW])


def test_after_a_clock_was_set_back_it_is_measured_anew_how_fast_it_grows() -> None:
    before: Any = {"a": (point(1 * MIB, ago=-3600, growth=5), point(2 * MIB, ago=-3540, growth=5))}
    told = []
    for minute, size in enumerate([3, 4, 6]):
        at = NOW + timedelta(minutes=minute)
        wal = measure([Slot(name="a", wal_bytes=size * MIB)], before, at=at, disk_bytes=None, least_seconds=30)
        before = next_points(wal, before, least_seconds=30)
        told.append(wal.slots[0].growth_per_minute)
    assert told == [None, 1 * MIB, round(1.5 * MIB)]


def wal_of(*slots: dict[str, Any]) -> Wal:
    """Slots by the fields of Slot and Measured."""
    measured = []
    for number, fields in enumerate(slots):
        left = fields.pop("left", None)
        measured.append(Measured(slot=Slot(name=f"s{number}", **fields), seconds_left=left))
    return Wal(slots=tuple(sorted(measured, key=lambda m: -m.slot.wal_bytes)), at=NOW)


HEALTH: dict[str, tuple[list[dict[str, Any]], bool, Reason, str]] = {
    "no slots": ([], True, Reason.NO_SLOTS, ""),
    "read, however much": ([{"active": True, "wal_bytes": 9 * GIB}], True, Reason.SLOTS_READ, ""),
    "unread, but little": ([{"wal_bytes": GIB}], True, Reason.SLOTS_READ, ""),
    "unread, and much": (
        [{"wal_bytes": GIB + 1}, {"active": True}],
        False,
        Reason.SLOT_LEFT_BEHIND,
        "Nobody reads from 's0' (1.0 GiB); start its reader, or: SELECT pg_drop_replication_slot('s0')",
    ),
    "lost": ([{"wal_status": "lost"}], False, Reason.SLOT_LOST, "WAL was or is about to be lost: 's0' (lost)"),
    "about to be lost, though read": (
        [{"active": True, "wal_status": "unreserved"}],
        False,
        Reason.SLOT_LOST,
        "WAL was or is about to be lost: 's0' (unreserved)",
    ),
    "lost is worse than left behind": (
        [{"wal_bytes": 2 * GIB, "wal_status": "extended"}, {"wal_status": "lost"}],
        False,
        Reason.SLOT_LOST,
        "WAL was or is about to be lost: 's1' (lost)",
    ),
    "before PostgreSQL 13": ([{"wal_bytes": 1, "wal_status": None}], True, Reason.SLOTS_READ, ""),
}


@pytest.mark.parametrize("case", HEALTH)
def test_a_slot_is_not_healthy_when_it_is_lost_or_left_behind(case: str) -> None:
    slots, status, reason, message = HEALTH[case]
    found = slot_health(wal_of(*(dict(s) for s in slots)), WalThresholds())
    assert (found.status, found.reason, found.message) == (status, reason, message)


def test_of_many_slots_that_were_left_behind_a_few_are_named() -> None:
    found = slot_health(wal_of(*({"wal_bytes": 2 * GIB} for _ in range(8))), WalThresholds())
    assert found.message.startswith("Nobody reads from 's0' (2.0 GiB), 's1' (2.0 GiB)")
    assert "and 3 more" in found.message


PRESSURE: dict[str, tuple[list[dict[str, Any]], bool, str]] = {
    "no slots": ([], False, ""),
    "little, and time": ([{"wal_bytes": GIB, "left": 3600}], False, ""),
    "much": ([{"wal_bytes": 10 * GIB}], True, "Slots hold back 10.0 GiB of WAL (10.0 GiB and more is pressure)"),
    "little time": (
        [{"wal_bytes": 1, "left": 3599}],
        True,
        "It lasts for 3599 s if it grows on like this (less than 1h is pressure)",
    ),
    "lost, though it holds back nothing": (
        [{"wal_status": "lost", "left": 0}],
        True,
        "WAL was or is about to be lost: 's0' (lost)",
    ),
    "both": ([{"wal_bytes": 11 * GIB, "left": 0}], True, "Slots hold back 11.0 GiB"),
}


@pytest.mark.parametrize("case", PRESSURE)
def test_pressure_is_much_wal_or_little_time(case: str) -> None:
    slots, status, message = PRESSURE[case]
    found = pressure(wal_of(*(dict(s) for s in slots)), WalThresholds())
    reason = Reason.WAL_HELD_BACK if status else Reason.WAL_IN_BOUNDS
    assert (found.status, found.reason, found.message[: len(message)]) == (status, reason, message)


def test_thresholds_are_those_of_the_source() -> None:
    strict = WalThresholds(slot_bytes=10, pressure_bytes=20, time_left="2d")
    wal = wal_of({"wal_bytes": 11, "left": 100_000})
    assert (slot_health(wal, strict).status, pressure(wal, strict).status) == (False, True)
    assert pressure(wal_of({"wal_bytes": 19}), strict).status is False


def test_what_is_not_measured_is_unknown() -> None:
    assert [(v.status, v.reason) for v in not_measured("why")] == [(None, Reason.NOT_MEASURED)] * 2


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (GIB, "1.0 GiB"), (2**60, "1024.0 PiB")]
)
def test_amounts_are_told_in_units_that_people_use(size: int, text: str) -> None:
    assert amount(size) == text
