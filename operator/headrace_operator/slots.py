"""Who is at work, over all pipelines: what `maxConcurrentRuns` bounds, and what the poll asks the store about."""

import time
from collections.abc import Callable


class Slots:
    """Runs at work by pipeline, and the pipelines that wait for one to end."""

    def __init__(self, limit: int, wake: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._wake = wake
        self._clock = clock
        self._at_work: dict[str, frozenset[str]] = {}
        self._since: dict[str, float] = {}
        """When each run at work began to be so."""
        self._waiting: dict[str, float] = {}
        """In the order in which they began to wait, and since when."""

    def elsewhere(self, pipeline: str) -> int:
        """How many runs of other pipelines are at work."""
        return sum(len(runs) for name, runs in self._at_work.items() if name != pipeline)

    @property
    def runs(self) -> dict[str, str]:
        """The runs at work, and the pipeline of each."""
        return {run: name for name, runs in self._at_work.copy().items() for run in runs}

    def seconds_at_work(self, run: str) -> float:
        """How long a run is at work without a break; 0 for one that is not."""
        now = self._clock()
        return now - self._since.get(run, now)

    @property
    def waiting(self) -> list[str]:
        """The pipelines that wait."""
        return list(self._waiting)

    @property
    def longest_wait(self) -> float:
        """How long the first of them has waited, in seconds."""
        now = self._clock()
        return now - min(self._waiting.copy().values(), default=now)

    def settle(self, pipeline: str, at_work: frozenset[str], *, waits: bool) -> None:
        """Keeps what a plan has decided, before anything else is planned; wakes those who have room now."""
        before = self._at_work.get(pipeline, frozenset())
        freed = len(before) - len(at_work)
        for run in before - at_work:
            self._since.pop(run, None)
        for run in at_work - before:
            self._since[run] = self._clock()
        if at_work:
            self._at_work[pipeline] = at_work
        else:
            self._at_work.pop(pipeline, None)
        if waits:
            self._waiting.setdefault(pipeline, self._clock())
        else:
            self._waiting.pop(pipeline, None)
        if freed > 0:
            self.wake_waiting()

    def wake_waiting(self) -> None:
        """Wakes as many as there is room for."""
        room = self._limit - len(self.runs)
        for name in self.waiting[: max(0, room)]:
            self._wake(name)
