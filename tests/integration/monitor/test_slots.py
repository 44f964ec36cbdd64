"""Replication slots that are left behind: what they hold back, and that it shows."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.integration.conftest import OwnServer, Server
from tests.integration.monitor.monitored import INTERVAL, SOURCE, World, at_work, execute

from headrace.store.wal import WalMeasurement


@pytest.fixture
def slot(own_server: OwnServer) -> Iterator[str]:
    """A slot that nobody reads, on a server of its own."""
    # It holds back what was written since the last checkpoint, by the tests before.
    execute(own_server.dsn(), "CHECKPOINT", "SELECT pg_create_physical_replication_slot('left_behind', true)")
    yield "left_behind"
    execute(own_server.dsn(), "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


def write_wal(server: Server, mebibytes: int = 1) -> None:
    statement = "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1048576))"
    execute(server.dsn(), *[statement] * mebibytes)


async def test_a_slot_that_is_left_behind_turns_the_condition_and_clears_when_it_is_dropped(
    world: World, own_server: OwnServer, slot: str
) -> None:
    wal = {"slotBytes": 2 * 1024**2, "pressureBytes": 4 * 1024**2}
    uid = world.add(SOURCE, "shop", own_server.dsn(), wal=wal)
    await world.until_condition(SOURCE, "shop", "SlotsRead", "SlotHealthy")
    write_wal(own_server, 6)
    assert await world.until_condition(SOURCE, "shop", "SlotLeftBehind", "SlotHealthy") < 2 * INTERVAL + 1
    assert world.condition(SOURCE, "shop", "WalPressure") == ("True", "WalHeldBack")
    assert f"'{slot}'" in world.message(SOURCE, "shop", "SlotHealthy")
    assert [e["reason"] for e in world.kubernetes.events] == ["SlotLeftBehind", "WalHeldBack"]
    execute(own_server.dsn(), f"SELECT pg_drop_replication_slot('{slot}')")
    assert await world.until_condition(SOURCE, "shop", "NoSlots", "SlotHealthy") < 2 * INTERVAL + 1
    assert world.condition(SOURCE, "shop", "WalPressure") == ("False", "WalInBounds")
    assert (world.status(SOURCE, "shop")["walBytes"], world.status(SOURCE, "shop").get("slots", [])) == (0, [])
    sizes = [m.wal_bytes for m in await world.measured(uid, slot)]
    assert (sizes == sorted(sizes), sizes[-1] - sizes[0] > 6 * 1024**2) == (True, True)
    assert (await world.measured(uid))[-1].wal_bytes == 0


async def test_growth_and_time_left_are_those_of_the_slot(world: World, own_server: OwnServer, slot: str) -> None:
    wal = {"diskBytes": 1024**3, "timeLeft": "2h"}
    uid = world.add(SOURCE, "shop", own_server.dsn(), wal=wal)

    async def grown() -> list[WalMeasurement]:
        return [m for m in await world.measured(uid, slot) if m.growth_per_minute]

    while not await grown():
        await asyncio.to_thread(write_wal, own_server)
        await asyncio.sleep(0.2)
    found = (await grown())[0]
    assert found.growth_per_minute is not None
    expected = (1024**3 - found.wal_bytes) * 60 / found.growth_per_minute
    assert found.seconds_left == pytest.approx(expected, rel=0.01, abs=1)
    assert (found.wal_status, found.active, found.restart_lsn is None) == ("reserved", False, False)
    await world.until_condition(SOURCE, "shop", "WalHeldBack", "WalPressure")


async def test_growth_is_known_at_once_after_a_restart(store_database: str, own_server: OwnServer, slot: str) -> None:
    async with at_work(store_database) as first:
        uid = first.add(SOURCE, "shop", own_server.dsn())
        await first.until_condition(SOURCE, "shop", "Connected")
        before = len(await first.measured(uid, slot, least=1))
        status = first.status(SOURCE, "shop")
    await asyncio.sleep(INTERVAL)
    async with at_work(store_database) as second:
        second.add(SOURCE, "shop", own_server.dsn())
        second.kubernetes.change(SOURCE, "shop", **status)
        found = await second.measured(uid, slot, least=before + 1)
        assert found[before].growth_per_minute is not None


async def test_after_a_restart_nothing_is_compared_with_what_another_server_had(
    store_database: str, own_server: OwnServer, slot: str
) -> None:
    async with at_work(store_database) as first:
        uid = first.add(SOURCE, "shop", own_server.dsn())
        await first.until_condition(SOURCE, "shop", "Connected")
        before = len(await first.measured(uid, slot, least=1))
        status = first.status(SOURCE, "shop")
    await asyncio.sleep(INTERVAL)
    async with at_work(store_database) as second:
        # The same server by another name: what is there is the same.
        second.add(SOURCE, "shop", own_server.dsn(), host="localhost")
        second.kubernetes.change(SOURCE, "shop", **status)
        found = await second.measured(uid, slot, least=before + 2)
        assert found[before].growth_per_minute is None
        assert found[before + 1].growth_per_minute is not None


@pytest.fixture
def bounded(own_server: OwnServer, slot: str) -> Iterator[str]:
    """The slot, on a server that gives up those that hold back more than a segment."""
    execute(own_server.dsn(), "ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'", "SELECT pg_reload_conf()")
    yield slot
    execute(own_server.dsn(), "ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")


async def test_a_slot_that_the_server_gave_up_is_told_as_lost(
    world: World, own_server: OwnServer, bounded: str
) -> None:
    uid = world.add(SOURCE, "shop", own_server.dsn())
    safe = (await world.measured(uid, bounded, least=1))[0].safe_wal_size
    assert safe is not None
    for _ in range(4):
        await asyncio.to_thread(execute, own_server.dsn(), "SELECT pg_logical_emit_message(true, 'x', 'x')")
        await asyncio.to_thread(execute, own_server.dsn(), "SELECT pg_switch_wal()", "CHECKPOINT")
    await world.until_condition(SOURCE, "shop", "SlotLost", "SlotHealthy")
    await world.until(lambda: world.status(SOURCE, "shop")["slots"][0]["walStatus"] == "lost")
    assert f"'{bounded}'" in world.message(SOURCE, "shop", "SlotHealthy")
    assert world.condition(SOURCE, "shop", "WalPressure") == ("True", "WalHeldBack")
    assert world.status(SOURCE, "shop")["slots"][0]["secondsLeft"] == 0
    assert (await world.measured(uid, bounded))[-1].seconds_left == 0
    assert (await world.measured(uid))[-1].seconds_left == 0
