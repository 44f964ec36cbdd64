"""Sources, looked at for real: each on its own clock, whatever the others do."""

import asyncio
import socket
import time
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.integration.conftest import PASSWORD, Server
from tests.integration.monitor.monitored import INTERVAL, SOURCE, World, at_work, execute

from headrace_operator.figures import metrics
from headrace_operator.monitor import monitor as module


async def test_one_dead_source_never_delays_another(store_database: str, server: Server) -> None:
    interval, dead, alive = 2.0, 5, 45
    with ExitStack() as stack:
        async with at_work(store_database, interval=interval, seconds=1.5) as world:
            for number in range(dead):
                hole = stack.enter_context(socket.socket())
                hole.bind(("127.0.0.1", 0))
                hole.listen(64)
                port = hole.getsockname()[1]
                world.add(SOURCE, f"dead-{number}", server.dsn(), port=port)
            uids = [
                world.add(SOURCE, f"alive-{n}", server.dsn(), options={"application_name": f"alive-{n}"})
                for n in range(alive)
            ]
            most = await asyncio.to_thread(most_connections, server, 9.0)
            for uid in uids:
                times = [m.measured_at.timestamp() for m in await world.measured(uid)]
                assert len(times) >= 4
                assert max(b - a for a, b in pairwise(times)) < 1.5 * interval
            assert most, "nobody was seen"
            assert max(most.values()) == 1
            assert {world.condition(SOURCE, f"dead-{n}") for n in range(dead)} == {("False", "NoAnswer")}


def most_connections(server: Server, seconds: float) -> Counter[str]:
    """The most connections that each source had at once."""
    most: Counter[str] = Counter()
    query = "SELECT application_name, count(*) FROM pg_stat_activity WHERE application_name LIKE 'alive-%' GROUP BY 1"
    end = time.monotonic() + seconds
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        while time.monotonic() < end:
            most |= Counter(dict(connection.execute(query).fetchall()))
            time.sleep(0.01)
    return most


async def test_a_secret_that_changes_is_tried_at_once_and_reaches_the_runs(world: World, server: Server) -> None:
    world.kubernetes.put_secret("password", {"password": "wrong"})
    world.add(SOURCE, "shop", server.dsn())
    await world.until_condition(SOURCE, "shop", "LoginRefused")
    assert "wrong" not in str(world.kubernetes.there).replace("Wrong user name", "")
    assert PASSWORD not in str(world.kubernetes.there)
    await asyncio.sleep(2.5 * INTERVAL)
    refreshed = len(world.refreshed)
    world.kubernetes.put_secret("password", {"password": PASSWORD})
    assert await world.until_condition(SOURCE, "shop", "Connected") < 2 * INTERVAL
    assert len(world.refreshed) == refreshed + 1
    assert [e["reason"] for e in world.kubernetes.events] == ["LoginRefused", "Connected"]


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "a host with a path": ({"host": "db/shop"}, "InvalidSpec"),
    "no database": ({"database": None}, "InvalidSpec"),
    "an option that is none": ({"options": {"service": "x"}}, "InvalidSpec"),
    "an option's value that is none": ({"options": {"sslmode": "maybe"}}, "InvalidSpec"),
    "a Secret that is not there": ({"passwordSecret": {"name": "gone"}}, "SecretMissing"),
    "a key that is not there": ({"passwordSecret": {"name": "password", "key": "x"}}, "SecretMissing"),
    "a Secret that is not for us": ({"passwordSecret": {"name": "theirs"}}, "SecretNotAllowed"),
}


@pytest.mark.parametrize("case", INVALID)
async def test_no_connection_is_attempted_for_what_is_invalid(world: World, case: str) -> None:
    spec, reason = INVALID[case]
    world.kubernetes.put_secret("theirs", {"password": "x"}, allowed=False)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(0.1)
        world.add(SOURCE, "shop", "host=127.0.0.1 dbname=x user=x", port=listener.getsockname()[1], **spec)
        await world.until_condition(SOURCE, "shop", reason)
        with pytest.raises(TimeoutError):
            listener.accept()


async def test_of_two_of_one_name_the_older_one_counts_until_it_is_gone(world: World, server: Server) -> None:
    world.add(SOURCE, "older", server.dsn(), name="Shop")
    world.add(SOURCE, "younger", server.dsn(), name="Shop", created="2026-02-01T00:00:00Z")
    await world.until_condition(SOURCE, "younger", "DuplicateName")
    await world.until_condition(SOURCE, "older", "Connected")
    world.kubernetes.remove(SOURCE, "older")
    assert await world.until_condition(SOURCE, "younger", "Connected") < INTERVAL


async def test_a_change_of_the_specification_is_tried_at_once(world: World, server: Server) -> None:
    world.add(SOURCE, "shop", server.dsn(), port=1)
    await world.until_condition(SOURCE, "shop", "ConnectionRefused")
    port = int(conninfo_to_dict(server.dsn())["port"] or 0)
    world.kubernetes.change_spec(SOURCE, "shop", port=port)
    assert await world.until_condition(SOURCE, "shop", "Connected") < INTERVAL
    status = world.status(SOURCE, "shop")
    assert (status["observedGeneration"], status["connection"]["port"]) == (2, port)
    assert status["serverVersion"].startswith("PostgreSQL ")
    assert world.condition(SOURCE, "shop", "SourceReadOnly") == ("False", "SourceCouldWrite")


async def test_after_a_change_what_the_role_may_is_found_also_when_the_first_look_fails(
    world: World, server: Server
) -> None:
    world.add(SOURCE, "shop", server.dsn())
    await world.until_condition(SOURCE, "shop", "SourceCouldWrite", "SourceReadOnly")
    role = "comes_later"
    try:
        world.kubernetes.change_spec(SOURCE, "shop", username=role)
        await world.until_condition(SOURCE, "shop", "LoginRefused")
        assert world.condition(SOURCE, "shop", "SourceReadOnly") == ("", "")
        execute(server.dsn(), f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        await world.until_condition(SOURCE, "shop", "SourceOnlyReads", "SourceReadOnly")
    finally:
        execute(server.dsn(), f"DROP ROLE IF EXISTS {role}")


async def test_of_a_source_that_lets_us_in_no_more_the_last_measurement_stays_for_a_while(
    world: World, server: Server
) -> None:
    world.add(SOURCE, "shop", server.dsn())
    await world.until_condition(SOURCE, "shop", "Connected")
    world.kubernetes.put_secret("password", {"password": "wrong"})
    await world.until_condition(SOURCE, "shop", "LoginRefused")
    assert shown(world, "headrace_source_up") == {"shop": 0.0}
    assert shown(world, "headrace_source_wal_bytes").keys() == {"shop"}


async def test_where_nothing_changes_nothing_is_written(world: World, server: Server) -> None:
    uid = world.add(SOURCE, "shop", server.dsn())
    await world.measured(uid, least=4)
    assert world.kubernetes.calls.count("status etlsources") == 1


async def test_what_is_gone_is_looked_at_no_more_and_shown_no_more(world: World, server: Server) -> None:
    uid = world.add(SOURCE, "shop", server.dsn())
    await world.until_condition(SOURCE, "shop", "Connected")
    assert shown(world, "headrace_source_up") == {"shop": 1.0}
    world.kubernetes.remove(SOURCE, "shop")
    assert shown(world, "headrace_source_up") == {}
    count = len(await world.measured(uid))
    await asyncio.sleep(2 * INTERVAL)
    assert len(await world.measured(uid)) == count


def shown(world: World, name: str) -> dict[str, float]:
    families = {family.name: family for family in world.monitor.board.collect()}
    return {sample.labels["source"]: sample.value for sample in families[name].samples}


async def test_a_store_that_is_away_takes_nothing_but_the_history(server: Server) -> None:
    dropped = metrics.WAL_DROPPED._value.get()
    async with at_work("host=127.0.0.1 port=1 dbname=x connect_timeout=2") as world:
        world.add(SOURCE, "shop", server.dsn())
        await world.until_condition(SOURCE, "shop", "Connected")
        assert world.condition(SOURCE, "shop", "SlotHealthy")[0] == "True"
        await world.until(lambda: metrics.WAL_DROPPED._value.get() > dropped)


async def test_a_fault_in_one_of_them_ends_neither_it_nor_the_others(
    world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_SECONDS", 0.1)
    world.kubernetes.fail["status etlsources"] = ZeroDivisionError()  # type: ignore[assignment]
    world.add(SOURCE, "shop", server.dsn())
    world.add(SOURCE, "other", server.dsn())
    await world.until_condition(SOURCE, "shop", "Connected")
    await world.until_condition(SOURCE, "other", "Connected")


async def test_a_watchman_whose_cancel_got_lost_ends_all_the_same(world: World, server: Server) -> None:
    uid = world.add(SOURCE, "shop", server.dsn())
    await world.until_condition(SOURCE, "shop", "Connected")
    watchman, task = world.monitor._watchmen[uid]
    watchman.dismiss()
    async with asyncio.timeout(5):
        await task
