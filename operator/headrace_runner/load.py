"""A load over all attempts of this process, and what is told of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from headrace.runspec import RunSpec
from headrace_runner.log import Log
from headrace_runner.protocols import Checkpoint, Target
from headrace_runner.report import ReportThread
from headrace_runner.settings import Settings
from headrace_runner.stages import LOAD, Stages
from headrace_runner.stop import Stop

LOG_SECONDS, STREAM_LOG_SECONDS = 10.0, 300.0
"""Between two lines that say how far a run is, while rows move."""


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

    def note(self, target: Target, notes: Mapping[str, str]) -> None:
        """What a person should know; each reason is logged once in an attempt."""
        for reason in notes.keys() - target.notes.keys():
            self.run_log.warning(notes[reason])
        if not notes.items() <= target.notes.items():
            target.notes.update(notes)
            self.report.update(notes=dict(target.notes))

    def take(self, size: int) -> None:
        """Counts bytes that came from the source."""
        self.bytes_read += size

    def advance(self, checkpoint: Checkpoint) -> None:
        """Tells of a batch. One that is only staged is shown, but is no progress: it is lost when this attempt ends."""
        advanced = checkpoint.done or checkpoint.counters.batches > self.committed.counters.batches
        if advanced:
            self.commits += 1
            self.committed = checkpoint
            self.stages.begin(LOAD)
            self.stages.commit(checkpoint.counters)
        self.tell(checkpoint, advanced=advanced)
        self._log_progress()

    def tell(self, checkpoint: Checkpoint, *, advanced: bool = False) -> None:
        """Shows how far the run is."""
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

    def _log_progress(self) -> None:
        now = time.monotonic()
        if now - self.logged >= (STREAM_LOG_SECONDS if self.spec.is_stream else LOG_SECONDS):
            self.logged = now
            progress = self.report.progress()
            self.run_log.info(f"{progress.rows_read} rows read, {progress.rows_written} written")
