"""Who is at work, over all pipelines: what `maxConcurrentRuns` and `maxStreams` bound, and what the poll asks about."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headrace.lifecycle.state import FINAL


class _Pool:
    """Slots of one sort: the runs in them by pipeline, and the pipelines that wait for one to be free."""

    def __init__(self, limit: int, wake: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._limit, self._wake, self._clock = limit, wake, clock
        self._at_work: dict[str, frozenset[str]] = {}
        self.since: dict[str, float] = {}
        """When each run at work began to be so."""
        self.waiting: dict[str, float] = {}
        """The pipelines in the order in which they began to wait, and since when."""

    @property
    def runs(self) -> dict[str, str]:
        """The runs at work, and the pipeline of each."""
        return {run: name for name, runs in self._at_work.copy().items() for run in runs}

    def elsewhere(self, pipeline: str) -> int:
        """How many runs of other pipelines are at work."""
        return sum(len(runs) for name, runs in self._at_work.items() if name != pipeline)

    def settle(self, pipeline: str, at_work: frozenset[str], *, waits: bool) -> None:
        before = self._at_work.get(pipeline, frozenset())
        freed = len(before) - len(at_work)
        for run in before - at_work:
            self.since.pop(run, None)
        for run in at_work - before:
            self.since[run] = self._clock()
        if at_work:
            self._at_work[pipeline] = at_work
        else:
            self._at_work.pop(pipeline, None)
        if waits:
            self.waiting.setdefault(pipeline, self._clock())
        else:
            self.waiting.pop(pipeline, None)
        if freed > 0:
            self.wake_waiting()

    def wake_waiting(self) -> None:
        room = self._limit - len(self.since)
        for name in list(self.waiting)[: max(0, room)]:
            self._wake(name)


class Slots:
    """Runs and streams at work, each with slots of their own, and the pipelines that wait for one to end."""

    def __init__(
        self,
        limit: int,
        wake: Callable[[str], None],
        *,
        streams: int = 50,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit`: so many runs that end by themselves; `streams`: so many that go on until they are stopped."""
        self._clock = clock
        self._runs, self._streams = _Pool(limit, wake, clock), _Pool(streams, wake, clock)

    def elsewhere(self, pipeline: str) -> int:
        """How many runs of other pipelines are at work, without streams."""
        return self._runs.elsewhere(pipeline)

    def streams_elsewhere(self, pipeline: str) -> int:
        """How many streams of other pipelines are at work."""
        return self._streams.elsewhere(pipeline)

    @property
    def runs(self) -> dict[str, str]:
        """The runs at work, streams among them, and the pipeline of each."""
        return self._runs.runs | self._streams.runs

    @property
    def streams(self) -> dict[str, str]:
        """The streams at work, and the pipeline of each."""
        return self._streams.runs

    def seconds_at_work(self, run: str) -> float:
        """How long a run is at work without a break; 0 for one that is not."""
        now = self._clock()
        return now - self._runs.since.get(run, self._streams.since.get(run, now))

    @property
    def waiting(self) -> list[str]:
        """The pipelines that wait."""
        return list(self._runs.waiting | self._streams.waiting)

    @property
    def longest_wait(self) -> float:
        """How long the first of them has waited, in seconds."""
        now = self._clock()
        return now - min((self._runs.waiting | self._streams.waiting).values(), default=now)

    def settle(
        self,
        pipeline: str,
        at_work: frozenset[str],
        *,
        waits: bool,
        streams: frozenset[str] = frozenset(),
        stream_waits: bool = False,
    ) -> None:
        """Keeps what a plan has decided, before anything else is planned; wakes those who have room now.

        `streams` are those `at_work` that are streams.
        """
        self._runs.settle(pipeline, at_work - streams, waits=waits)
        self._streams.settle(pipeline, at_work & streams, waits=stream_waits)

    def learn(self, runs: Iterable[Mapping[str, Any]]) -> None:
        """Keeps who is at work, from all runs as they were listed when this process began."""
        at_work: dict[str, set[str]] = {}
        streams: set[str] = set()
        for run in runs:
            uid, status = run["metadata"]["uid"], run.get("status") or {}
            if (status.get("job") or {}).get("active") and status.get("phase") not in FINAL:
                at_work.setdefault(run["spec"]["pipeline"], set()).add(uid)
                streams |= {uid} if status.get("stream") else set()
        for name, uids in at_work.items():
            self.settle(name, frozenset(uids), waits=False, streams=frozenset(uids & streams))

    def wake_waiting(self) -> None:
        """Wakes as many as there is room for."""
        self._runs.wake_waiting()
        self._streams.wake_waiting()
