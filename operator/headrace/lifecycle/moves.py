"""What is to be done about one run."""

import dataclasses
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from headrace.lifecycle.actions import NOTHING, DeleteJob, EmitEvent, Needs, RecordRun, Step, Way
from headrace.lifecycle.case import Case
from headrace.lifecycle.counting import counted_at_the_end
from headrace.lifecycle.observed import RunSeen
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.model.base import shown
from headrace.model.conditions import ConditionType, Reason
from headrace.model.run import ReconcileResult, RunStatus
from headrace.model.times import from_text, to_text
from headrace.runspec import RunSpec

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(seconds=60)
"""Between two looks at what is to be mended: as long as it has waited already, within these, and up to twice that.

What is mended wakes those who wait for it; of a thousand that all look each 10 s Kubernetes has 800 requests a second.
"""
_TOLD = frozenset({Reason.SOURCE_MISSING, Reason.DESTINATION_MISSING})
"""Of these the end always wakes who waits."""


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


def waits_for_room(case: Case) -> Move | None:
    """Others of its sort, runs or streams, are at work, as many as may be; or have the connections to its source."""
    if not case.room.slot:
        text = f"{case.limits.max_streams} streams are at work, as many as may be" if case.is_stream else ""
        return waits(case, Reason.WAITING_FOR_SLOT, text)
    if case.room.connection:
        return None
    bound = case.max_connections or 0
    of_runs = f"maxConnections is {bound}, {bound - 1} of them for runs"
    return waits(case, Reason.WAITING_FOR_SOURCE, f"waits for a connection to the source '{case.source}': {of_runs}")


def waits_for_way(case: Case) -> Move | None:
    """Source or destination can't be reached, for something that others have to mend: that is no failure of the run."""
    if not case.way_known:
        way = Way(uid=case.run.uid, source=case.source, destination=case.destination)
        return waits(case, Reason.RUN_STARTING).but(needs=Needs(ways=frozenset({way})))
    return None if case.in_the_way is None else waits_for_mending(case, case.in_the_way)


def waits_for_mending(case: Case, problem: Problem) -> Move:
    """Looks again, more seldom the longer it waits: not everything that could be mended tells us."""
    return waits(case, problem.reason, problem.message).but(wake_at=case.now + _pause(case, problem.reason))


def _pause(case: Case, reason: Reason) -> timedelta:
    """Those that began to wait together do not look together for ever: each has its own share of a second pause."""
    share = zlib.crc32(case.run.uid.encode()) / 2**32
    pause = LONGEST_PAUSE if reason in _TOLD else min(LONGEST_PAUSE, max(FIRST_PAUSE, _has_waited(case)))
    return pause * (1 + share)


def _has_waited(case: Case) -> timedelta:
    """How long the run has been at rest."""
    running = (c for c in case.status.conditions if c.type == ConditionType.RUNNING and c.status == "False")
    since = next((from_text(c.last_transition_time) for c in running), None)
    return case.now - since if since is not None else timedelta()


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
