"""Removes what is old: the history of deleted pipelines and of the WAL, previews, the oldest lines of endless logs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import HeadraceError
from headrace.logs import logger
from headrace.store.store import Store
from headrace_operator.settings import Settings

PURGE_SECONDS = 3600.0
_log = logger(__name__)


class Purge:
    """Purges once an hour, and marks what was deleted while nobody watched."""

    def __init__(self, cluster: Cluster, store: Store, settings: Settings) -> None:
        self._cluster, self._store, self._settings = cluster, store, settings

    async def run(self) -> None:
        """Purges for ever."""
        while True:
            await self.once()
            await asyncio.sleep(PURGE_SECONDS)

    async def once(self) -> None:
        """Marks, then removes what was marked or measured long ago; a stream's log is cut while it goes on.

        What can't be done now keeps nothing else from being done.
        """
        for part in (self._mark, self._runs, self._logs, self._previews, self._wal):
            await _done_if_possible(part)

    async def _runs(self) -> None:
        runs = await self._store.purge(timedelta(days=self._settings.purge_after_days))
        _tell("old history was removed", runs=runs)

    async def _logs(self) -> None:
        _tell("the oldest lines of long logs were removed", lines=await self._store.trim_logs())

    async def _previews(self) -> None:
        _tell("old previews were removed", runs=await self._store.purge_previews())

    async def _wal(self) -> None:
        settings = self._settings
        before = datetime.now(UTC) - timedelta(days=settings.wal_history_days)
        measurements = await self._store.purge_wal((settings.installation, settings.namespace), before)
        _tell("the WAL's old history was removed", measurements=measurements)

    async def _mark(self) -> None:
        # The store is asked first: a pipeline that is made meanwhile is not in its answer.
        known = await self._store.pipelines_with_history(self._settings.installation, self._settings.namespace)
        there = {pipeline["metadata"]["uid"] for pipeline in (await self._cluster.list(names.PIPELINE_PLURAL)).items}
        if not known & there:
            # Nothing says that this is the cluster that the history is of: a kubeconfig may be wrong.
            return
        for uid in sorted(known - there):
            await self._store.mark_deleted(uid)
            _log.info("the history of a pipeline that was deleted unseen is hidden", uid=uid)


async def _done_if_possible(part: Callable[[], Awaitable[None]]) -> None:
    try:
        await part()
    except HeadraceError as error:
        _log.warning("old history can't be removed now", error=error.message)


def _tell(what: str, **removed: int) -> None:
    if any(removed.values()):
        _log.info(what, **removed)
