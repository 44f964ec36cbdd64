"""A pool of connections with a limit for everything: how many, how long to wait for one, how long for an answer."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from headrace.postgres.connect import SERVER_SETTINGS, connection_parameters, settings_query
from headrace.postgres.deadlines import async_deadline

CONNECT_SECONDS = 2
"""The least that libpq takes."""
CHECK_SECONDS = 2.0
ANSWER_SECONDS = 10.0
"""For what is done with a connection, unless the caller says otherwise."""
_MARGIN_SECONDS = 1.0
"""The server's own statement_timeout comes first: its error says more."""
_FAST_FAIL_SECONDS = CONNECT_SECONDS + 0.5
"""So much later it is known whether new connections fail; a pool that is merely busy is waited for longer."""
_MAX_IDLE_SECONDS = 120.0
_RECONNECT_SECONDS = 1.0

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """A pool at one moment."""

    connections: int
    idle: int
    waiting: int
    """Callers that wait for a connection."""
    failures: int
    """Attempts to connect that failed, since the start."""


class Pool:
    """Connections in autocommit mode; none is opened before the first is asked for."""

    def __init__(
        self, dsn: str, *, application_name: str, size: int, timeout: float, settings: Mapping[str, str] | None = None
    ) -> None:
        parameters = connection_parameters(dsn, application_name=application_name, connect_timeout=CONNECT_SECONDS)
        self._timeout = timeout
        self._settings = {**SERVER_SETTINGS, **(settings or {})}
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            kwargs={**parameters, "connect_timeout": CONNECT_SECONDS, "autocommit": True, "prepare_threshold": None},
            min_size=0,
            max_size=size,
            open=False,
            configure=self._configure,
            max_idle=_MAX_IDLE_SECONDS,
            # Its back-off would go on for minutes after an outage; whoever asks next tries again.
            reconnect_timeout=_RECONNECT_SECONDS,
            name=application_name,
        )

    async def open(self) -> None:
        """Starts the pool's workers; connects to nothing. Harmless when it is open; the first use does it too."""
        await self._pool.open()

    async def close(self) -> None:
        """Closes all connections; the pool can't be opened again."""
        await self._pool.close(timeout=CHECK_SECONDS)

    @property
    def state(self) -> PoolState:
        """How the pool is doing."""
        stats = self._pool.get_stats()
        return PoolState(
            connections=stats.get("pool_size", 0),
            idle=stats.get("pool_available", 0),
            waiting=stats.get("requests_waiting", 0),
            failures=stats.get("connections_errors", 0),
        )

    @asynccontextmanager
    async def connection(
        self, *, free_within: float | None = None, answer_within: float = ANSWER_SECONDS
    ) -> AsyncIterator[Connection]:
        """Gives a connection that has just answered, and ends it when the block takes longer than `answer_within`.

        `free_within` (the pool's timeout, if None) bounds the wait while all are in use; that the server is away shows
        in about two seconds, whatever it is. Raises psycopg.OperationalError.
        """
        connection = await self._checked(self._timeout if free_within is None else free_within)
        try:
            with async_deadline(connection, answer_within + _MARGIN_SECONDS):
                yield connection
        finally:
            await self._pool.putconn(connection)

    async def _checked(self, seconds: float) -> Connection:
        end = time.monotonic() + seconds
        connection = await self._free(seconds)
        answered = False
        try:
            answered = await _answers(connection)
        finally:
            if not answered:
                await self._pool.putconn(connection)
        if answered:
            return connection
        # The server was restarted, froze or went away: the others are as stale as this one.
        await self._pool.drain()
        return await self._free(min(end - time.monotonic(), _FAST_FAIL_SECONDS))

    async def _free(self, seconds: float) -> Connection:
        if seconds <= 0:
            raise PoolTimeout
        await self._pool.open()
        failures = self.state.failures
        try:
            return await self._pool.getconn(min(seconds, _FAST_FAIL_SECONDS))
        except PoolTimeout:
            if seconds <= _FAST_FAIL_SECONDS or self.state.failures > failures:
                raise
        return await self._pool.getconn(seconds - _FAST_FAIL_SECONDS)

    async def _configure(self, connection: Connection) -> None:
        query, values = settings_query(self._settings)
        with async_deadline(connection, CHECK_SECONDS):
            await connection.execute(query, values)


async def _answers(connection: Connection) -> bool:
    try:
        with async_deadline(connection, CHECK_SECONDS):
            await connection.execute("")
    except psycopg.Error:
        return False
    return True
