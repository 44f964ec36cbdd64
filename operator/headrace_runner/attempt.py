"""One attempt at a load: take the fence, find where to begin, move batches until the end or an error."""

import dataclasses
import threading
import time
from contextlib import closing

from headrace.errors import StoppedError
from headrace.runspec import Mode, RunKind
from headrace_runner.ahead import Ahead
from headrace_runner.continuation import LEFT_ALONE, continuation_of, depends_on_previous, over_without_row
from headrace_runner.load import Load
from headrace_runner.moving import NOTHING, Mover
from headrace_runner.projection import Projection
from headrace_runner.protocols import Checkpoint, Horizon, Position, Source, Start, Target
from headrace_runner.sources import open_source
from headrace_runner.stages import EXTRACT, LOAD, TRANSFORM
from headrace_runner.targets import open_target

STEP_SECONDS = 0.2


class Attempt:
    """One of a load's; `run` once."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._spec = load.spec
        self._left = threading.Event()
        """Nobody needs the source any more."""

    def run(self) -> None:
        """Moves rows until the run is done, or for ever if it is a stream; raises what ended it early."""
        load = self._load
        load.stages.at = LOAD
        # It connects while the target does, and while the fence is taken: 20 ms of each run.
        opening = Ahead(self._open_source)
        with closing(opening), self._target_for(opening) as target:
            load.stop.on_expiry(target.cancel)
            checkpoint = target.claim(held_before=load.held)
            is_ours = checkpoint.run_id == self._spec.run_id
            load.committed = checkpoint if is_ours else Checkpoint(holder=checkpoint.holder)
            load.stages.begin_attempt(load.committed.counters)
            if load.committed.done:
                load.stages.succeed(checkpoint.counters)
            load.tell(load.committed, advanced=load.committed.done)
            load.report.hold(checkpoint.holder)
            if load.committed.done:
                load.run_log.info("The run was done before: reporting it again")
                return
            load.run_log.debug(f"The fence is ours, as holder {checkpoint.holder}")
            load.held = True
            load.stages.at = EXTRACT
            with closing(self._taken(opening)) as source:
                self._do(source, target, checkpoint)
            load.stages.succeed(load.committed.counters)
            load.tell(load.committed)

    def _do(self, source: Source, target: Target, checkpoint: Checkpoint) -> None:
        load = self._load
        target.notes.update(load.noted)
        load.report.update(notes=dict(target.notes))
        try:
            self._work(source, target, checkpoint)
        except BaseException:
            # What was staged and not committed is gone.
            load.tell(load.committed)
            raise
        finally:
            self._left.set()

    def _work(self, source: Source, target: Target, checkpoint: Checkpoint) -> None:
        if self._spec.kind != RunKind.REPLAY:
            self._move(source, target, checkpoint)
            return
        from headrace_runner.replay import replay

        self._load.committed = Checkpoint(holder=checkpoint.holder)
        self._load.stages.begin(EXTRACT)
        replay(source, target, checkpoint.identity, self._load.stop.check, self._load.advance)

    def _target_for(self, opening: Ahead[Source]) -> closing[Target]:
        """Where the source was away before, it has to be there: each time that the fence is taken counts as a start."""
        if not self._load.is_source_there:
            opening.check()
        return closing(open_target(self._spec, self._load.settings, self._load.owner))

    def _taken(self, opening: Ahead[Source]) -> Source:
        self._load.is_source_there = False
        source = opening.take()
        self._load.is_source_there = True
        return source

    def _open_source(self) -> Source:
        source = open_source(self._spec, self._load.settings.source_dsn, self._wait)
        self._load.noted = self._load.noted or source.note_on_role()
        return source

    def _move(self, source: Source, target: Target, checkpoint: Checkpoint) -> None:
        shape = source.describe()
        self._load.stages.at = TRANSFORM
        projection = target.prepare(shape)
        source.check(projection)
        self._load.run_log.info(_form(projection))
        self._load.stages.at = LOAD
        start = self._start(target, checkpoint)
        mover = Mover(
            target=target,
            stop=self._load.stop,
            left=self._left,
            stages=self._load.stages,
            took=self._load.take,
            advance=self._load.advance,
            is_endless=self._spec.is_stream,
        )
        if self._spec.is_stream:
            from headrace_runner.stream import Stream

            self._begin(target, checkpoint, start)
            Stream(self._load, source, target, projection, mover, start.position).run()
        else:
            self._bring(source, target, projection, checkpoint, start, mover)

    def _bring(
        self,
        source: Source,
        target: Target,
        projection: Projection,
        checkpoint: Checkpoint,
        start: Start,
        mover: Mover,
    ) -> None:
        self._load.stages.at = EXTRACT
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
        self._load.stages.at = LOAD
        target.begin(start)
        self._load.committed = dataclasses.replace(checkpoint, position=start.position, counters=start.counters)
        self._load.stages.begin_attempt(start.counters)
        self._load.stages.begin(EXTRACT)
        self._load.tell(self._load.committed)
        self._load.report.update(notes=dict(target.notes))

    def _start(self, target: Target, checkpoint: Checkpoint) -> Start:
        previous = None
        if depends_on_previous(checkpoint, self._spec):
            previous = self._load.status_of(str(checkpoint.run_id))
        continuation = continuation_of(checkpoint, self._spec, target.identity(), previous)
        key = continuation.start.position.key
        if key is not None and not target.holds(key):
            if self._spec.mode == Mode.FULL:
                continuation = over_without_row(target.identity())
            else:
                self._load.run_log.warning(f"The target no longer has the last row that was written: {LEFT_ALONE}")
        start = continuation.start
        if continuation.caution is not None:
            self._load.run_log.warning(continuation.caution)
        if start.position.key is not None:
            self._load.run_log.info(f"Continuing after {_words(start.position)}")
        elif continuation.why_over is not None:
            self._load.run_log.info(f"Starting over: {continuation.why_over}")
        return start

    def _horizon(self, source: Source, projection: Projection, start: Position, target: Target) -> Horizon | None:
        if projection.cursor is None:
            return None
        horizon = source.horizon(projection, start)
        self._load.run_log.debug(f"Reading up to {horizon.value}")
        self._load.note(target, horizon.notes)
        return horizon

    def _wait(self, seconds: float) -> None:
        """Sleeps for the source; raises when the run stops or nobody needs the source any more."""
        until = time.monotonic() + seconds
        while True:
            if self._left.is_set():
                raise StoppedError("The source is not needed any more")
            step = min(until - time.monotonic(), STEP_SECONDS)
            self._load.stop.wait(step)
            if step < STEP_SECONDS:
                return


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
