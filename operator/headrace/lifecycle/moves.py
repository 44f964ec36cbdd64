"""One run as the plan looks at it, and what is to be done about it."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from headrace.lifecycle.actions import NOTHING, DeleteJob, EmitEvent, Needs, RecordRun, Step
from headrace.lifecycle.observed import (
    JobSeen,
    Limits,
    Observed,
    PipelineSeen,
    PodSeen,
    ProgressSeen,
    RunSeen,
    StoreSeen,
)
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.lifecycle.times import from_text, to_text
from headrace.model.conditions import Reason
from headrace.model.run import ReconcileResult, RunJob, RunProgress, RunStatus
from headrace.runspec import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run with its Job, and what bears on it."""

    now: datetime
    limits: Limits
    pipeline: PipelineSeen
    run: RunSeen
    job: JobSeen | None
    pod: PodSeen | None
    """None: it was not looked at."""
    progress: ProgressSeen
    store: StoreSeen | None
    held: bool
    """It is not to be at work: its own spec.suspend, or for one that writes that of its pipeline."""
    slot: bool
    """There is room for one more run at work."""
    epoch: int | None

    @property
    def status(self) -> RunStatus:
        """The run's status as it was observed."""
        return self.run.status

    @property
    def attempt(self) -> RunJob:
        """The current attempt; only for runs that have one."""
        assert self.status.job is not None
        return self.status.job

    @property
    def phase(self) -> RunPhase:
        """Where the run stands."""
        return RunPhase(self.status.phase or RunPhase.PENDING)

    @property
    def is_fresh(self) -> bool:
        """Whether the current pod of the current attempt has reported."""
        attempt = self.status.job
        return attempt is not None and (self.progress.epoch, self.progress.holder) > (attempt.epoch, attempt.holder)

    @property
    def spell_start(self) -> datetime:
        """When the current pod was asked for."""
        return from_text(self.status.working_since) or from_text(self.attempt.created_at) or self.now

    @property
    def worked(self) -> timedelta:
        """How long the run has been at work, without pauses."""
        earlier = timedelta(seconds=self.status.worked_seconds)
        return earlier + (self.now - self.spell_start if self.status.working_since else timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What is to be done about one run. Its status is saved before the steps are taken."""

    status: RunStatus
    reason: Reason
    message: str = ""
    steps: tuple[Step, ...] = ()
    needs: Needs = NOTHING
    wake_at: datetime | None = None
    waits_for_slot: bool = False
    events: tuple[EmitEvent, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether the run is over."""
        return self.status.phase in FINAL

    def but(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return dataclasses.replace(self, **changes)


def case_of(observed: Observed, pipeline: PipelineSeen, run: RunSeen, *, slot: bool) -> Case:
    """Collects what bears on a run."""
    job = observed.job(run.status.job.name) if run.status.job else None
    return Case(
        now=observed.now,
        limits=observed.limits,
        pipeline=pipeline,
        run=run,
        job=job,
        pod=observed.pods.get(job.name) if job else None,
        progress=observed.progress(run.uid),
        store=observed.store,
        held=run.spec.suspend or (run.writes and pipeline.suspend),
        slot=slot,
        epoch=observed.epoch if run.writes else (run.status.job.attempt if run.status.job else 0) + 1,
    )


def changed(status: RunStatus, now: datetime, phase: RunPhase, **update: Any) -> RunStatus:
    """The status in a phase; the time of transition moves only when the phase does."""
    if status.phase != phase:
        update |= {"phase": phase.value, "last_transition_time": to_text(now)}
    return status.model_copy(update=update)


def waits(case: Case, reason: Reason, message: str = "", **update: Any) -> Move:
    """Nothing to do but wait for what the reason says."""
    status = changed(case.status, case.now, case.phase, **update)
    return Move(status=status, reason=reason, message=message, waits_for_slot=reason == Reason.WAITING_FOR_SLOT)


def ended(case: Case, phase: RunPhase, reason: Reason, message: str | None = None) -> Move:
    """The run is over."""
    attempt = case.status.job
    update: dict[str, Any] = {
        "finished_at": to_text(case.now),
        "error_message": (message or reason.sentence) if phase == RunPhase.FAILED else None,
        "job": attempt.model_copy(update={"active": False}) if attempt else None,
        "worked_seconds": case.worked.total_seconds() if attempt else 0.0,
        "working_since": None,
        "stopping_since": None,
        "progress": _counted_at_the_end(case),
        "result": _result(case),
        "notes": dict(case.progress.notes) or case.status.notes,
    }
    reported = case.progress.first_seen_at
    if case.status.started_at is None and (reported or phase == RunPhase.SUCCESS):
        update["started_at"] = to_text(reported or case.spell_start)
    status = changed(case.status, case.now, phase, **update)
    events = (
        _event(case, reason, message or reason.sentence, warns=phase == RunPhase.FAILED),
        *_bad_rows(case, status),
    )
    # Without the store the run is recorded when that is back.
    steps = (record(case.run, status),) if case.store else ()
    return Move(status=status, reason=reason, message=message or "", steps=steps, events=events)


def _event(case: Case, reason: Reason, message: str, *, warns: bool) -> EmitEvent:
    type_: Literal["Normal", "Warning"] = "Warning" if warns else "Normal"
    return EmitEvent(run=case.run.name, uid=case.run.uid, type=type_, reason=reason.value, message=message)


def _bad_rows(case: Case, status: RunStatus) -> tuple[EmitEvent, ...]:
    count = status.progress.bad_rows if status.progress else 0
    if not count:
        return ()
    text = f"{of_rows(count)} refused by the target and put aside as dead letters"
    return (_event(case, Reason.BAD_ROWS, text, warns=True),)


def of_rows(count: int) -> str:
    """So many rows, with their verb."""
    return "1 row was" if count == 1 else f"{count:,} rows were"


def killed(case: Case, reason: Reason, message: str) -> Move:
    """The run has failed although its Job goes on: that is deleted."""
    move = ended(case, RunPhase.FAILED, reason, message)
    return move.but(steps=(*move.steps, DeleteJob(job=case.job.name))) if case.job else move


def _result(case: Case) -> ReconcileResult | None:
    return ReconcileResult.of(case.progress.result) if case.progress.result else case.status.result


def _counted_at_the_end(case: Case) -> RunProgress | None:
    """The run's progress; the pod's last word counts when the store was away to hear it."""
    progress, pod = counted(case, force=True), case.pod
    if pod is None or pod.batches <= (progress.batches if progress else 0):
        return progress
    counts = {name: getattr(pod, name) for name in ("rows_read", "rows_written", "bad_rows", "batches")}
    return (progress or RunProgress()).model_copy(update={**counts, "updated_at": to_text(case.now)})


def counted(case: Case, *, force: bool) -> RunProgress | None:
    """The run's progress, as far as it is to be written now: seldom, unless `force` or somebody took over."""
    seen, old = case.progress, case.status.progress
    # Before it takes the fence a runner does not know yet how far the run is.
    if not seen.epoch or (old is not None and not seen.holder):
        return old
    new = RunProgress(
        rows_read=seen.rows_read,
        rows_written=seen.rows_written,
        bad_rows=seen.bad_rows,
        batches=seen.batches,
        takeovers=_takeovers(seen, old),
        holder=seen.holder,
    )
    if old is not None and new == old.model_copy(update={"updated_at": None}):
        return old
    since = from_text(old.updated_at) if old else None
    recent = since is not None and case.now - since < case.limits.progress_every
    taken_over = old is not None and old.holder not in {0, new.holder}
    if old is not None and recent and not force and not taken_over:
        return old
    return new.model_copy(update={"updated_at": to_text(case.now)})


def _takeovers(seen: ProgressSeen, old: RunProgress | None) -> int:
    """How often the fence was taken since the last batch, by the present holder too until it commits one."""
    if seen.batches > (old.batches if old else 0):
        return 0
    if old is None or not old.holder:
        # Before it takes the fence a runner reports as holder 0.
        return 1 if seen.holder else 0
    return old.takeovers + (max(1, seen.holder - old.holder) if seen.holder != old.holder else 0)


def record(run: RunSeen, status: RunStatus, spec: RunSpec | None = None) -> RecordRun:
    """The step that writes the run into the store."""
    return RecordRun(
        run=run.name, uid=run.uid, kind=run.spec.kind.value, created_at=run.created_at, status=status, spec=spec
    )


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of those that are set."""
    return min((moment for moment in moments if moment is not None), default=None)
