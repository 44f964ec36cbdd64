"""One look at a schedule, backfill, project or preview; one that goes wrong is tried again on its own."""

import time
from collections.abc import Mapping
from typing import Protocol

import structlog

from headrace.errors import ConflictError, HeadraceError, UnavailableError
from headrace.logs import logger
from headrace_operator.figures import metrics
from headrace_operator.queues.keys import Looked, read_key
from headrace_operator.queues.workqueue import AWAY_DELAY, WorkQueue

_log = logger(__name__)
_AGAIN_SECONDS = 0.05


class Looker(Protocol):
    """Looks at all resources of one kind."""

    async def look(self, name: str) -> float | None:
        """Looks at one; after how many seconds to look again, None: when something wakes it.

        Raises ConflictError when what it saw was old, UnavailableError when a part is away.
        """


class Lookers:
    """What the workers of a queue do with its keys."""

    def __init__(self, queue: WorkQueue, lookers: Mapping[Looked, Looker]) -> None:
        self._queue, self._lookers = queue, lookers

    async def handle(self, text: str) -> None:
        """Looks at one; raises nothing but what ends the process."""
        looked, name = read_key(text)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**{looked.value: name})
        started = time.monotonic()
        outcome = await self._try(text, looked, name)
        metrics.LOOKS.labels(looked.value, outcome).inc()
        metrics.LOOK_SECONDS.labels(looked.value).observe(time.monotonic() - started)

    async def _try(self, text: str, looked: Looked, name: str) -> str:
        try:
            delay = await self._lookers[looked].look(name)
        except ConflictError as error:
            _log.debug("what was read is old: looking again", reason=error.message)
            self._queue.add(text, delay=_AGAIN_SECONDS)
            return "conflict"
        except UnavailableError as error:
            wait = self._queue.retry(text, longest=AWAY_DELAY)
            why = {"part": error.part, "error": error.message, "notes": error.notes}
            _log.warning("a part is away: trying again", **why, delay=wait)
            return "unavailable"
        except HeadraceError as error:
            _log.error("refused: trying again", error=error.message, delay=self._queue.retry(text))
            return "error"
        except Exception:  # noqa: BLE001 - a fault of ours in one must not stop the others
            _log.exception("a fault: trying again", delay=self._queue.retry(text))
            return "error"
        self._queue.succeed(text)
        if delay is not None:
            self._queue.add(text, delay=delay)
        return "ok"
