"""Who is at work, over all pipelines: what `maxConcurrentRuns` and `maxStreams` bound, and what the poll asks about."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headrace import names
from headrace.lifecycle.endpoints import SourceUse
from headrace.lifecycle.state import FINAL
from headrace_operator.pipelines.source_slots import SourceConnections


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
    """Runs and streams at work, each with slots of their own, and the pipelines that wait for one to end.

    And who has a connection to which source, previews too: those are no pipeline's, and are known by keys of their own.
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
        self._connections = SourceConnections(wake, bound_of)
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
        connections: Mapping[str, str] | None = None,
        source_waits: Mapping[str, str] | None = None,
        put_off: frozenset[str] = frozenset(),
    ) -> None:
        """Keeps what a plan has decided, before anything else is planned; wakes those who have room now.

        `streams` are those `at_work` that are streams; `connections` and `source_waits` give the source of each run
        that has a connection, or waits for one; `put_off` wait for a slot before they do.
        """
        self._connections.settle(pipeline, connections or {}, source_waits or {}, put_off)
        self._runs.settle(pipeline, at_work - streams, waits=waits)
        self._streams.settle(pipeline, at_work & streams, waits=stream_waits)

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
            self.settle(name, frozenset(uids), waits=False, streams=frozenset(uids & streams), connections=connections)

    # Connections to sources.

    def source_use(self, source: str, pipeline: str) -> SourceUse:
        """Who has a connection besides the pipeline, and who waits for one."""
        return self._connections.use(source, pipeline)

    def connections_of(self, pipeline: str) -> dict[str, str]:
        """The pipeline's runs that have a connection, and the source of each."""
        return self._connections.of(pipeline)

    def is_bound(self, source: str) -> bool:
        """Whether there are only so many connections to a source."""
        return self._connections.is_bound(source)

    def step_back(self, pipeline: str) -> None:
        """A look at a pipeline failed: its runs leave the lines, so that nobody waits behind them for ever."""
        self._connections.leave(pipeline)

    def take_source(self, source: str, key: str, limit: int | None) -> bool:
        """Takes a connection for a preview; where there is none, it waits in the line, and is woken by its key.

        `limit`: so many are for runs and previews together; None: there is no bound.
        """
        return self._connections.take(source, key, limit)

    def hold_source(self, source: str, key: str) -> None:
        """Keeps that a preview has a connection: it is at work already."""
        self._connections.hold(source, key)

    def free_source(self, source: str, key: str) -> None:
        """Gives the connection of a preview, or its place in the line, to others."""
        self._connections.free(source, key)

    def listen(self, wake: Callable[[str], None]) -> None:
        """`wake` hears the keys of previews that have room now."""
        self._connections.wake_other = wake

    def wake_waiting(self) -> None:
        """Wakes as many as there is room for."""
        self._runs.wake_waiting()
        self._streams.wake_waiting()
        self._connections.wake_all()
