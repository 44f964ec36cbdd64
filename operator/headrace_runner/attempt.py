"""One attempt at a load: take the fence, find where to begin, move batches until the end or an error."""

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from headrace.errors import StoppedError
from headrace.runspec import RunSpec
from headrace_runner.ahead import Ahead
from headrace_runner.continuation import LEFT_ALONE, continuation_of, depends_on_previous, over_without_row
from headrace_runner.log import Log
from headrace_runner.moving import NOTHING, Mover
from headrace_runner.protocols import Checkpoint, Horizon, Position, Projection, Source, Start, Target
from headrace_runner.report import ReportThread
from headrace_runner.settings import Settings
from headrace_runner.sources import open_source
from headrace_runner.stages import EXTRACT, LOAD, TRANSFORM, Stages
from headrace_runner.stop import Stop
from headrace_runner.targets import open_target

LOG_SECONDS, STREAM_LOG_SECONDS = 10.0, 300.0
"""Between two lines that say how far a run is, while rows move."""
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
    is_source_there: bool = True
    """The attempt before, if there was one, could connect to it."""
    commits: int = 0
    """Batches committed by this process."""
    bytes_read: int = 0
    """What the source sent, over all processes of this run."""
    committed: Checkpoint = field(default_factory=lambda: Checkpoint(holder=0))
    """As far as this run is."""
    stages: Stages = field(default_factory=Stages)
    logged: float = field(default_factory=time.monotonic)
    """When it was said last how far the run is, by the monotonic clock."""
    polls: int = 0
    """Of a stream: how often it has brought all there was."""
    noted: Mapping[str, str] = field(default_factory=dict)
    """What was found out about the source's role, once in the life of this process."""

    def attempt(self) -> None:
        """Moves rows until the run is done, or for ever if it is a stream; raises what ended it early."""
        spec, left = self.spec, threading.Event()
        self.stages.at = LOAD
        # It connects while the target does, and while the fence is taken: 20 ms of each run.
        opening = Ahead(lambda: self._open_source(left))
        with closing(opening), self._target_for(opening) as target:
            self.stop.on_expiry(target.cancel)
            checkpoint = target.claim(held_before=self.held)
            self.committed = checkpoint if checkpoint.run_id == spec.run_id else Checkpoint(holder=checkpoint.holder)
            self.stages.begin_attempt(self.committed.counters)
            if self.committed.done:
                self.stages.succeed(checkpoint.counters)
            self._tell(self.committed, advanced=self.committed.done)
            self.report.hold(checkpoint.holder)
            if self.committed.done:
                self.run_log.info("The run was done before: reporting it again")
                return
            self.run_log.debug(f"The fence is ours, as holder {checkpoint.holder}")
            self.held = True
            self.stages.at = EXTRACT
            with closing(self._taken(opening)) as source:
                target.notes.update(self.noted)
                self.report.update(notes=dict(target.notes))
                try:
                    self._work(source, target, checkpoint, left)
                except BaseException:
                    # What was staged and not committed is gone.
                    self._tell(self.committed)
                    raise
                finally:
                    left.set()
            self.stages.succeed(self.committed.counters)
            self._tell(self.committed)

    def _work(self, source: Source, target: Target, checkpoint: Checkpoint, left: threading.Event) -> None:
        if self.spec.kind != "Replay":
            self._move(source, target, checkpoint, left)
            return
        from headrace_runner.replay import replay

        self.committed = Checkpoint(holder=checkpoint.holder)
        self.stages.begin(EXTRACT)
        replay(source, target, self.stop.check, self.advance)

    def _target_for(self, opening: Ahead[Source]) -> closing[Target]:
        """Where the source was away before, it has to be there: each time that the fence is taken counts as a start."""
        if not self.is_source_there:
            opening.check()
        return closing(open_target(self.spec, self.settings, self.owner))

    def _taken(self, opening: Ahead[Source]) -> Source:
        self.is_source_there = False
        source = opening.take()
        self.is_source_there = True
        return source

    def _open_source(self, left: threading.Event) -> Source:
        source = open_source(self.spec, self.settings.source_dsn, self._waiter(left))
        self.noted = self.noted or source.note_on_role()
        return source

    def _move(self, source: Source, target: Target, checkpoint: Checkpoint, left: threading.Event) -> None:
        shape = source.describe()
        self.stages.at = TRANSFORM
        projection = target.prepare(shape)
        source.check(projection)
        self.run_log.info(_form(projection))
        self.stages.at = LOAD
        start = self._start(target, checkpoint)
        mover = Mover(
            target=target,
            stop=self.stop,
            left=left,
            stages=self.stages,
            took=self._take,
            advance=self.advance,
            is_endless=self.spec.is_stream,
        )
        if self.spec.is_stream:
            from headrace_runner.stream import Stream

            self._begin(target, checkpoint, start)
            Stream(self, source, target, projection, mover, start.position).run()
        else:
            self._load(source, target, projection, checkpoint, start, mover)

    def _load(
        self,
        source: Source,
        target: Target,
        projection: Projection,
        checkpoint: Checkpoint,
        start: Start,
        mover: Mover,
    ) -> None:
        self.stages.at = EXTRACT
        horizon = self._horizon(source, projection, start.position, target)
        self._begin(target, checkpoint, start)
        if horizon is None or horizon.value is not None:
            mover.copy(lambda: source.read(projection, start.position, horizon), target.write)
        else:
            target.write([NOTHING])
        closing_read = target.rereads()
        if closing_read is not None:
            mover.copy(lambda: source.read(closing_read, Position(), None), target.keep, counts=False)

    def _begin(self, target: Target, checkpoint: Checkpoint, start: Start) -> None:
        self.stages.at = LOAD
        target.begin(start)
        self.committed = dataclasses.replace(checkpoint, position=start.position, counters=start.counters)
        self.stages.begin_attempt(start.counters)
        self.stages.begin(EXTRACT)
        self._tell(self.committed)
        self.report.update(notes=dict(target.notes))

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
        self.run_log.debug(f"Reading up to {horizon.value}")
        self.note(target, horizon.notes)
        return horizon

    def note(self, target: Target, notes: Mapping[str, str]) -> None:
        """What a person should know; each reason is logged once in an attempt."""
        for reason in notes.keys() - target.notes.keys():
            self.run_log.warning(notes[reason])
        if not notes.items() <= target.notes.items():
            target.notes.update(notes)
            self.report.update(notes=dict(target.notes))

    def _take(self, size: int) -> None:
        self.bytes_read += size

    def advance(self, checkpoint: Checkpoint) -> None:
        """Tells of a batch. One that is only staged is shown, but is no progress: it is lost when this attempt ends."""
        advanced = checkpoint.done or checkpoint.counters.batches > self.committed.counters.batches
        if advanced:
            self.commits += 1
            self.committed = checkpoint
            self.stages.begin(LOAD)
            self.stages.commit(checkpoint.counters)
        self._tell(checkpoint, advanced=advanced)
        self._log_progress()

    def _log_progress(self) -> None:
        now = time.monotonic()
        if now - self.logged >= (STREAM_LOG_SECONDS if self.spec.is_stream else LOG_SECONDS):
            self.logged = now
            progress = self.report.progress()
            self.run_log.info(f"{progress.rows_read} rows read, {progress.rows_written} written")

    def _tell(self, checkpoint: Checkpoint, *, advanced: bool = False) -> None:
        self.report.update(
            rows_read=checkpoint.counters.rows_read,
            rows_written=checkpoint.counters.rows_written,
            batches=checkpoint.counters.batches,
            bad_rows=checkpoint.counters.bad_rows,
            bytes_read=self.bytes_read,
            last_key=checkpoint.position.key,
            last_value=checkpoint.position.value,
            stages=self.stages.as_json(),
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
