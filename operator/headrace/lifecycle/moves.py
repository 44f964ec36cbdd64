"""What is to be done about one run."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from headrace.lifecycle.actions import NOTHING, DeleteJob, EmitEvent, Needs, RecordRun, Step
from headrace.lifecycle.case import Case
from headrace.lifecycle.counting import counted_at_the_end
from headrace.lifecycle.observed import RunSeen
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.model.base import shown
from headrace.model.conditions import Reason
from headrace.model.run import ReconcileResult, RunStatus
from headrace.model.times import to_text
from headrace.runspec import RunSpec


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


def changed(status: RunStatus, now: datetime, phase: RunPhase, **update: Any) -> RunStatus:
    """The status in a phase; the time of transition moves only when the phase does."""
    if status.phase != phase:
        update |= {"phase": phase.value, "last_transition_time": to_text(now)}
    return status.model_copy(update=update)


def waits(case: Case, reason: Reason, message: str = "", **update: Any) -> Move:
    """Nothing to do but wait for what the reason says."""
    status = changed(case.status, case.now, case.phase, stream=case.is_stream, **update)
    return Move(status=status, reason=reason, message=message, waits_for_slot=reason == Reason.WAITING_FOR_SLOT)


def waits_for_slot(case: Case) -> Move:
    """There is no room: others of its sort, runs or streams, are at work, as many as may be."""
    text = f"{case.limits.max_streams} streams are at work, as many as may be" if case.is_stream else ""
    return waits(case, Reason.WAITING_FOR_SLOT, text)


def ended(case: Case, phase: RunPhase, reason: Reason, message: str | None = None) -> Move:
    """The run is over."""
    attempt = case.status.job
    update: dict[str, Any] = {
        "stream": case.is_stream,
        "finished_at": to_text(case.now),
        "error_message": shown(message or reason.sentence) if phase == RunPhase.FAILED else None,
        "job": attempt.model_copy(update={"active": False}) if attempt else None,
        "worked_seconds": case.worked.total_seconds() if attempt else 0.0,
        "working_since": None,
        "stopping_since": None,
        "progress": counted_at_the_end(case),
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


def record(run: RunSeen, status: RunStatus, spec: RunSpec | None = None) -> RecordRun:
    """The step that writes the run into the store."""
    return RecordRun(
        run=run.name, uid=run.uid, kind=run.spec.kind.value, created_at=run.created_at, status=status, spec=spec
    )


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of those that are set."""
    return min((moment for moment in moments if moment is not None), default=None)
