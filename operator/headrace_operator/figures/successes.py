"""Asks the store when pipelines last succeeded whose runs' resources are gone: it keeps what was pruned."""

import asyncio

from headrace.errors import HeadraceError
from headrace.logs import logger
from headrace.store.store import Store
from headrace_operator.figures.standings import Standings

EVERY_SECONDS = 30.0
CHUNK = 500
"""Pipelines that are asked for at once."""
_log = logger(__name__)


class Successes:
    """Asks once for each pipeline; from then on its runs tell."""

    def __init__(self, store: Store, standings: Standings) -> None:
        self._store, self._standings = store, standings

    async def run(self) -> None:
        """Asks for ever, for pipelines that are new."""
        while True:
            try:
                await self.once()
            except HeadraceError as error:
                _log.debug("when pipelines last succeeded can't be known now", error=error.message)
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """Asks about those of which nothing is known."""
        untold = self._standings.untold()
        for start in range(0, len(untold), CHUNK):
            chunk = untold[start : start + CHUNK]
            self._standings.learn(chunk, await self._store.last_successes(chunk))
