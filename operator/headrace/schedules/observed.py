"""What is seen of one schedule at one moment: all that its plan is made from."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headrace.errors import InvalidError
from headrace.model.base import seconds
from headrace.model.schedule import ScheduleSpec, ScheduleStatus
from headrace.schedules.due import Schedule, check_schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFacts:
    """What of a pipeline decides whether its schedules may run it."""

    suspended: bool = False
    enabled: bool = True
    streaming: bool = False
    """Its mode: a run of it never ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOfDue:
    """The run of a due time that this schedule, or a backfill by count, asked for; not those of an EtlBackfill."""

    due_at: datetime
    over: bool = False
    """It counts for maxConcurrency until it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSeen:
    """An EtlSchedule at one moment, with all that belongs to it."""

    now: datetime
    uid: str
    generation: int
    created_at: datetime
    changed_at: datetime
    """When its specification last changed; not its status, and better not its metadata either: due times of a former
    expression, or from before it was enabled, are told from later ones by this."""
    spec: ScheduleSpec | None
    """None when it can't be read; `problem` says why."""
    problem: str = ""
    status: ScheduleStatus = field(default_factory=ScheduleStatus)
    pipeline: PipelineFacts | None
    """None: there is none."""
    runs: tuple[RunOfDue, ...] = ()
    """Those that are seen, and those that were just made."""

    @property
    def made(self) -> frozenset[datetime]:
        """Due times that have a run, over or not."""
        return frozenset(run.due_at for run in self.runs)

    @property
    def active(self) -> int:
        """How many of its runs are not over."""
        return len({run.due_at for run in self.runs if not run.over})

    @property
    def fault(self) -> str:
        """Why it can't be due; empty when it can."""
        if self.spec is None:
            return self.problem or "the specification can't be read"
        try:
            check_schedule(self.spec.kind, self.spec.expression, self.spec.timezone)
        except InvalidError as error:
            return error.message
        return ""

    @property
    def delay(self) -> timedelta:
        """By how much its runs begin after their due times: a fixed part of the jitter, to the millisecond."""
        jitter = seconds(self.spec.jitter) if self.spec else 0
        share = int.from_bytes(hashlib.sha256(self.uid.encode()).digest()[:8]) / 2**64
        return timedelta(milliseconds=int(jitter * 1000 * share))

    @property
    def in_force(self) -> Schedule | None:
        """What its due times follow from; None when it has none: it is disabled, or not valid."""
        if self.spec is None or not self.spec.enabled or self.fault:
            return None
        return schedule_of(self.spec, self.created_at)


def schedule_of(spec: ScheduleSpec, created_at: datetime) -> Schedule:
    """What the due times of a specification follow from, be it enabled or not."""
    return Schedule(spec.kind.value, spec.expression, spec.timezone, created_at)
