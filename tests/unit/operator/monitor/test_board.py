"""What Prometheus sees of sources, their slots, and destinations: nothing of what is gone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace import names
from headrace.model.connection import ConnectionSeen
from headrace.postgres.replication_slots import Slot
from headrace_operator.monitor.board import Board, Shown
from headrace_operator.monitor.wal import Measured, Wal, measure

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HERE = ConnectionSeen(host="db", port=5432, database="shop", username="reader")


def series(board: Board) -> dict[str, dict[tuple[str, ...], float]]:
    """All that is shown, by metric and labels."""
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in board.collect()
    }


def source(*slots: Measured) -> Shown:
    """As a look at NOW found it."""
    wal = Wal(slots=slots, at=NOW)
    return Shown(plural=names.SOURCE_PLURAL, name="shop", is_up=True, at=NOW, connection=HERE, wal=wal)


def away(seconds: float, **changes: Any) -> Shown:
    """As a look found it that failed so many seconds after NOW."""
    values = {"connection": HERE, **changes}
    return Shown(plural=names.SOURCE_PLURAL, name="shop", is_up=False, at=NOW + timedelta(seconds=seconds), **values)


SLOT = Measured(slot=Slot(name="a", wal_bytes=7, safe_wal_size=90, active=True), seconds_left=60)
BARE = Measured(slot=Slot(name="b", wal_bytes=3))


def test_a_source_and_its_slots_are_shown() -> None:
    board = Board()
    board.show("1", source(SLOT, BARE))
    board.show("2", Shown(plural=names.DESTINATION_PLURAL, name="warehouse", is_up=False, at=NOW))
    assert series(board) == {
        "headrace_source_up": {("shop",): 1},
        "headrace_destination_up": {("warehouse",): 0},
        "headrace_source_wal_bytes": {("shop",): 7},
        "headrace_slot_wal_bytes": {("shop", "a"): 7, ("shop", "b"): 3},
        "headrace_slot_active": {("shop", "a"): 1, ("shop", "b"): 0},
        "headrace_slot_safe_wal_bytes": {("shop", "a"): 90},
        "headrace_slot_seconds_left": {("shop", "a"): 60},
    }


@pytest.mark.parametrize(
    ("interval", "failures", "is_shown"),
    [
        (60, [away(60)], True),
        (60, [away(60), away(180), away(300)], True),
        (60, [away(60), away(301)], False),
        (600, [away(600), away(1800)], True),
        (60, [away(60, connection=HERE.model_copy(update={"host": "other"}))], False),
        (60, [away(60, connection=None), away(120)], True),
        (60, [away(60, connection=None), away(301, connection=None)], False),
        (60, [away(60, connection=None, generation=2), away(120, generation=2)], False),
        (60, [away(-3600)], False),
    ],
    ids=[
        "one fails",
        "for 5 minutes",
        "for longer",
        "seldom",
        "elsewhere",
        "a Secret is missing",
        "it is missing for long",
        "another specification",
        "the clock was set back",
    ],
)
def test_of_one_that_is_not_reached_the_last_numbers_stay_for_a_while(
    interval: float, failures: list[Shown], is_shown: bool
) -> None:
    board = Board(interval=interval)
    board.show("1", source(SLOT))
    for failure in failures:
        board.show("1", failure)
    shown = series(board)
    assert shown.pop("headrace_source_up") == {("shop",): 0}
    assert shown["headrace_slot_seconds_left"] == ({("shop", "a"): 60} if is_shown else {})
    assert all(bool(found) is is_shown for found in shown.values() if found is not shown["headrace_destination_up"])


def test_what_is_measured_anew_takes_the_place_of_what_stayed() -> None:
    board = Board()
    board.show("1", source(SLOT))
    board.show("1", away(60))
    board.show("1", source(BARE))
    assert list(series(board)["headrace_slot_wal_bytes"]) == [("shop", "b")]


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
    board.show("1", Shown(plural=names.SOURCE_PLURAL, name="shop", is_up=True, at=NOW, wal=wal))
    assert series(board)["headrace_slot_seconds_left"] == {("shop", "lost"): 0}


def test_of_a_source_with_very_many_slots_fifty_are_shown() -> None:
    board = Board()
    board.show("1", source(*(Measured(slot=Slot(name=f"s{n}", wal_bytes=n)) for n in range(200))))
    assert len(series(board)["headrace_slot_wal_bytes"]) == 50
