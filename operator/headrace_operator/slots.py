"""Who is at work, over all pipelines: what `maxConcurrentRuns` bounds, and what the poll asks the store about."""

from collections.abc import Callable

from headrace_operator import metrics


class Slots:
    """Runs at work by pipeline, and the pipelines that wait for one to end."""

    def __init__(self, limit: int, wake: Callable[[str], None]) -> None:
        self._limit = limit
        self._wake = wake
        self._at_work: dict[str, frozenset[str]] = {}
        self._waiting: dict[str, None] = {}
        """In the order in which they began to wait."""

    def elsewhere(self, pipeline: str) -> int:
        """How many runs of other pipelines are at work."""
        return sum(len(runs) for name, runs in self._at_work.items() if name != pipeline)

    @property
    def runs(self) -> dict[str, str]:
        """The runs at work, and the pipeline of each."""
        return {run: name for name, runs in self._at_work.items() for run in runs}

    @property
    def waiting(self) -> list[str]:
        """The pipelines that wait."""
        return list(self._waiting)

    def settle(self, pipeline: str, at_work: frozenset[str], *, waits: bool) -> None:
        """Keeps what a plan has decided, before anything else is planned; wakes those who have room now."""
        freed = len(self._at_work.get(pipeline, ())) - len(at_work)
        if at_work:
            self._at_work[pipeline] = at_work
        else:
            self._at_work.pop(pipeline, None)
        if waits:
            self._waiting.setdefault(pipeline)
        else:
            self._waiting.pop(pipeline, None)
        metrics.RUNS_AT_WORK.set(len(self.runs))
        if freed > 0:
            self.wake_waiting()

    def wake_waiting(self) -> None:
        """Wakes as many as there is room for."""
        room = self._limit - len(self.runs)
        for name in self.waiting[: max(0, room)]:
            self._wake(name)
