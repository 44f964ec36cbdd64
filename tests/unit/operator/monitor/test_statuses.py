"""The status of a source after a look, and when it is written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.model.conditions import ConditionType, Reason
from headrace.model.connection import ConnectionSeen
from headrace.model.destination import DestinationStatus
from headrace.model.source import SourceStatus, WalThresholds
from headrace.model.times import to_text
from headrace.postgres.replication_slots import Slot
from headrace_operator.monitor.events import news
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.statuses import MOST_SLOTS, Outcome, find, is_due, status_after
from headrace_operator.monitor.subjects import EndStatus
from headrace_operator.monitor.verdicts import Verdict, pressure, slot_health
from headrace_operator.monitor.wal import Wal, measure

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SEEN = ConnectionSeen(host="db.example", port=5432, database="shop", username="reader")
ROLE = Verdict(ConditionType.SOURCE_READ_ONLY, Reason.SOURCE_ONLY_READS, "It can only read", status=True)


def wal_at(at: datetime, *slots: Slot) -> Wal:
    return measure(slots, {}, at=at, disk_bytes=None, least_seconds=1)


def good(*slots: Slot, minutes: float = 0, verdicts: tuple[Verdict, ...] = (ROLE,), **changes: Any) -> Outcome:
    at = NOW + timedelta(minutes=minutes)
    wal = wal_at(at, *slots)
    values: dict[str, Any] = {
        "at": at,
        "generation": 1,
        "pipelines": 2,
        "connection": SEEN,
        "sight": Sight(server_version="PostgreSQL 18.1", verdicts=verdicts, slots=slots),
        "wal": wal,
        "wal_verdicts": (slot_health(wal, WalThresholds()), pressure(wal, WalThresholds())),
    }
    return Outcome(**{**values, **changes})


def bad(reason: Reason = Reason.NO_ANSWER, *, minutes: float = 0, **changes: Any) -> Outcome:
    values: dict[str, Any] = {"connection": SEEN, "message": "The server did not answer in time.", "next_seconds": 120}
    at = NOW + timedelta(minutes=minutes)
    return Outcome(at=at, generation=1, pipelines=2, reason=reason, **{**values, **changes})


def conditions(status: EndStatus) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in status.conditions}


WELL = {
    "Ready": ("True", "Connected"),
    "SlotHealthy": ("True", "NoSlots"),
    "WalPressure": ("False", "WalInBounds"),
    "SourceReadOnly": ("True", "SourceOnlyReads"),
}


def test_a_source_that_lets_us_in_is_ready_and_shows_what_it_is() -> None:
    status = status_after(SourceStatus(), good(Slot(name="a", wal_bytes=7, active=True)))
    assert conditions(status) == WELL | {"SlotHealthy": ("True", "SlotsRead")}
    assert isinstance(status, SourceStatus)
    assert (status.server_version, status.connection, status.pipelines) == ("PostgreSQL 18.1", SEEN, 2)
    assert (status.wal_bytes, status.measured_at, status.checked_at) == (7, to_text(NOW), to_text(NOW))
    assert [(s.name, s.active, s.wal_bytes) for s in status.slots] == [("a", True, 7)]


def test_one_that_does_not_says_why_since_when_and_when_it_is_tried_again() -> None:
    before = status_after(status_after(SourceStatus(), good()), bad(minutes=1))
    status = status_after(before, bad(minutes=3))
    ready = find(status.conditions, ConditionType.READY)
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "NoAnswer")
    assert ready.message == "The server did not answer in time (since 2026-05-01T12:01:00Z; tried again within 120 s)"
    assert conditions(status) == WELL | {
        "Ready": ("False", "NoAnswer"),
        "SlotHealthy": ("Unknown", "NotMeasured"),
        "WalPressure": ("Unknown", "NotMeasured"),
    }


def test_what_was_found_of_the_role_stays_until_it_is_found_anew() -> None:
    status = status_after(status_after(SourceStatus(), good()), good(minutes=1, verdicts=()))
    assert conditions(status) == WELL


def test_a_destination_has_no_wal() -> None:
    sight = Sight(server_version="PostgreSQL 18.1")
    outcome = Outcome(at=NOW, generation=1, pipelines=0, connection=SEEN, sight=sight)
    assert conditions(status_after(DestinationStatus(), outcome)) == {"Ready": ("True", "Connected")}
    assert conditions(status_after(DestinationStatus(), bad())) == {"Ready": ("False", "NoAnswer")}


def test_a_standby_is_connected_and_not_ready() -> None:
    standby = Verdict(ConditionType.READY, Reason.STANDBY, "a standby", status=False)
    sight = Sight(server_version="PostgreSQL 18.1", verdicts=(standby,))
    outcome = Outcome(at=NOW, generation=1, pipelines=0, connection=SEEN, sight=sight)
    assert outcome.failure is Reason.STANDBY
    assert conditions(status_after(DestinationStatus(), outcome)) == {"Ready": ("False", "Standby")}


def test_at_most_fifty_slots_are_shown_those_that_hold_back_most_first() -> None:
    status = status_after(SourceStatus(), good(*(Slot(name=f"s{n}", wal_bytes=n) for n in range(60))))
    assert isinstance(status, SourceStatus)
    assert (len(status.slots), status.slots[0].name, status.wal_bytes) == (MOST_SLOTS, "s59", 59)


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (good(minutes=1), False),
        (good(minutes=4.9), False),
        (good(minutes=5), True),
        (bad(minutes=1), True),
        (good(minutes=1, pipelines=3), True),
        (good(minutes=1, generation=2), True),
        (good(minutes=1, connection=SEEN.model_copy(update={"host": "other"})), True),
        (good(Slot(name="new"), minutes=1), True),
    ],
    ids=["the same", "nearly", "long ago", "a condition", "pipelines", "generation", "connection", "a slot"],
)
def test_what_turned_is_written_at_once_and_numbers_from_time_to_time(after: Outcome, due: bool) -> None:
    before = status_after(SourceStatus(), good())
    assert is_due(before, status_after(before, after), after.at) is due


def test_more_wal_alone_is_not_written_at_once() -> None:
    before = status_after(SourceStatus(), good(Slot(name="a", wal_bytes=1)))
    after = good(Slot(name="a", wal_bytes=900), minutes=1)
    assert not is_due(before, status_after(before, after), after.at)


LEFT = Slot(name="a", wal_bytes=2 * 1024**3)
LEFT_MORE = Slot(name="a", wal_bytes=3 * 1024**3)
MISSING = {"message": "The Secret 'p' does not exist", "connection": None}
NO_KEY = {"message": "The Secret 'p' has no key 'password'", "connection": None}
LATER = {"next_seconds": 240.0}


def may_not(grant: str) -> Verdict:
    return Verdict(ConditionType.CAN_CREATE, Reason.MAY_NOT_CREATE, grant, status=False)


@pytest.mark.parametrize(
    ("outcomes", "due"),
    [
        ([bad(Reason.SECRET_MISSING, **MISSING), bad(Reason.SECRET_MISSING, **NO_KEY)], True),
        ([good(verdicts=(may_not("GRANT a"),)), good(verdicts=(may_not("GRANT b"),))], True),
        ([good(), bad(), bad(minutes=1, **LATER)], False),
        ([good(LEFT), good(LEFT_MORE, minutes=1)], False),
    ],
    ids=["a Secret without the key", "another grant", "when it is tried again", "how much a slot holds back"],
)
def test_another_message_is_written_at_once_where_it_says_what_to_do(outcomes: list[Outcome], due: bool) -> None:
    status: EndStatus = SourceStatus()
    for outcome in outcomes:
        before, status = status, status_after(status, outcome)
    assert is_due(before, status, outcomes[-1].at) is due


def test_after_the_clock_was_set_back_numbers_are_written_from_time_to_time_as_before() -> None:
    before = status_after(SourceStatus(), good())
    assert is_due(before, status_after(before, good(minutes=-60)), NOW - timedelta(minutes=60))


OTHER = SEEN.model_copy(update={"host": "other.example"})


NOT_KNOWN = replace(bad(Reason.SECRET_MISSING, minutes=1, connection=None), generation=2)


@pytest.mark.parametrize(
    "elsewhere", [bad(minutes=1, connection=OTHER), NOT_KNOWN], ids=["another server", "another specification"]
)
def test_of_another_server_nothing_is_shown_that_was_seen_at_the_one_before(elsewhere: Outcome) -> None:
    before = status_after(SourceStatus(), good(Slot(name="a", wal_bytes=7)))
    status = status_after(before, elsewhere)
    assert isinstance(status, SourceStatus)
    assert (status.slots, status.wal_bytes, status.measured_at, status.server_version) == ([], None, None, None)
    assert "SourceReadOnly" not in conditions(status)


@pytest.mark.parametrize("place", [SEEN, None], ids=["no answer", "a Secret is missing"])
def test_of_a_server_that_is_not_reached_the_last_numbers_are_shown_with_their_time(
    place: ConnectionSeen | None,
) -> None:
    before = status_after(SourceStatus(), good(Slot(name="a", wal_bytes=7)))
    status = status_after(before, bad(minutes=1, connection=place))
    assert isinstance(status, SourceStatus)
    assert ([s.name for s in status.slots], status.wal_bytes, status.measured_at) == (["a"], 7, to_text(NOW))
    assert (status.server_version, status.connection) == ("PostgreSQL 18.1", SEEN)
    assert "SourceReadOnly" in conditions(status)


def told(*outcomes: Outcome) -> list[tuple[str, str]]:
    """What is told of the last of these outcomes."""
    status: EndStatus = SourceStatus()
    for outcome in outcomes:
        before, status = status, status_after(status, outcome)
    return [(each.type, each.reason) for each in news(before, status)]


@pytest.mark.parametrize(
    ("outcomes", "events"),
    [
        ([good()], []),
        ([bad()], [("Warning", "NoAnswer")]),
        ([good(), bad()], [("Warning", "NoAnswer")]),
        ([bad(), bad(minutes=1)], []),
        ([bad(), bad(Reason.LOGIN_REFUSED, minutes=1)], [("Warning", "LoginRefused")]),
        ([bad(), good(minutes=1)], [("Normal", "Connected")]),
        ([good(), good(LEFT)], [("Warning", "SlotLeftBehind")]),
        ([good(LEFT), good()], []),
    ],
)
def test_people_hear_of_what_turned(outcomes: list[Outcome], events: list[tuple[str, str]]) -> None:
    assert told(*outcomes) == events
