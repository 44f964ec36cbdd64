"""What runs have moved and how they ended, counted while this process watches: counters that only grow.

A run that began before this process did counts from what it had when it was first seen: so nothing is counted twice,
and what moved while no operator was at work is not counted.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Self

from headrace.lifecycle.observed import ProgressSeen, StoreSeen
from headrace.lifecycle.streams import lag
from headrace.model.run import RunProgress, RunStatus
from headrace_operator.figures.standings import RunStanding

ALL = ""
"""Stands for every pipeline where they are not told apart: an empty label is none."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run, or all runs of a pipeline, have moved."""

    rows_read: int = 0
    rows_written: int = 0
    bad_rows: int = 0
    batches: int = 0
    bytes_read: int = 0

    @classmethod
    def of(cls, seen: ProgressSeen | RunProgress) -> Self:
        """Those of a report; a resource does not know the bytes."""
        return cls(seen.rows_read, seen.rows_written, seen.bad_rows, seen.batches, getattr(seen, "bytes_read", 0))

    def plus(self, more: "Counts") -> "Counts":
        """Both together."""
        return Counts(*(getattr(self, f.name) + getattr(more, f.name) for f in fields(self)))

    def beyond(self, before: "Counts") -> "Counts":
        """What has come to it; a count that fell, because a run started over, has not moved."""
        return Counts(*(max(0, getattr(self, f.name) - getattr(before, f.name)) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class _Mark:
    """A run as it was last seen."""

    counts: Counts
    holder: tuple[int, int]
    """Epoch and holder of the fence: another one is a sign of life, too."""
    moved_at: float


class Tally:
    """Totals by pipeline."""

    def __init__(
        self,
        run: Callable[[str], RunStanding | None],
        *,
        per_pipeline: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`run` finds a run by its uid."""
        self._run, self._per_pipeline, self._clock = run, per_pipeline, clock
        self._since: datetime | None = None
        """When the store first answered, by its own clock."""
        self._marks: dict[str, _Mark] = {}
        self._lags: dict[str, float] = {}
        """How far streams were behind their sources when the store last told of them, in seconds."""
        self._gone: set[str] = set()
        """Marked runs that were unknown when it was last looked: one that comes back must not count anew."""
        self._moved: dict[str, Counts] = {}
        self._ended: Counter[tuple[str, str, str]] = Counter()

    def note(self, seen: StoreSeen) -> None:
        """Takes what the store told."""
        self._since = self._since or seen.now
        for uid, progress in seen.progress.items():
            run = self._run(uid)
            if run is not None and progress.epoch:
                self._take(run.pipeline, uid, progress)
                behind = lag(seen.now, progress) if run.is_stream else None
                if behind is not None:
                    self._lags[uid] = behind.total_seconds()

    def end(self, pipeline: str, uid: str, kind: str, status: RunStatus) -> None:
        """A run has ended; called once for each."""
        mark = self._marks.get(uid)
        if mark is not None and status.progress is not None:
            # The store may have been away when the runner said its last word.
            more = Counts.of(status.progress).beyond(mark.counts)
            self._marks[uid] = replace(mark, counts=mark.counts.plus(more))
            self._add(pipeline, more)
        self._ended[self._key(pipeline), kind, str(status.phase).lower()] += 1

    def idle_seconds(self, uid: str) -> float | None:
        """How long no count of a run has moved; None when nothing was seen of it."""
        mark = self._marks.get(uid)
        return None if mark is None else self._clock() - mark.moved_at

    def stream_lag(self, uid: str) -> float | None:
        """How far a stream was behind its source when the store last told of it; None when nothing was seen of it."""
        return self._lags.get(uid)

    def moved(self, pipeline: str) -> Counts:
        """What all runs of a pipeline have moved."""
        return self._moved.get(self._key(pipeline), Counts())

    @property
    def ended(self) -> Mapping[tuple[str, str, str], int]:
        """How many runs ended, by pipeline, kind and outcome."""
        return dict(self._ended)

    def forget_others(self, pipelines: Collection[str]) -> None:
        """Forgets pipelines that are none of these, and runs whose resources were gone the last time too."""
        gone = {uid for uid in self._marks if self._run(uid) is None}
        for uid in gone & self._gone:
            del self._marks[uid]
            self._lags.pop(uid, None)
        self._gone = gone - self._gone
        kept = {*pipelines, ALL}
        for name in [name for name in self._moved if name not in kept]:
            del self._moved[name]
        for key in [key for key in self._ended if key[0] not in kept]:
            del self._ended[key]

    def _take(self, pipeline: str, uid: str, progress: ProgressSeen) -> None:
        counts, holder = Counts.of(progress), (progress.epoch, progress.holder)
        mark = self._marks.get(uid)
        if mark is None:
            self._marks[uid] = _Mark(counts, holder, self._clock())
            if self._is_new(progress):
                self._add(pipeline, counts)
        elif (mark.counts, mark.holder) != (counts, holder):
            self._marks[uid] = _Mark(counts, holder, self._clock())
            self._add(pipeline, counts.beyond(mark.counts))

    def _is_new(self, progress: ProgressSeen) -> bool:
        assert self._since is not None
        return progress.first_seen_at is not None and progress.first_seen_at >= self._since

    def _add(self, pipeline: str, more: Counts) -> None:
        key = self._key(pipeline)
        self._moved[key] = self._moved.get(key, Counts()).plus(more)

    def _key(self, pipeline: str) -> str:
        return pipeline if self._per_pipeline else ALL
