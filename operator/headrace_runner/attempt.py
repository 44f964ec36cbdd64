"""One attempt at a load: take the fence, find where to begin, move batches until the end or an error."""

import dataclasses
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from headrace.errors import PermanentError, StoppedError
from headrace.runspec import RunSpec
from headrace_runner.ahead import Ahead
from headrace_runner.continuation import LEFT_ALONE, continuation_of, depends_on_previous, over_without_row
from headrace_runner.groups import FIRST, limit_after
from headrace_runner.log import Log
from headrace_runner.protocols import Batch, Checkpoint, Horizon, Position, Projection, Source, Start, Target
from headrace_runner.readahead import ReadAhead
from headrace_runner.replay import replay
from headrace_runner.report import ReportThread
from headrace_runner.rows import Rows
from headrace_runner.settings import Settings
from headrace_runner.sources import open_source
from headrace_runner.stop import Stop
from headrace_runner.targets import open_target

LOG_SECONDS = 10.0
STEP_SECONDS = 0.2


@dataclass(kw_only=True)
class Load:
    """A run over all attempts of this process."""

    settings: Settings
    spec: RunSpec
    owner: str
    stop: Stop
    run_log: Log
    report: ReportThread
    status_of: Callable[[str], str | None]
    """The status of another run, in the store."""
    held: bool = False
    """The fence was ours before."""
    commits: int = 0
    """Batches committed by this process."""
    bytes_read: int = 0
    """What the source sent, over all processes of this run."""
    committed: Checkpoint = field(default_factory=lambda: Checkpoint(holder=0))
    """As far as this run is."""
    noted: Mapping[str, str] = field(default_factory=dict)
    """What was found out about the source's role, once in the life of this process."""

    def attempt(self) -> None:
        """Moves rows until the run is done; raises what ended it early."""
        settings, spec, left = self.settings, self.spec, threading.Event()
        # It connects while the target does, and while the fence is taken: 20 ms of each run.
        opening = Ahead(lambda: self._open_source(left))
        with closing(opening), closing(open_target(spec, settings, self.owner)) as target:
            self.stop.on_expiry(target.cancel)
            checkpoint = target.claim(held_before=self.held)
            self.committed = checkpoint if checkpoint.run_id == spec.run_id else Checkpoint(holder=checkpoint.holder)
            self._tell(self.committed, advanced=self.committed.done)
            self.report.hold(checkpoint.holder)
            if checkpoint.done and checkpoint.run_id == spec.run_id:
                self.run_log.info("The run was done before: reporting it again")
                return
            self.held = True
            with closing(opening.take()) as source:
                target.notes.update(self.noted)
                self.report.update(notes=dict(target.notes))
                try:
                    if spec.kind == "Replay":
                        self.committed = Checkpoint(holder=checkpoint.holder)
                        replay(source, target, self.stop.check, self._advance)
                    else:
                        self._move(source, target, checkpoint, left)
                except BaseException:
                    # What was staged and not committed is gone.
                    self._tell(self.committed)
                    raise
                finally:
                    left.set()

    def _open_source(self, left: threading.Event) -> Source:
        source = open_source(self.spec, self.settings.source_dsn, self._waiter(left))
        self.noted = self.noted or source.note_on_role()
        return source

    def _move(self, source: Source, target: Target, checkpoint: Checkpoint, left: threading.Event) -> None:
        projection = target.prepare(source.describe())
        source.check(projection)
        self.run_log.info(_form(projection))
        start = self._start(target, checkpoint)
        horizon = self._horizon(source, projection, start.position, target)
        target.begin(start)
        self.committed = dataclasses.replace(checkpoint, position=start.position, counters=start.counters)
        self._tell(self.committed)
        self.report.update(notes=dict(target.notes))
        if horizon is None or horizon.value is not None:
            self._copy(lambda: source.read(projection, start.position, horizon), target, target.write, left)
        else:
            target.write([NOTHING])
        closing_read = target.rereads()
        if closing_read is not None:
            self._copy(lambda: source.read(closing_read, Position(), None), target, target.keep, left)

    def _start(self, target: Target, checkpoint: Checkpoint) -> Start:
        previous = None
        if depends_on_previous(checkpoint, self.spec):
            previous = self.status_of(str(checkpoint.run_id))
        continuation = continuation_of(checkpoint, self.spec, target.identity(), previous)
        key = continuation.start.position.key
        if key is not None and not target.holds(key):
            if self.spec.mode == "full":
                continuation = over_without_row(target.identity())
            else:
                self.run_log.warning(f"The target no longer has the last row that was written: {LEFT_ALONE}")
        start = continuation.start
        if continuation.caution is not None:
            self.run_log.warning(continuation.caution)
        if start.position.key is not None:
            self.run_log.info(f"Continuing after {_words(start.position)}")
        elif continuation.why_over is not None:
            self.run_log.info(f"Starting over: {continuation.why_over}")
        return start

    def _horizon(self, source: Source, projection: Projection, start: Position, target: Target) -> Horizon | None:
        if projection.cursor is None:
            return None
        horizon = source.horizon(projection, start)
        target.notes.update(horizon.notes)
        for text in horizon.notes.values():
            self.run_log.warning(text)
        return horizon

    def _copy(
        self,
        read: Callable[[], Iterator[Batch]],
        target: Target,
        write: Callable[[Sequence[Batch]], Checkpoint],
        left: threading.Event,
    ) -> None:
        logged = time.monotonic()
        limit, final = FIRST, False
        with ReadAhead(read, lambda: self._heed(target), left) as ahead:
            while not final:
                try:
                    group = ahead.group(limit)
                except StoppedError:
                    self._settle(target)
                    raise
                began = time.monotonic()
                self.bytes_read += sum(len(batch.rows.data) for batch in group.batches)
                self._write(group.batches, write)
                now = time.monotonic()
                limit, final = limit_after(group.rows, now - began), group.batches[-1].final
                if now - logged >= LOG_SECONDS:
                    logged = now
                    progress = self.report.progress()
                    self.run_log.info(f"{progress.rows_read} rows read, {progress.rows_written} written")

    def _write(self, batches: Sequence[Batch], write: Callable[[Sequence[Batch]], Checkpoint]) -> None:
        """All at once, or when one of them is refused one by one: the good ones before it stay."""
        try:
            checkpoint = write(batches)
        except PermanentError:
            if len(batches) == 1:
                raise
        else:
            self._advance(checkpoint)
            return
        for batch in batches:
            self.stop.check()
            self._advance(write([batch]))

    def _heed(self, target: Target) -> None:
        """While rows are waited for."""
        self.stop.check()
        checkpoint = target.progress()
        if checkpoint is not None:
            self._advance(checkpoint)

    def _settle(self, target: Target) -> None:
        """Before a stop: what is under way is seen to its end."""
        checkpoint = target.settle()
        if checkpoint is not None:
            self._advance(checkpoint)

    def _advance(self, checkpoint: Checkpoint) -> None:
        """Tells of a batch. One that is only staged is shown, but is no progress: it is lost when this attempt ends."""
        advanced = checkpoint.done or checkpoint.counters.batches > self.committed.counters.batches
        if advanced:
            self.commits += 1
            self.committed = checkpoint
        self._tell(checkpoint, advanced=advanced)

    def _tell(self, checkpoint: Checkpoint, *, advanced: bool = False) -> None:
        self.report.update(
            rows_read=checkpoint.counters.rows_read,
            rows_written=checkpoint.counters.rows_written,
            batches=checkpoint.counters.batches,
            bad_rows=checkpoint.counters.bad_rows,
            bytes_read=self.bytes_read,
            last_key=checkpoint.position.key,
            last_value=checkpoint.position.value,
            # What the store was not told yet stays to be told; what went wrong before is over.
            **({"advanced": True, "message": None} if advanced else {}),
        )

    def _waiter(self, left: threading.Event) -> Callable[[float], None]:
        """Sleeps for the source; raises when the run stops or nobody needs the source any more."""

        def wait(seconds: float) -> None:
            until = time.monotonic() + seconds
            while True:
                if left.is_set():
                    raise StoppedError("The source is not needed any more")
                step = min(until - time.monotonic(), STEP_SECONDS)
                self.stop.wait(step)
                if step < STEP_SECONDS:
                    return

        return wait


NOTHING = Batch(rows=Rows(b"", array("I")), first=None, last=None, previous=None, final=True)


def _form(projection: Projection) -> str:
    if projection.documents is not None:
        return "Rows travel as documents"
    if projection.binary:
        return "Rows travel in binary form"
    return (
        f"Rows travel as text: not all values of {', '.join(projection.not_binary)} have the same bytes on both sides"
    )


def _words(position: Position) -> str:
    key = ", ".join(position.key or ())
    return f"key ({key})" if position.value is None else f"{position.value}, key ({key})"
