"""Who is at work, over all pipelines: what `maxConcurrentRuns` and `maxStreams` bound, and what the poll asks about."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headrace import names
from headrace.lifecycle.endpoints import SourceUse
from headrace.lifecycle.holds import Holds
from headrace.lifecycle.state import FINAL
from headrace_operator.pipelines.source_slots import SourceSlots


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
        # It was woken for a slot and does not take it: then it is for those behind.
        steps_back = pipeline in self.waiting and not waits and not at_work - before
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
        if freed > 0 or steps_back:
            self.wake_waiting()

    def leave(self, pipeline: str) -> None:
        if self.waiting.pop(pipeline, None) is not None:
            self.wake_waiting()

    def wake_waiting(self) -> None:
        room = self._limit - len(self.since)
        for name in list(self.waiting)[: max(0, room)]:
            self._wake(name)


class Slots:
    """Runs and streams at work, each with slots of their own, and the pipelines that wait for one to end.

    And who has a connection to which source, previews and pods that outlive their run too: those are no pipeline's, and
    are known by keys of their own.
    """

    def __init__(
        self,
        limit: int,
        wake: Callable[[str], None],
        *,
        streams: int = 50,
        clock: Callable[[], float] = time.monotonic,
        bound_of: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        """`limit`: so many runs that end by themselves; `streams`: so many that go on until they are stopped.

        `bound_of` tells how many connections to a source there are for both; None: as many as they like.
        """
        self._clock = clock
        self._sources = SourceSlots(wake, bound_of, clock)
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
        """The pipelines that wait, for a slot or for a connection to their source."""
        return list(self._waiting_since)

    @property
    def longest_wait(self) -> float:
        """How long the first of them has waited, in seconds."""
        now = self._clock()
        return now - min(self._waiting_since.values(), default=now)

    @property
    def _waiting_since(self) -> dict[str, float]:
        since: dict[str, float] = {}
        for waiting in (self._runs.waiting, self._streams.waiting, self._sources.waiting):
            since |= {name: min(at, since.get(name, at)) for name, at in waiting.copy().items()}
        return since

    def settle(self, pipeline: str, holds: Holds) -> None:
        """Keeps what a plan has decided, before anything else is planned; wakes those who have room now."""
        self._sources.settle(pipeline, holds)
        self._runs.settle(pipeline, holds.at_work - holds.streams, waits=holds.waits_for_slot)
        self._streams.settle(pipeline, holds.at_work & holds.streams, waits=holds.stream_waits_for_slot)

    def learn(self, runs: Iterable[Mapping[str, Any]]) -> None:
        """Keeps who is at work, from all runs as they were listed when this process began."""
        at_work: dict[str, set[str]] = {}
        streams: set[str] = set()
        sources: dict[str, str] = {}
        for run in runs:
            uid, status, pipeline = run["metadata"]["uid"], run.get("status") or {}, run["spec"].get("pipeline")
            if pipeline and (status.get("job") or {}).get("active") and status.get("phase") not in FINAL:
                at_work.setdefault(pipeline, set()).add(uid)
                sources[uid] = status.get("source") or names.DEFAULT_SOURCE
                streams |= {uid} if status.get("stream") else set()
        for name, uids in at_work.items():
            connections = {uid: sources[uid] for uid in uids}
            holds = Holds(at_work=frozenset(uids), streams=frozenset(uids & streams), connections=connections)
            self.settle(name, holds)

    def source_use(self, source: str, pipeline: str) -> SourceUse:
        """Who has a connection besides the pipeline, and who waits for one."""
        return self._sources.use(source, pipeline)

    def connections_of(self, pipeline: str) -> dict[str, str]:
        """The pipeline's runs that have a connection, and the source of each."""
        return self._sources.of(pipeline)

    def is_bound(self, source: str) -> bool:
        """Whether there are only so many connections to a source."""
        return self._sources.is_bound(source)

    def step_back(self, pipeline: str) -> None:
        """A look at a pipeline failed: its runs leave the lines, so that nobody waits behind them for ever."""
        for line in (self._sources, self._runs, self._streams):
            line.leave(pipeline)

    def take_source(self, source: str, key: str, limit: int | None) -> bool:
        """Takes a connection for a preview; where there is none, it waits in the line, and is woken by its key.

        `limit`: so many are for runs and previews together; None: there is no bound.
        """
        return self._sources.take(source, key, limit)

    def hold_source(self, source: str, key: str) -> None:
        """Keeps that a preview at work, or a pod that outlives its run, has a connection, whatever the bound is."""
        self._sources.hold(source, key)

    def free_source(self, source: str, key: str) -> None:
        """Gives the connection of a preview or of such a pod, or a preview's place in the line, to others."""
        self._sources.free(source, key)

    def listen(self, wake: Callable[[str], None]) -> None:
        """`wake` hears the keys of previews that have room now."""
        self._sources.wake_other = wake

    def wake_source(self, source: str) -> None:
        """Wakes as many of a source's line as there is room for: its bound may be another."""
        self._sources.wake_line(source)

    def wake_waiting(self) -> None:
        """Wakes as many as there is room for."""
        self._runs.wake_waiting()
        self._streams.wake_waiting()
        self._sources.wake_all()
