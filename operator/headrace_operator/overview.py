"""All pipelines and runs as Prometheus sees them: looked up when it asks, by the process that holds the Lease."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.registry import Collector

from headrace.runspec import RunKind
from headrace_operator.availability import StoreWatch
from headrace_operator.figures import metrics
from headrace_operator.figures.standings import Standings
from headrace_operator.figures.tally import ALL, Tally
from headrace_operator.lease import Lease
from headrace_operator.monitor.board import Board
from headrace_operator.pipelines.slots import Slots
from headrace_operator.queues.workqueue import WorkQueue
from headrace_operator.sweep import Sweep

Samples = Iterable[tuple[tuple[str, ...], float]]
_ALWAYS = tuple((RunKind.LOAD.value, outcome) for outcome in ("success", "failed"))
"""Shown before there is one: Prometheus sees no increase in a series that begins with 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overview(Collector):
    """Looks, and changes nothing. May be called from any thread."""

    standings: Standings
    tally: Tally
    slots: Slots
    queue: WorkQueue
    watch: StoreWatch
    sweep: Sweep
    lease: Lease
    board: Board
    per_pipeline: bool
    clock: Callable[[], float] = time.time

    def describe(self) -> list[Metric]:
        """What there may be; asks nobody."""
        return [family.of(()) for family in metrics.LEADERS]

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        yield from self._installation()
        yield from self.board.collect()
        pipelines = self.standings.pipelines
        names = {pipeline.name for pipeline in pipelines.values()}
        yield from self._counters(names if self.per_pipeline else {ALL})
        if self.per_pipeline:
            yield from self._pipelines()

    def _installation(self) -> Iterator[Metric]:
        standings, slots = self.standings, self.slots
        yield metrics.STORE_UP.of(_one(self.watch.is_up))
        yield metrics.PIPELINES.of(_one(len(standings.pipelines)))
        yield metrics.PHASES.of(((phase,), number) for phase, number in standings.pipeline_phases().items())
        yield metrics.RUNS.of(((phase,), number) for phase, number in standings.run_phases().items())
        yield metrics.AT_WORK.of(_one(len(slots.runs)))
        yield metrics.STREAMS.of(_one(len(slots.streams)))
        yield metrics.QUEUE.of(_one(len(self.queue)))
        yield metrics.WAITING.of(_one(len(slots.waiting)))
        yield metrics.WAIT_SECONDS.of(_one(slots.longest_wait))
        yield metrics.SWEEP_AGE.of(_one(self.sweep.age))
        yield metrics.TRANSITIONS.of(_one(self.lease.transitions))

    def _counters(self, names: set[str]) -> Iterator[Metric]:
        moved = {name: self.tally.moved(name) for name in sorted(names)}
        yield metrics.ROWS_READ.of(((name,), counts.rows_read) for name, counts in moved.items())
        yield metrics.ROWS_WRITTEN.of(((name,), counts.rows_written) for name, counts in moved.items())
        yield metrics.BAD_ROWS.of(((name,), counts.bad_rows) for name, counts in moved.items())
        yield metrics.BATCHES.of(((name,), counts.batches) for name, counts in moved.items())
        yield metrics.BYTES_READ.of(((name,), counts.bytes_read) for name, counts in moved.items())
        none = {(name, *labels): 0 for name in moved for labels in _ALWAYS}
        ended = {key: number for key, number in self.tally.ended.items() if key[0] in moved}
        yield metrics.ENDED.of((none | ended).items())

    def _pipelines(self) -> Iterator[Metric]:
        standings = self.standings
        pipelines = sorted(standings.pipelines.items(), key=lambda item: item[1].name)
        successes = [(p, success) for uid, p in pipelines if (success := standings.success(uid)) is not None]
        now = self.clock()
        streaming = set(self.slots.streams.values())
        lagging = ((p, now - began) for p, (began, _) in successes if p.is_incremental and p.name not in streaming)
        yield metrics.LAG.of(((p.name,), seconds) for p, seconds in lagging)
        yield metrics.STREAM_LAG.of(self._stream_lags() if self.watch.is_up else ())
        yield metrics.LAST_SUCCESS.of(((p.name,), ended) for p, (_, ended) in successes)
        yield metrics.FAILURES.of(((p.name,), standings.failures(uid)) for uid, p in pipelines)
        yield metrics.HELD.of(((p.name,), p.is_held) for _, p in pipelines)
        yield metrics.IDLE.of(self._idle() if self.watch.is_up else ())

    def _idle(self) -> Samples:
        """A reconcile only counts at its end; of several runs of a pipeline the one that moved last speaks.

        A stream is none of them: where nothing changes nothing is to be moved, and its lag says whether it is well.
        """
        least: dict[str, float] = {}
        for uid, name in self.slots.runs.items():
            run, seconds = self.standings.run(uid), self.tally.idle_seconds(uid)
            if run is not None and run.kind != RunKind.RECONCILE and not run.is_stream and seconds is not None:
                # What it stood still while it was paused, or before its pod was there, is not its fault.
                seconds = min(seconds, self.slots.seconds_at_work(uid))
                least[name] = min(seconds, least.get(name, seconds))
        return (((name,), seconds) for name, seconds in least.items())

    def _stream_lags(self) -> Samples:
        lags = ((name, self.tally.stream_lag(uid)) for uid, name in self.slots.streams.items())
        return (((name,), seconds) for name, seconds in lags if seconds is not None)


def _one(value: float) -> Samples:
    return [((), value)]
