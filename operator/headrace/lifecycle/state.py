"""A pipeline's state, computed from what is wanted and what is seen; API and operator share this one function."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from headrace.model.run import ONLY_READS
from headrace.runspec import RunKind


class Phase(StrEnum):
    """The state of a pipeline."""

    IDLE = "IDLE"
    RUN_REQUESTED = "RUN_REQUESTED"
    RUNNING = "RUNNING"
    PAUSE_REQUESTED = "PAUSE_REQUESTED"
    PAUSED = "PAUSED"
    FAILED = "FAILED"


class RunPhase(StrEnum):
    """The state of a run."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


FINAL = frozenset({RunPhase.SUCCESS, RunPhase.FAILED, RunPhase.CANCELLED})
BUSY = frozenset({Phase.RUNNING, Phase.PAUSE_REQUESTED})
"""While a pipeline is in one of these, the API refuses changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """What the state depends on of one run."""

    uid: str
    name: str
    kind: str = RunKind.LOAD
    created_at: str
    """RFC 3339; with the name it gives the order in which runs go."""
    suspend: bool = False
    cancel: bool = False
    phase: RunPhase = RunPhase.PENDING
    at_work: bool = False
    """Its Job has pods at work or ending, as the operator last wrote."""
    started: bool = False
    """A runner of it has reported, now or earlier."""

    @property
    def writes(self) -> bool:
        """Whether it writes to the target: the pipeline's state is about such runs."""
        return self.kind not in ONLY_READS

    @property
    def is_final(self) -> bool:
        """Whether the run is over."""
        return self.phase in FINAL

    @property
    def has_begun(self) -> bool:
        """Whether it was at work once, though perhaps stopped before its runner said a word."""
        return self.started or self.phase == RunPhase.PAUSED

    @property
    def waits_for_start(self) -> bool:
        """Whether it was created suspended and nobody has started it: such a run does not count."""
        return self.suspend and not self.has_begun and not self.at_work and not self.is_final

    @property
    def order(self) -> tuple[str, str]:
        """Runs of a pipeline go in this order."""
        return (self.created_at, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineView:
    """What the state depends on of a pipeline."""

    suspend: bool = False
    enabled: bool = True
    last_run_phase: RunPhase | None = None
    """Of the last run that wrote and ended, also when its resource is gone."""


def pipeline_phase(pipeline: PipelineView, runs: Iterable[RunView]) -> Phase:
    """The state of a pipeline with these runs (in any order)."""
    counted = [r for r in runs if r.writes and not r.is_final and not r.waits_for_start]
    at_work = [r for r in counted if r.at_work]
    if at_work:
        stopping = pipeline.suspend or any(r.suspend for r in at_work)
        return Phase.PAUSE_REQUESTED if stopping else Phase.RUNNING if _moves(at_work) else Phase.RUN_REQUESTED
    if counted:
        return Phase.PAUSED if pipeline.suspend or all(r.suspend for r in counted) else Phase.RUN_REQUESTED
    if pipeline.suspend or not pipeline.enabled:
        return Phase.PAUSED
    return Phase.FAILED if pipeline.last_run_phase == RunPhase.FAILED else Phase.IDLE


def _moves(runs: list[RunView]) -> bool:
    return any(r.phase == RunPhase.RUNNING for r in runs)
