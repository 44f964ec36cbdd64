"""What is seen of one backfill at one moment: all that its plan is made from."""

from dataclasses import dataclass, field
from datetime import datetime

from headrace.model.backfill import BackfillSpec, BackfillStatus
from headrace.model.conditions import Reason
from headrace.schedules.due import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeen:
    """A run of a due time, as the store or the cluster has it."""

    name: str
    over: bool = False
    succeeded: bool = False
    ours: bool = False
    """This backfill asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillSeen:
    """An EtlBackfill at one moment, with all that belongs to it."""

    now: datetime
    uid: str
    generation: int
    created_at: datetime
    spec: BackfillSpec | None
    """None when it can't be read; `problem` says why."""
    problem: str = ""
    status: BackfillStatus = field(default_factory=BackfillStatus)
    schedule: Schedule | None
    """None: there is none of that name."""
    schedule_uid: str = ""
    has_pipeline: bool = True
    """The schedule's pipeline exists."""
    runs: tuple[RunSeen, ...] = ()
    """Of due times in the range: the schedule's and the backfill's own, and those that were just made."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why nothing can be run."""

    reason: Reason
    message: str

    @property
    def is_final(self) -> bool:
        """Whether only another specification helps."""
        return self.reason == Reason.INVALID_SPEC
