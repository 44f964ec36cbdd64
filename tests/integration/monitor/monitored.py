"""A monitor at work: an API server in memory, Postgres servers and a store that are real."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from tests.integration.conftest import PASSWORD
from tests.unit.operator.monitor.kubernetes import Kubernetes

from headrace import names
from headrace.store.store import Store
from headrace.store.wal import WalMeasurement
from headrace_operator.monitor.monitor import Monitor
from headrace_operator.settings import Settings

SOURCE, DESTINATION = names.SOURCE_PLURAL, names.DESTINATION_PLURAL
SCOPE = ("default", "headrace")
INTERVAL = 1.0


class World:
    """A namespace, a monitor at work, and a store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.kubernetes, self.store = Kubernetes(), store
        self.refreshed: list[str] = []
        self.monitor = Monitor(
            cluster=self.kubernetes,  # type: ignore[arg-type]
            store=store,
            index=self.kubernetes.index,
            settings=settings,
            refresh=self._refresh,
        )
        self.kubernetes.index.listen(self.monitor.told)
        self.kubernetes.put_secret("password", {"password": PASSWORD})

    async def _refresh(self, _plural: str, resource: dict[str, Any]) -> None:
        self.refreshed.append(resource["metadata"]["name"])

    def add(self, plural: str, called: str, dsn: str, /, **spec: Any) -> str:
        """A source or destination that leads to a server; returns its uid."""
        where = conninfo_to_dict(dsn)
        given = {
            "name": called,
            "host": where["host"],
            "port": int(where.get("port") or 5432),
            "database": where["dbname"],
            "username": where["user"],
            "passwordSecret": {"name": "password"},
        }
        return str(self.kubernetes.put(plural, called, **{**given, **spec})["metadata"]["uid"])

    def status(self, plural: str, name: str) -> dict[str, Any]:
        return dict(self.kubernetes.there[plural, name]["status"])

    def condition(self, plural: str, name: str, type_: str = "Ready") -> tuple[str, str]:
        """Status and reason."""
        found = [c for c in self.status(plural, name).get("conditions", []) if c["type"] == type_]
        return (found[0]["status"], found[0]["reason"]) if found else ("", "")

    def message(self, plural: str, name: str, type_: str = "Ready") -> str:
        return next(c["message"] for c in self.status(plural, name)["conditions"] if c["type"] == type_)

    async def until(self, is_so: Callable[[], bool], within: float = 10) -> float:
        """Waits; returns how long it took."""
        began = time.monotonic()
        while not is_so():
            assert time.monotonic() - began < within, self.kubernetes.there
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def until_condition(self, plural: str, name: str, reason: str, type_: str = "Ready") -> float:
        return await self.until(lambda: self.condition(plural, name, type_)[1] == reason)

    async def measured(self, uid: str, slot: str | None = None, *, least: int = 0) -> list[WalMeasurement]:
        """What the store has of a slot, oldest first; waits until that is so much."""
        async with asyncio.timeout(30):
            while True:
                found, _ = await self.store.list_wal(SCOPE, source_uid=uid, limit=1000)
                chosen = [m for m in reversed(found) if m.slot == slot]
                if len(chosen) >= least:
                    return chosen
                await asyncio.sleep(0.05)


@asynccontextmanager
async def at_work(store_dsn: str, *, interval: float = INTERVAL, seconds: float = 3.0) -> AsyncIterator[World]:
    settings = Settings(
        HEADRACE_STORE_DSN=store_dsn, WAL_MONITOR_INTERVAL_SECONDS=interval, WAL_MONITOR_TIMEOUT_SECONDS=seconds
    )
    store = Store(store_dsn)
    world = World(store, settings)
    working = asyncio.create_task(world.monitor.run())
    await asyncio.sleep(0)
    try:
        yield world
        assert not working.done()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await store.close()


def execute(dsn: str, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        cursor = connection.execute(statements[-1].encode())
        return cursor.fetchall() if cursor.description else []
