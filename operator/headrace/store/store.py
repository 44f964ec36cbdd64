"""The store as operator and API use it: each method is one short visit to Postgres, safe to repeat."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import psycopg

from headrace.errors import PermanentError, UnavailableError
from headrace.model.run import RunKind
from headrace.postgres.pools import ANSWER_SECONDS, CHECK_SECONDS, Pool, PoolState
from headrace.postgres.problems import Fault, describe, fault
from headrace.runspec import RunSpec
from headrace.store import checkpoints, dead_letters, epochs, logs, observations, runs
from headrace.store.ids import as_uuid
from headrace.store.progress import LogLine
from headrace.store.records import Checkpoint, DeadLetter, RunRecord, Snapshot, Success

_PURGE_SECONDS = 60.0
_SETTINGS = {
    "statement_timeout": f"{ANSWER_SECONDS:.0f}s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "TimeZone": "UTC",
}
_OFFSET_LIMIT = 2**31
"""More rows than any history has; Postgres's own limit would be an error."""
Tell = Callable[[str, float], None]
"""Hears how each visit ended (`ok`, `unavailable`, `refused`) and how many seconds it took."""


class Store:
    """The platform's Postgres.

    Every method raises UnavailableError (part `postgres`) when Postgres can't be reached, no connection becomes free in
    time, or the schema is not there yet, and PermanentError when Postgres refuses a value.
    """

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

    async def save_run(self, record: RunRecord, spec: RunSpec | None = None) -> None:
        """Writes a run as the operator sees it, but never one that is finished; without `spec` that stays."""
        async with self._connection() as connection:
            await runs.save_run(connection, record, spec)

    async def finish_run(
        self, run_id: str, *, status: str, finished_at: datetime, error_message: str | None = None
    ) -> None:
        """Writes how a run ended; the first to say so wins."""
        async with self._connection() as connection:
            await runs.finish_run(
                connection, run_id, status=status, finished_at=finished_at, error_message=error_message
            )

    async def draw_epoch(self, installation: str, namespace: str, pipeline_name: str) -> int:
        """Returns an epoch greater than all before it of this pipeline name."""
        async with self._connection() as connection:
            return await epochs.draw_epoch(connection, installation, namespace, pipeline_name)

    async def observe(self, run_ids: Sequence[str]) -> Snapshot:
        """Returns what the runners of these runs last said, and the store's clock."""
        async with self._connection() as connection:
            return await observations.observe(connection, run_ids)

    async def mark_deleted(self, pipeline_uid: str) -> None:
        """Hides a pipeline's runs; `purge` removes them later."""
        async with self._connection() as connection:
            await runs.mark_deleted(connection, pipeline_uid)

    async def pipelines_with_history(self, installation: str, namespace: str) -> set[str]:
        """Returns the uids of the pipelines that have runs and were not marked as deleted."""
        async with self._connection() as connection:
            return await runs.pipelines_with_history(connection, installation, namespace)

    async def last_successes(self, pipeline_uids: Sequence[str]) -> dict[str, Success]:
        """Returns of each of these pipelines the load that succeeded last; those without one are missing."""
        async with self._connection() as connection:
            return await runs.last_successes(connection, pipeline_uids)

    async def purge(self, older_than: timedelta) -> int:
        """Removes runs that were marked longer ago than that, with all they left; returns how many."""
        purged = 0
        while True:
            async with self._connection(answer_within=_PURGE_SECONDS) as connection, connection.transaction():
                await connection.execute(
                    "SELECT set_config('statement_timeout', %s, true)", (f"{_PURGE_SECONDS:.0f}s",)
                )
                batch = await runs.purge_batch(connection, older_than)
            purged += batch
            if batch < runs.PURGE_BATCH:
                return purged

    async def list_runs(
        self, pipeline_uid: str, *, limit: int, offset: int = 0, without: str | None = RunKind.RECONCILE
    ) -> list[RunRecord]:
        """Returns a pipeline's runs of all kinds but one (None: of all), newest first."""
        offset = min(offset, _OFFSET_LIMIT)
        async with self._connection() as connection:
            return await runs.list_runs(connection, pipeline_uid, limit=limit, offset=offset, without=without)

    async def count_runs(self, pipeline_uid: str, *, without: str | None = RunKind.RECONCILE) -> int:
        """Returns how many runs `list_runs` would give without a limit."""
        async with self._connection() as connection:
            return await runs.count_runs(connection, pipeline_uid, without=without)

    async def get_run(self, run_id: str, *, pipeline_uid: str) -> RunRecord | None:
        """Returns one run of any kind, if it is this pipeline's."""
        async with self._connection() as connection:
            return await runs.get_run(connection, run_id, pipeline_uid=pipeline_uid)

    async def get_checkpoint(
        self, installation: str, namespace: str, pipeline_name: str, *, pipeline_uid: str
    ) -> Checkpoint | None:
        """Returns the mirror of the checkpoint, or None until a run of this very pipeline has committed."""
        async with self._connection() as connection:
            return await checkpoints.get_checkpoint(
                connection, installation, namespace, pipeline_name, pipeline_uid=pipeline_uid
            )

    async def list_dead_letters(self, pipeline_uid: str, *, limit: int, offset: int = 0) -> list[DeadLetter]:
        """Returns the rows of a pipeline that its target refused, the latest first."""
        offset = min(offset, _OFFSET_LIMIT)
        async with self._connection() as connection:
            return await dead_letters.list_letters(connection, as_uuid(pipeline_uid), limit=limit, offset=offset)

    async def count_dead_letters(self, pipeline_uid: str) -> int:
        """Returns how many dead letters a pipeline has."""
        async with self._connection() as connection:
            return await dead_letters.count_letters(connection, as_uuid(pipeline_uid))

    async def list_logs(self, run_id: str, *, min_level: str = "DEBUG", limit: int, offset: int = 0) -> list[LogLine]:
        """Returns the run's log lines of that level and above, oldest first."""
        offset = min(offset, _OFFSET_LIMIT)
        async with self._connection() as connection:
            return await logs.list_logs(connection, run_id, min_level=min_level, limit=limit, offset=offset)

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
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return UnavailableError("The store's schema is not there yet", part="postgres")
    match fault(error):
        case Fault.CONNECTION | Fault.ACCESS:
            return UnavailableError("The store's Postgres can't be reached", part="postgres")
        case Fault.PASSING:
            return UnavailableError(f"The store's Postgres has a problem: {describe(error)}", part="postgres")
        case Fault.LASTING:
            return PermanentError(f"The store refuses: {describe(error)}")
