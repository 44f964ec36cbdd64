"""Short visits to the store's Postgres: over a pool, each told of, and its errors in words of ours."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import psycopg

from headrace.errors import PermanentError, UnavailableError
from headrace.postgres.faults import Fault
from headrace.postgres.pools import ANSWER_SECONDS, CHECK_SECONDS, Pool, PoolState
from headrace.postgres.problems import describe, fault

_SETTINGS = {
    "statement_timeout": f"{ANSWER_SECONDS:.0f}s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "TimeZone": "UTC",
}
_NO_SCHEMA = (psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)
"""None yet, or that of the version before."""
OFFSET_LIMIT = 2**31
"""More rows than any history has; Postgres's own limit would be an error."""
Tell = Callable[[str, float], None]
"""Hears how each visit ended (`ok`, `unavailable`, `refused`) and how many seconds it took."""


class Visits:
    """A pool of connections to the store, and what is told of each use."""

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int = 5,
        max_overflow: int = 5,
        pool_timeout: float = 10.0,
        application_name: str = "headrace",
    ) -> None:
        """Connects to nothing. Raises PermanentError for a DSN that can't be read."""
        size = pool_size + max_overflow
        self._pool = Pool(dsn, application_name=application_name, size=size, timeout=pool_timeout, settings=_SETTINGS)
        self._told: Tell = lambda outcome, seconds: None

    def listen(self, tell: Tell) -> None:
        """`tell` hears of each visit that has ended."""
        self._told = tell

    @property
    def pool(self) -> PoolState:
        """How the pool is doing."""
        return self._pool.state

    async def open(self) -> None:
        """Makes the store usable; returns at once, also when Postgres is away."""
        await self._pool.open()

    async def close(self) -> None:
        """Closes all connections; the store can't be opened again."""
        await self._pool.close()

    async def ping(self) -> None:
        """Returns when Postgres answered."""
        async with self._connection(free_within=CHECK_SECONDS):
            return  # The pool asked.

    @asynccontextmanager
    async def _connection(
        self, *, free_within: float | None = None, answer_within: float = ANSWER_SECONDS
    ) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        began = monotonic()
        try:
            async with self._pool.connection(free_within=free_within, answer_within=answer_within) as connection:
                yield connection
        except psycopg.Error as error:
            translated = _translate(error)
            outcome = "unavailable" if isinstance(translated, UnavailableError) else "refused"
            self._told(outcome, monotonic() - began)
            raise translated from error
        self._told("ok", monotonic() - began)


def _translate(error: psycopg.Error) -> UnavailableError | PermanentError:
    if isinstance(error, _NO_SCHEMA):
        return UnavailableError("The store's schema is not there yet", part="postgres")
    match fault(error):
        case Fault.CONNECTION | Fault.ACCESS:
            return UnavailableError("The store's Postgres can't be reached", part="postgres")
        case Fault.PASSING:
            return UnavailableError(f"The store's Postgres has a problem: {describe(error)}", part="postgres")
        case Fault.LASTING:
            return PermanentError(f"The store refuses: {describe(error)}")
