"""Asks the store once a second how far all runs at work are, and wakes those where something happened."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from headrace.lifecycle.observed import ProgressSeen
from headrace.lifecycle.streams import is_in_step
from headrace_operator.availability import StoreWatch
from headrace_operator.pipelines.slots import Slots
from headrace_operator.queues.workqueue import WorkQueue

PROGRESS_SECONDS = 10.0
"""Rows alone wake a pipeline at most so often."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What of a run's progress is worth a look at once."""

    outcome: str | None
    epoch: int
    holder: int
    in_step: bool | None
    """Of a stream: whether it is in step with its source."""


class Poll:
    """Remembers what it has told of."""

    def __init__(
        self,
        watch: StoreWatch,
        slots: Slots,
        queue: WorkQueue,
        *,
        every: float,
        unsettled: Callable[[], Iterable[str]],
    ) -> None:
        """`unsettled` names the pipelines that may have waited for the store."""
        self._watch, self._slots, self._queue, self._every = watch, slots, queue, every
        self._unsettled = unsettled
        self._was_up = False
        """When this poll last asked: others ask too, and may be the first to see that it is back."""
        self._marks: dict[str, _Mark] = {}
        self._rows: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Polls for ever."""
        while True:
            await self.once()
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        """One query for all runs at work."""
        runs, was_up = self._slots.runs, self._was_up
        seen = await self._watch.observe(sorted(runs))
        self._was_up = seen is not None
        if seen is None:
            return
        if not was_up:
            for name in {*runs.values(), *self._slots.waiting, *self._unsettled()}:
                self._queue.add(name)
        for run in self._marks.keys() - runs.keys():
            self._marks.pop(run)
            self._rows.pop(run, None)
        for run, progress in seen.progress.items():
            if run in runs and self._is_news(run, progress, self._in_step(run, seen.now, progress)):
                self._queue.add(runs[run])

    def _in_step(self, run: str, now: datetime, progress: ProgressSeen) -> bool | None:
        return is_in_step(now, progress) if run in self._slots.streams else None

    def _is_news(self, run: str, progress: ProgressSeen, in_step: bool | None) -> bool:
        now = asyncio.get_running_loop().time()
        mark = _Mark(progress.outcome, progress.epoch, progress.holder, in_step)
        rows, at = self._rows.get(run, (0, float("-inf")))
        moved = progress.rows_read != rows and now - at >= PROGRESS_SECONDS
        if self._marks.get(run) == mark and not moved:
            return False
        self._marks[run] = mark
        self._rows[run] = (progress.rows_read, now)
        return True
