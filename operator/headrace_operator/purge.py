"""Removes what is old: the history of deleted pipelines and of the WAL, previews, the oldest lines of endless logs."""

import asyncio
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
            try:
                await self.once()
            except HeadraceError as error:
                _log.warning("old history can't be removed now", error=error.message)
            await asyncio.sleep(PURGE_SECONDS)

    async def once(self) -> None:
        """Marks, then removes what was marked or measured long ago; a stream's log is cut while it goes on."""
        await self._mark()
        settings, store = self._settings, self._store
        _tell("old history was removed", runs=await store.purge(timedelta(days=settings.purge_after_days)))
        _tell("the oldest lines of long logs were removed", lines=await store.trim_logs())
        _tell("old previews were removed", runs=await store.purge_previews())
        before = datetime.now(UTC) - timedelta(days=settings.wal_history_days)
        scope = (settings.installation, settings.namespace)
        _tell("the WAL's old history was removed", measurements=await store.purge_wal(scope, before))

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


def _tell(what: str, **removed: int) -> None:
    if any(removed.values()):
        _log.info(what, **removed)
