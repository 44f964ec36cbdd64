"""A replication slot that nobody reads from: what it holds back grows, is told of in time, and clears when it goes."""

import time
import uuid
from datetime import datetime

import httpx
import pytest
from tests.e2e.replication.connections import condition
from tests.e2e.world import MEASURED_EVERY, UNANSWERED_AFTER

from headrace_local.waiting import wait_for

MIB = 1024**2
SLOT_BYTES, PRESSURE_BYTES = 48 * MIB, 112 * MIB
"""Other tests write too, to the same server."""
TWO_INTERVALS = 2 * (MEASURED_EVERY + UNANSWERED_AFTER)
SLACK = 5
"""Seconds for a status to be written, on busy cores."""


def write_wal(world, mebibytes):
    """So much WAL, without a row."""
    world.source(
        "SELECT count(pg_logical_emit_message(false, 'test', repeat('x', 1048576)))"
        f" FROM generate_series(1, {mebibytes})"
    )


def measured(world, source, slot):
    """What was measured of a slot, the oldest first."""
    rows = world.api.call("GET", f"/metrics/wal?source_id={source}&limit=1000")
    assert [row["measured_at"] for row in rows] == sorted((row["measured_at"] for row in rows), reverse=True)
    return [row for row in reversed(rows) if row["slot"] == slot]


def turned(connections, source, type_, status, *, since):
    """Waits until a condition has a status; returns it, and how many seconds after `since` that was."""
    found = connections.wait(source, type_, lambda seen: seen["status"] == status, seconds=TWO_INTERVALS + SLACK + 10)
    seconds = time.monotonic() - since
    return condition(found, type_), seconds


@pytest.fixture(scope="module")
def source(connections):
    wal = {"slotBytes": SLOT_BYTES, "pressureBytes": PRESSURE_BYTES}
    return connections.source(connections.role(), wal=wal)


@pytest.fixture
def slot(world):
    name = f"left_behind_{uuid.uuid4().hex[:8]}"
    # What is held back begins at the last checkpoint.
    world.source("CHECKPOINT")
    world.source(f"SELECT pg_create_physical_replication_slot('{name}', true)")
    yield name
    world.source(f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{name}'")


def test_a_slot_left_behind_is_told_of_within_two_intervals_and_clears(world, connections, source, slot, count):
    uid = connections.uid(source)
    first = wait_for("a measurement of the slot", lambda: measured(world, uid, slot), seconds=30, every=0.5)[-1]
    assert first.keys() >= {"source_id", "slot", "wal_bytes", "measured_at"}
    assert (first["source_id"], first["active"]) == (uid, False)
    assert first["wal_bytes"] < SLOT_BYTES
    found = connections.wait(source, "SlotHealthy", lambda seen: seen["status"] == "True", seconds=30)
    assert condition(found, "WalPressure")["status"] == "False"

    write_wal(world, 56)
    began = time.monotonic()
    unhealthy, seconds = turned(connections, source, "SlotHealthy", "False", since=began)
    assert unhealthy["reason"] == "SlotLeftBehind"
    assert slot in unhealthy["message"]
    assert seconds <= TWO_INTERVALS + SLACK
    assert condition(world.kubectl.get("EtlSource", source["metadata"]["name"]), "WalPressure")["status"] == "False"

    write_wal(world, 64)
    pressure, later = turned(connections, source, "WalPressure", "True", since=time.monotonic())
    assert pressure["reason"] == "WalHeldBack"
    assert later <= TWO_INTERVALS + SLACK
    count(f"a slot left behind: SlotHealthy turned after {seconds:.1f} s, WalPressure after {later:.1f} s")
    shown_everywhere(world, source, uid, slot)

    world.source(f"SELECT pg_drop_replication_slot('{slot}')")
    dropped = time.monotonic()
    for type_, status in (("SlotHealthy", "True"), ("WalPressure", "False")):
        _, seconds = turned(connections, source, type_, status, since=dropped)
        assert seconds <= TWO_INTERVALS + SLACK
    assert measured(world, uid, slot), "the history stays"
    assert slot not in str(world.kubectl.get("EtlSource", source["metadata"]["name"])["status"]["slots"])


def shown_everywhere(world, source, uid, slot):
    """The history, the status, kubectl's columns and the operator's metrics agree."""
    rows = measured(world, uid, slot)
    sizes = [row["wal_bytes"] for row in rows]
    assert sizes == sorted(sizes)
    assert sizes[-1] - sizes[0] >= PRESSURE_BYTES
    assert rows[-1].items() >= {"wal_status": "reserved", "confirmed_flush_lsn": None}.items()
    assert None not in (rows[-1]["restart_lsn"], rows[-1]["growth_per_minute"])
    since = rows[-2]["measured_at"]
    kept = world.api.call("GET", "/metrics/wal", params={"source_id": uid, "since": since, "limit": 1000})
    assert min(row["measured_at"] for row in kept) == since, "since is inclusive"
    # All slots together.
    assert measured(world, uid, None)[-1]["wal_bytes"] >= sizes[-1]
    status = world.kubectl.get("EtlSource", source["metadata"]["name"])["status"]
    (seen,) = [each for each in status["slots"] if each["name"] == slot]
    assert seen["walBytes"] >= PRESSURE_BYTES
    assert status["walBytes"] >= seen["walBytes"]
    row = world.kubectl.run("get", "etlsource", source["metadata"]["name"]).splitlines()[1]
    assert "SlotLeftBehind" in row
    metrics = httpx.get(world.status.operators[0] + "/metrics").text
    lines = [line for line in metrics.splitlines() if slot in line]
    assert any(float(line.split()[-1]) >= PRESSURE_BYTES for line in lines), lines


def test_a_logical_slot_shows_how_far_its_reader_has_confirmed(world, connections, source):
    uid = connections.uid(source)
    name = f"logical_{uuid.uuid4().hex[:8]}"
    world.source(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")
    try:
        (row, *_) = wait_for("a measurement of the slot", lambda: measured(world, uid, name), seconds=30, every=0.5)
    finally:
        world.source(f"SELECT pg_drop_replication_slot('{name}')")
    assert None not in (row["confirmed_flush_lsn"], row["restart_lsn"])
    assert datetime.fromisoformat(row["measured_at"])
