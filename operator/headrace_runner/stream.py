"""A stream: increments from one source to one target, poll after poll, on connections that stay.

Between two polls neither side has a transaction open, and the position is in memory; at rest nothing is written, not
even a checkpoint. What has to be read again, and why, is told in `trail`.
"""

import dataclasses
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NoReturn

from headrace_runner.load import Load
from headrace_runner.moving import NOTHING, Mover
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Checkpoint, Horizon, Position, Source, Target
from headrace_runner.stages import EXTRACT, LOAD
from headrace_runner.trail import PORTION, Stretch, Trail

PATIENCE_SECONDS = 0.1
"""How long a poll waits for transactions that it sees for the first time."""
SHARE = 0.5
"""Of a poll's time may be spent on what is read again, but for one portion or two."""


class Stream:
    """One attempt at it. `run` returns never; it raises as the source and the target do, and StoppedError."""

    def __init__(
        self, load: Load, source: Source, target: Target, projection: Projection, mover: Mover, start: Position
    ) -> None:
        self._load = load
        self._source = source
        self._target = target
        self._projection = projection
        self._mover = mover
        self._trail = Trail(start, time.monotonic())
        self._saved = start
        """Where the next process would begin, as the checkpoint has it."""
        self._is_first = True
        """Nothing was polled yet."""

    def run(self) -> NoReturn:
        """Polls until it is stopped."""
        load = self._load
        while True:
            began = time.monotonic()
            self._poll()
            load.polls += 1
            if self._trail.has_caught_up:
                load.report.catch_up(began)
            if load.report.progress().message is not None:
                # What went wrong before is over.
                load.report.update(message=None)
            load.stop.wait(began + load.spec.poll_seconds - time.monotonic())

    def _poll(self) -> None:
        self._mover.stages.at = EXTRACT
        look = self._source.look(self._projection, self._frontier, self._trail.known, self._patience())
        self._load.note(self._target, look.horizon.notes)
        self._trail.note(look)
        reached = None
        if look.horizon.value is not None:
            reached, _ = self._copy(self._frontier, look.horizon)
        if reached is not None:
            self._trail.advance(reached, time.monotonic())
        self._read_again(time.monotonic() + SHARE * self._load.spec.poll_seconds)
        self._mover.stages.at = LOAD
        if self._is_first:
            self._begin()
        elif reached is None:
            # Else the next rows say it.
            self._save()

    @property
    def _frontier(self) -> Position:
        return self._trail.frontier.position

    def _patience(self) -> float:
        """A new stream may wait: to read all of a table again would take longer."""
        seconds = self._load.spec.wait_seconds
        is_new = self._is_first and self._frontier.value is None
        return seconds if is_new else min(PATIENCE_SECONDS, seconds)

    def _read_again(self, until: float) -> None:
        for count in itertools.count():
            # In turn: what is short must not wait, and what is long must come to an end.
            stretch = self._trail.next(time.monotonic(), longest=count % 2 == 1)
            if stretch is None or (count > 1 and time.monotonic() > until):
                return
            self._read_portion(stretch)

    def _read_portion(self, stretch: Stretch) -> None:
        reached, rows = self._copy(stretch.start, Horizon(stretch.end), PORTION)
        # The row that it begins after counts as one of them.
        self._trail.went_on(stretch, reached if rows >= PORTION - 1 else None, time.monotonic())

    def _copy(self, start: Position, horizon: Horizon, limit: int | None = None) -> tuple[Position | None, int]:
        """Brings the rows of one read; returns the last one's position, and how many there were."""
        resume_at, shown = self._trail.resume_at(), self._frontier
        last: list[Position] = []

        def read() -> Iterator[Batch]:
            for batch in self._source.read(self._projection, start, horizon, limit):
                yield dataclasses.replace(batch, resume_at=resume_at)

        def write(batches: Sequence[Batch]) -> Checkpoint | None:
            if not last and not any(batch.rows for batch in batches):
                return None
            checkpoint = self._target.write(batches)
            last.append(checkpoint.position)
            self._saved = resume_at or checkpoint.position
            # People are shown how far new rows were read.
            return checkpoint if limit is None else dataclasses.replace(checkpoint, position=shown)

        rows = self._mover.copy(read, write)
        return (last[-1] if last else None), rows

    def _begin(self) -> None:
        """An index that was made for a source without rows is shown, too."""
        self._is_first, self._saved = False, self._resume_at
        _give_back_memory()
        checkpoint = self._target.write([dataclasses.replace(NOTHING, resume_at=self._saved)])
        self._load.advance(dataclasses.replace(checkpoint, position=self._frontier))

    def _save(self) -> None:
        """Where the next process begins."""
        if self._saved != self._resume_at:
            self._saved = self._resume_at
            self._target.resume_at(self._saved)

    @property
    def _resume_at(self) -> Position:
        return self._trail.resume_at() or self._frontier


def _give_back_memory() -> None:
    """What the first read took: of 200,000 documents 4 MB stay with us otherwise, for weeks."""
    import ctypes

    # Only glibc has it.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
