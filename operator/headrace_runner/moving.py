"""Moves what is read into the target, group by group, and says how far that is."""

import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from headrace.errors import PermanentError, StoppedError
from headrace_runner.groups import FIRST, limit_after
from headrace_runner.protocols import Batch, Checkpoint, Target
from headrace_runner.readahead import ReadAhead
from headrace_runner.rows import Rows
from headrace_runner.stages import EXTRACT, LOAD, TRANSFORM, Stages
from headrace_runner.stop import Stop

NOTHING = Batch(rows=Rows(b"", array("I")), first=None, last=None, previous=None, final=True)
Write = Callable[[Sequence[Batch]], Checkpoint | None]
"""Writes batches; None: there was nothing to write."""


@dataclass(frozen=True, kw_only=True)
class Mover:
    """One attempt's way from its source to its target."""

    target: Target
    stop: Stop
    left: threading.Event
    """Nobody takes rows any more."""
    stages: Stages
    took: Callable[[int], None]
    """Hears how many bytes were taken from the source."""
    advance: Callable[[Checkpoint], None]
    """Hears what was written."""
    is_endless: bool = False
    """Of a stream: no read is the last one."""

    def copy(self, read: Callable[[], Iterator[Batch]], write: Write, *, counts: bool = True) -> int:
        """Moves all that `read` gives; returns how many rows. `counts`: they are the run's, not only keys."""
        limit, final, rows = FIRST, False, 0
        with ReadAhead(lambda: self._counted(read()) if counts else read(), self._heed, self.left) as ahead:
            while not final:
                self.stages.at = EXTRACT
                try:
                    group = ahead.group(limit)
                except StoppedError:
                    self._settle()
                    raise
                self.stages.at = LOAD
                began = time.monotonic()
                self.took(sum(len(batch.rows.data) for batch in group.batches))
                if counts and group.rows:
                    self.stages.begin(TRANSFORM)
                    self.stages.pass_on(TRANSFORM, group.rows)
                    self.stages.begin(LOAD)
                self._write(group.batches, write)
                final, rows = group.batches[-1].final, rows + group.rows
                limit = limit_after(group.rows, time.monotonic() - began)
                if final and counts and not self.is_endless:
                    self.stages.end(TRANSFORM)
        return rows

    def _counted(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self.stages.pass_on(EXTRACT, len(batch.rows))
            if batch.final and not self.is_endless:
                self.stages.end(EXTRACT)
            yield batch

    def _write(self, batches: Sequence[Batch], write: Write) -> None:
        """All at once, or when one of them is refused one by one: the good ones before it stay."""
        try:
            checkpoint = write(batches)
        except PermanentError:
            if len(batches) == 1:
                raise
        else:
            self._tell(checkpoint)
            return
        for batch in batches:
            self.stop.check()
            self._tell(write([batch]))

    def _heed(self) -> None:
        """While rows are waited for."""
        self.stop.check()
        self._tell(self.target.progress())

    def _settle(self) -> None:
        """Before a stop: what is under way is seen to its end."""
        self._tell(self.target.settle())

    def _tell(self, checkpoint: Checkpoint | None) -> None:
        if checkpoint is not None:
            self.advance(checkpoint)
