"""Which load holds the pipeline, and what becomes of those that do not."""

from dataclasses import dataclass
from datetime import datetime

from headrace.lifecycle.actions import DropSecret, FinishRun, Step
from headrace.lifecycle.advance import advance
from headrace.lifecycle.attempts import start
from headrace.lifecycle.case import Case, Room, case_of
from headrace.lifecycle.moves import Move, ended, record, waits, waits_for_mending
from headrace.lifecycle.observed import Observed, PipelineSeen, RunSeen
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.model.conditions import Reason
from headrace.model.pipeline import RunReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who holds the pipeline, as it will be."""

    active: RunReference | None
    moves: dict[str, Move]
    """Of the holder, if it is still at it."""
    steps: tuple[Step, ...] = ()
    """What the store must know before the claim is let go."""


def claim(observed: Observed, pipeline: PipelineSeen, problem: Problem | None, *, room: Room) -> Claim:
    """Settles who holds the pipeline, and what that run does."""
    held_by = pipeline.status.active_run
    if held_by is None:
        return _next_claim(observed, pipeline, problem, room=room)
    holder = observed.run(held_by.uid)
    if holder is None:
        return _let_go(observed, held_by)
    if holder.status.phase in FINAL:
        steps = (record(holder, holder.status), DropSecret(uid=holder.uid)) if observed.store else ()
        return Claim(active=None if observed.store else held_by, moves={}, steps=steps)
    case = case_of(observed, pipeline, holder, room=room)
    move = advance(case) if holder.status.job else first(case, problem)
    done = move.is_final and observed.store is not None
    idle = move.status.job is None and not move.is_final
    # The claim falls last: who dies before finds it, and drops the Secret then.
    drop = (DropSecret(uid=holder.uid),) if done and move.status.job else ()
    return Claim(active=None if done or idle else held_by, moves={holder.uid: move}, steps=drop)


def _let_go(observed: Observed, held_by: RunReference) -> Claim:
    """The holder's resource was deleted; its Job follows it."""
    if observed.store is None:
        return Claim(active=held_by, moves={})
    finish = FinishRun(uid=held_by.uid, phase=RunPhase.CANCELLED.value, finished_at=observed.now)
    return Claim(active=None, moves={}, steps=(finish,))


def _next_claim(observed: Observed, pipeline: PipelineSeen, problem: Problem | None, *, room: Room) -> Claim:
    for run in queue(observed):
        case = case_of(observed, pipeline, run, room=room)
        if run.spec.cancel or case.held:
            continue
        move = first(case, problem)
        if move.is_final:
            # It fails before it starts; the next reconcile looks at the one behind it.
            return Claim(active=None, moves={run.uid: move})
        reference = RunReference(name=run.name, uid=run.uid)
        return Claim(active=reference if move.status.job else None, moves={run.uid: move})
    return Claim(active=None, moves={})


def first(case: Case, problem: Problem | None) -> Move:
    """A run without an attempt whose turn it is."""
    if case.run.spec.cancel:
        return ended(case, RunPhase.CANCELLED, Reason.RUN_CANCELLED, case.run.spec.cancel_reason)
    if _asks_for_nothing(case):
        return _refused(case)
    if case.held:
        return held(case)
    if problem is not None and not problem.waits:
        return ended(case, RunPhase.FAILED, problem.reason, problem.message)
    if case.status.job is not None:
        return advance(case)
    return start(case) if problem is None else waits_for_mending(case, problem)


def queued(case: Case, ahead: str | None) -> Move:
    """A load that does not hold the pipeline."""
    if case.run.spec.cancel:
        return ended(case, RunPhase.CANCELLED, Reason.RUN_CANCELLED, case.run.spec.cancel_reason)
    if _asks_for_nothing(case):
        return _refused(case)
    if case.held:
        return held(case)
    return waits(case, Reason.RUN_WAITING, f"waits for {ahead}" if ahead else "")


def _asks_for_nothing(case: Case) -> bool:
    """Whether it can't be read, which no waiting mends; what has begun keeps what it began with."""
    return bool(case.run.problem) and case.status.job is None


def _refused(case: Case) -> Move:
    return ended(case, RunPhase.FAILED, Reason.INVALID_SPEC, case.run.problem)


def held(case: Case) -> Move:
    """It is not to be at work, and has never been."""
    own = case.run.spec.suspend and case.status.started_at is None
    return waits(case, Reason.WAITING_FOR_START if own and not case.status.job else Reason.PAUSED)


def queue(observed: Observed) -> list[RunSeen]:
    """Loads that are not over, in their order; one that has a Job goes first, whatever happened to its claim."""
    waiting = [run for run in observed.runs if run.writes and run.status.phase not in FINAL]
    return sorted(waiting, key=lambda run: (run.status.job is None, *_order(run)))


def _order(run: RunSeen) -> tuple[datetime, str]:
    return run.created_at, run.name
