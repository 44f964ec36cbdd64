"""The store as operator and API use it: each method is one short visit to Postgres, safe to repeat."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString

from headrace.runspec import RunKind, RunSpec
from headrace.store import (
    checkpoints,
    counts,
    dead_letters,
    due_runs,
    epochs,
    listings,
    logs,
    observations,
    runs,
)
from headrace.store.ids import as_uuid
from headrace.store.listings import Scope
from headrace.store.previews import KEPT, Previews
from headrace.store.progress import LogLine
from headrace.store.records import Checkpoint, DeadLetter, DueRun, RunRecord, Snapshot, Statistics, Success
from headrace.store.visits import OFFSET_LIMIT
from headrace.store.wal_history import WalHistory

_PURGE_SECONDS = 60.0


class Store(WalHistory, Previews):
    """The platform's Postgres.

    Every method raises UnavailableError (part `postgres`) when Postgres can't be reached, no connection becomes free in
    time, or the schema is not there yet, and PermanentError when Postgres refuses a value.
    """

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
        batch = runs.MARK_BATCH
        while batch == runs.MARK_BATCH:
            async with self._connection() as connection:
                batch = await runs.mark_batch(connection, pipeline_uid)

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
        purged = await self._purge(older_than, runs.MARKED)
        async with self._connection() as connection:
            await counts.drop_empty(connection)
        return purged

    async def purge_previews(self) -> int:
        """Removes previews that are over an hour old; returns how many."""
        return await self._purge(KEPT, runs.PREVIEWS)

    async def _purge(self, older_than: timedelta, which: LiteralString) -> int:
        purged, batch = 0, runs.PURGE_BATCH
        while batch == runs.PURGE_BATCH:
            async with self._connection(answer_within=_PURGE_SECONDS) as connection, connection.transaction():
                await connection.execute(
                    "SELECT set_config('statement_timeout', %s, true)", (f"{_PURGE_SECONDS:.0f}s",)
                )
                batch = await runs.purge_batch(connection, older_than, which)
            purged += batch
        return purged

    async def trim_logs(self) -> int:
        """Removes all but the latest 10,000 lines of each run that is at work or was a day ago; returns how many."""
        async with self._connection() as connection:
            crowded = await logs.crowded_runs(connection)
        return sum([await self._trim(run_id, last) for run_id, last in crowded])

    async def _trim(self, run_id: str, last: int) -> int:
        trimmed = 0
        while True:
            async with self._connection() as connection:
                batch = await logs.trim_batch(connection, run_id, last)
            trimmed += batch
            if batch < logs.TRIM_BATCH:
                return trimmed

    async def list_runs(
        self, pipeline_uid: str, *, limit: int, offset: int = 0, without: str | None = RunKind.RECONCILE
    ) -> list[RunRecord]:
        """Returns a pipeline's runs of all kinds but one (None: of all), newest first."""
        offset = min(offset, OFFSET_LIMIT)
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

    async def find_run(self, scope: Scope, run_id: str) -> RunRecord | None:
        """Returns one run of any pipeline of the namespace, of any kind, unless its pipeline was deleted."""
        async with self._connection() as connection:
            return await runs.find_run(connection, *scope, run_id)

    async def get_runs(self, scope: Scope, run_ids: Sequence[str]) -> list[RunRecord]:
        """Returns those of these runs that the store has, in any order, unless their pipeline was deleted."""
        async with self._connection() as connection:
            return await runs.get_runs(connection, *scope, run_ids)

    async def known_runs(self, run_ids: Sequence[str]) -> set[str]:
        """Returns those that the store has, also when their pipeline was deleted."""
        async with self._connection() as connection:
            return await runs.known_runs(connection, run_ids)

    async def list_all_runs(
        self,
        scope: Scope,
        *,
        pipeline_uids: Sequence[str] | None = None,
        status: str | None = None,
        streams: bool = False,
        without: Sequence[str] = (),
        sort: str = "-created_at",
        limit: int,
        offset: int = 0,
    ) -> list[RunRecord]:
        """Returns a page of the runs of these pipelines (None: all) and this status (None: any), without reconciles.

        `streams`: only those that go on until they are stopped. `without`: none of these, by id.

        `sort` is one of `listings.SORT_FIELDS`, after a `-` to turn it round, else KeyError. A missing value comes
        last both ways; what is equal comes by id in the same direction.
        """
        wanted = listings.Wanted(
            scope=scope, pipeline_uids=pipeline_uids, status=status, streams=streams, without=without
        )
        page = listings.Page(sort=sort, limit=limit, offset=min(offset, OFFSET_LIMIT))
        async with self._connection() as connection:
            return await listings.list_all_runs(connection, wanted, page)

    async def count_all_runs(
        self,
        scope: Scope,
        *,
        pipeline_uids: Sequence[str] | None = None,
        status: str | None = None,
        streams: bool = False,
        without: Sequence[str] = (),
    ) -> int:
        """Returns how many runs `list_all_runs` would give without a limit."""
        wanted = listings.Wanted(
            scope=scope, pipeline_uids=pipeline_uids, status=status, streams=streams, without=without
        )
        async with self._connection() as connection:
            return await counts.count_all_runs(connection, wanted)

    async def statistics(self, scope: Scope, *, pipeline_uids: Sequence[str] | None = None) -> Statistics:
        """Returns how the runs of these pipelines (None: all) ended."""
        async with self._connection() as connection:
            return await counts.statistics(connection, listings.Wanted(scope=scope, pipeline_uids=pipeline_uids))

    async def runs_due(self, schedule_uid: str, due_times: Sequence[datetime]) -> list[DueRun]:
        """Returns the latest run of each of these due times that has one, by due time."""
        async with self._connection() as connection:
            return await due_runs.runs_due(connection, schedule_uid, due_times)

    async def runs_of_schedule(self, schedule_uid: str, due_from: datetime, due_to: datetime) -> list[DueRun]:
        """Returns the latest run of each due time from `due_from` until before `due_to`, by due time."""
        async with self._connection() as connection:
            return await due_runs.runs_of_schedule(connection, schedule_uid, due_from, due_to)

    async def runs_of_backfill(self, backfill_uid: str) -> list[DueRun]:
        """Returns all runs that a backfill asked for, by due time; of one due time the latest comes last."""
        async with self._connection() as connection:
            return await due_runs.runs_of_backfill(connection, backfill_uid)

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
        offset = min(offset, OFFSET_LIMIT)
        async with self._connection() as connection:
            return await dead_letters.list_letters(connection, as_uuid(pipeline_uid), limit=limit, offset=offset)

    async def count_dead_letters(self, pipeline_uid: str) -> int:
        """Returns how many dead letters a pipeline has."""
        async with self._connection() as connection:
            return await dead_letters.count_letters(connection, as_uuid(pipeline_uid))

    async def list_logs(self, run_id: str, *, min_level: str = "DEBUG", limit: int, offset: int = 0) -> list[LogLine]:
        """Returns the run's log lines of that level and above, oldest first."""
        offset = min(offset, OFFSET_LIMIT)
        async with self._connection() as connection:
            return await logs.list_logs(connection, run_id, min_level=min_level, limit=limit, offset=offset)

    async def logs_after(
        self, run_id: str, after_id: int, *, min_level: str = "DEBUG", limit: int
    ) -> list[tuple[int, LogLine]]:
        """Returns the lines of that level and above that came after the one of that number (0: all), oldest first.

        Each comes with its number: whoever follows a run asks again with the last one.
        """
        async with self._connection() as connection:
            return await logs.logs_after(connection, run_id, after_id, min_level=min_level, limit=limit)

    async def count_logs(self, run_id: str, *, min_level: str = "DEBUG") -> int:
        """Returns how many lines `list_logs` would give without a limit."""
        async with self._connection() as connection:
            return await logs.count_logs(connection, run_id, min_level=min_level)
