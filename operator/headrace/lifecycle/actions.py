"""What a plan consists of: steps in the order in which they are taken; each may be taken twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from headrace.lifecycle.holds import Holds
from headrace.model.pipeline import PipelineStatus
from headrace.model.run import RunStatus
from headrace.runspec import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePipeline:
    """Write the pipeline's status; refused when the resource has moved on since it was observed."""

    status: PipelineStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveRun:
    """Write a run's status; refused when the resource has moved on since it was observed."""

    run: str
    uid: str
    status: RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptRun:
    """Give a run that was made by hand its owner and its labels."""

    run: str
    uid: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """What people find it by, besides what everything of a pipeline is found by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRun:
    """Write a run into the store, with what its runner is to do when that is new."""

    run: str
    uid: str
    kind: str
    created_at: datetime
    status: RunStatus
    spec: RunSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishRun:
    """Write into the store how a run ended; the first to say so wins."""

    uid: str
    phase: str
    finished_at: datetime
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateJob:
    """Create the Job of an attempt; that it exists already is fine."""

    job: str
    run: str
    run_uid: str
    attempt: int
    epoch: int
    source: str = ""
    """The EtlSource that it reads from."""
    destination: str = ""
    """The EtlDestination that it writes to. The Job gets the credentials of these two and no others."""
    target_kind: str
    """Empty: no target at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendJob:
    """Ask a Job's pod to finish its batch and stop."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeJob:
    """Let a suspended Job have a pod again."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteJob:
    """Delete a Job in the background; that it is gone is fine."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireJob:
    """Let Kubernetes remove a finished Job: everything was read from it."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvideSecret:
    """Make what a run's pods reach source and target by; that it is there is fine."""

    run: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSecret:
    """Delete what a run's pods reached source and target by; that it is gone is fine."""

    uid: str
    """The run's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRun:
    """Delete the resource of an old run; the store keeps it."""

    run: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitEvent:
    """Tell people; the same event twice is one."""

    run: str | None
    """None: about the pipeline."""
    uid: str
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


Step = (
    SavePipeline
    | SaveRun
    | AdoptRun
    | RecordRun
    | FinishRun
    | CreateJob
    | SuspendJob
    | ResumeJob
    | DeleteJob
    | ExpireJob
    | ProvideSecret
    | DropSecret
    | PruneRun
    | EmitEvent
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From where to where a run goes."""

    uid: str
    """The run's."""
    source: str
    destination: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must be found out before the plan is complete: observe that too, and plan again."""

    epoch: bool = False
    pods: frozenset[str] = frozenset()
    """Jobs whose pods must be looked at."""
    ways: frozenset[Way] = frozenset()
    """Runs that are about to start: can source and destination be reached?"""

    def __bool__(self) -> bool:
        return self.epoch or bool(self.pods) or bool(self.ways)


NOTHING = Needs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done about one pipeline, and when to look again."""

    steps: tuple[Step, ...] = ()
    needs: Needs = NOTHING
    wake_at: datetime | None = None
    """The next deadline; None: only an event changes anything."""
    holds: Holds = field(default_factory=Holds)
