"""Removes the history of pipelines that were deleted days ago."""

import asyncio
from datetime import timedelta

from headrace.errors import HeadraceError
from headrace.store.store import Store
from headrace_operator.logs import logger
from headrace_operator.settings import Settings

PURGE_SECONDS = 3600.0
_log = logger(__name__)


class Purge:
    """Purges once an hour."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._age = store, timedelta(days=settings.purge_after_days)

    async def run(self) -> None:
        """Purges for ever."""
        while True:
            try:
                removed = await self._store.purge(self._age)
                if removed:
                    _log.info("old history was removed", runs=removed)
            except HeadraceError as error:
                _log.warning("old history can't be removed now", error=error.message)
            await asyncio.sleep(PURGE_SECONDS)
