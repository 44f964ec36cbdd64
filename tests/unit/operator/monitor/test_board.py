"""What Prometheus sees of sources, their slots, and destinations: nothing of what is gone."""

from datetime import UTC, datetime

from headrace import names
from headrace.postgres.replication_slots import Slot
from headrace_operator.monitor.board import Board, Shown
from headrace_operator.monitor.wal import Measured, Wal, measure

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def series(board: Board) -> dict[str, dict[tuple[str, ...], float]]:
    """All that is shown, by metric and labels."""
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in board.collect()
    }


def source(*slots: Measured, is_up: bool = True) -> Shown:
    wal = Wal(slots=slots, at=NOW) if is_up else None
    return Shown(plural=names.SOURCE_PLURAL, name="shop", is_up=is_up, wal=wal)


SLOT = Measured(slot=Slot(name="a", wal_bytes=7, safe_wal_size=90, active=True), seconds_left=60)
BARE = Measured(slot=Slot(name="b", wal_bytes=3))


def test_a_source_and_its_slots_are_shown() -> None:
    board = Board()
    board.show("1", source(SLOT, BARE))
    board.show("2", Shown(plural=names.DESTINATION_PLURAL, name="warehouse", is_up=False))
    assert series(board) == {
        "headrace_source_up": {("shop",): 1},
        "headrace_destination_up": {("warehouse",): 0},
        "headrace_source_wal_bytes": {("shop",): 7},
        "headrace_slot_wal_bytes": {("shop", "a"): 7, ("shop", "b"): 3},
        "headrace_slot_active": {("shop", "a"): 1, ("shop", "b"): 0},
        "headrace_slot_safe_wal_bytes": {("shop", "a"): 90},
        "headrace_slot_seconds_left": {("shop", "a"): 60},
    }


def test_of_one_that_is_not_reached_no_old_numbers_are_shown() -> None:
    board = Board()
    board.show("1", source(SLOT))
    board.show("1", source(is_up=False))
    shown = series(board)
    assert shown.pop("headrace_source_up") == {("shop",): 0}
    assert not any(shown.values())


def test_what_is_gone_is_taken_off() -> None:
    board = Board()
    board.show("1", source(SLOT))
    board.show("1", source(BARE))
    assert list(series(board)["headrace_slot_wal_bytes"]) == [("shop", "b")]
    board.take_off("1")
    board.take_off("1")
    assert not any(series(board).values())


def test_a_lost_slot_is_shown_with_no_time_left_also_among_very_many() -> None:
    slots = [Slot(name=f"s{n}", wal_bytes=9) for n in range(99)] + [Slot(name="lost", wal_status="lost")]
    wal = measure(slots, {}, at=NOW, disk_bytes=None, least_seconds=1)
    board = Board()
    board.show("1", Shown(plural=names.SOURCE_PLURAL, name="shop", is_up=True, wal=wal))
    assert series(board)["headrace_slot_seconds_left"] == {("shop", "lost"): 0}


def test_of_a_source_with_very_many_slots_fifty_are_shown() -> None:
    board = Board()
    board.show("1", source(*(Measured(slot=Slot(name=f"s{n}", wal_bytes=n)) for n in range(200))))
    assert len(series(board)["headrace_slot_wal_bytes"]) == 50
