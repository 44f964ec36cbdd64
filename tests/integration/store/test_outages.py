"""When Postgres is away every call fails soon and in words; when it is back, calls work again by themselves."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from headrace.errors import UnavailableError
from headrace.store.migrate import migrate
from headrace.store.store import Store


@pytest.fixture
async def store_away(own_server: Any) -> AsyncIterator[Store]:
    """A store whose server the test may stop."""
    dsn = own_server.dsn(own_server.create_database())
    migrate(dsn)
    store = Store(dsn, pool_timeout=10)
    yield store
    await store.close()


async def _fails_within(seconds: float, store: Store) -> None:
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="The store's Postgres can't be reached") as raised:
        await store.observe([])
    assert raised.value.part == "postgres"
    assert time.monotonic() - started < seconds


async def test_opening_and_closing_need_no_server() -> None:
    store = Store("host=127.0.0.1 port=1 password=secret")
    started = time.monotonic()
    await store.open()
    await store.open()
    await store.close()
    assert time.monotonic() - started < 2
    with pytest.raises(UnavailableError):
        await store.ping()


async def test_a_server_that_is_not_there_fails_fast() -> None:
    store = Store("host=127.0.0.1 port=1 password=secret")
    try:
        await _fails_within(3.5, store)
        started = time.monotonic()
        with pytest.raises(UnavailableError):
            await store.ping()
        assert time.monotonic() - started < 3
    finally:
        await store.close()


async def test_calls_work_again_right_after_a_restart(store_away: Store, own_server: Any) -> None:
    await asyncio.gather(*(store_away.observe([]) for _ in range(8)))
    own_server.restart()
    started = time.monotonic()
    await asyncio.gather(*(store_away.observe([]) for _ in range(8)))
    assert time.monotonic() - started < 4


async def test_calls_fail_while_it_is_stopped_and_work_when_it_is_back(store_away: Store, own_server: Any) -> None:
    await store_away.ping()
    own_server.stop()
    try:
        for _ in range(3):
            await _fails_within(4, store_away)
    finally:
        own_server.start()
    await _works_within(5, store_away)


async def test_a_server_that_hangs_is_a_server_that_is_away(store_away: Store, own_server: Any) -> None:
    await asyncio.gather(*(store_away.ping() for _ in range(3)))
    frozen = _freeze(own_server)
    try:
        started = time.monotonic()
        with pytest.raises(UnavailableError):
            await store_away.ping()
        assert time.monotonic() - started < 3
        await _fails_within(6, store_away)
        await _fails_within(6, store_away)
    finally:
        _thaw(frozen)
    await _works_within(5, store_away)


async def test_a_server_that_hangs_in_a_query_ends_that_query(store_away: Store, own_server: Any) -> None:
    async with store_away._pool.connection(answer_within=0.5) as connection_in_use:
        frozen = _freeze(own_server)
        try:
            started = time.monotonic()
            with pytest.raises(psycopg.OperationalError):
                await connection_in_use.execute("SELECT 1")
            assert time.monotonic() - started < 3
        finally:
            _thaw(frozen)
    await _works_within(5, store_away)


async def test_a_busy_pool_is_waited_for_and_then_given_up(store_dsn: str) -> None:
    store = Store(store_dsn, pool_size=1, max_overflow=0, pool_timeout=3.5)
    try:
        async with store._pool.connection():
            started = time.monotonic()
            with pytest.raises(UnavailableError):
                await store.observe([])
            assert 3 < time.monotonic() - started < 5
        async with store._pool.connection():
            waiting = asyncio.create_task(store.observe([]))
            await asyncio.sleep(2.8)
        assert (await waiting).progress == {}
    finally:
        await store.close()


async def test_a_call_that_is_cancelled_gives_its_connection_back(store_dsn: str) -> None:
    store = Store(store_dsn, pool_size=1, max_overflow=0, pool_timeout=3)
    try:
        await store.ping()
        for _ in range(30):
            task = asyncio.create_task(store.observe([str(uuid4())]))
            await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await store.ping()
    finally:
        await store.close()


async def test_a_store_without_its_schema_is_unavailable(database: str) -> None:
    store = Store(database)
    try:
        with pytest.raises(UnavailableError, match="The store's schema is not there yet"):
            await store.observe([])
        await store.ping()
    finally:
        await store.close()


async def test_a_wrong_password_is_unavailable_and_not_shown(server: Any) -> None:
    store = Store(server.dsn(password="not-the-one"))
    try:
        with pytest.raises(UnavailableError) as raised:
            await store.observe([])
        assert "not-the-one" not in str(raised.value)
    finally:
        await store.close()


async def _works_within(seconds: float, store: Store) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            await store.observe([])
        except UnavailableError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        else:
            return


def _freeze(server: Any) -> list[int]:
    """Stops the postmaster and all who serve a client: their kernel goes on answering for them."""
    with psycopg.connect(server.dsn()) as connection:
        own_pid = connection.info.backend_pid
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'").fetchall()
    status = Path(f"/proc/{rows[0][0]}/status").read_text()
    postmaster = int(status.split("PPid:")[1].split()[0])
    pids = [postmaster, *(pid for (pid,) in rows if pid != own_pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


def _thaw(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
