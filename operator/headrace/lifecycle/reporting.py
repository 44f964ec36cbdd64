"""What a pipeline says about itself: its whole status."""

from collections.abc import Mapping
from datetime import datetime

from headrace import names
from headrace.lifecycle.conditions import condition_at
from headrace.lifecycle.moves import Move, of_rows
from headrace.lifecycle.observed import Observed, PipelineSeen, RunSeen
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.specification import configuration_hash
from headrace.lifecycle.state import FINAL, Phase, PipelineView, RunPhase, RunView, pipeline_phase
from headrace.model.conditions import SOURCE_ROLE, Condition, ConditionType, Reason, merge
from headrace.model.pipeline import Checkpoint, LastRun, PipelineStatus, RunReference
from headrace.model.run import RunStatus
from headrace.model.times import from_text, to_text


def run_view(run: RunSeen, status: RunStatus) -> RunView:
    """What the pipeline's state depends on of a run, as it will be."""
    return RunView(
        uid=run.uid,
        name=run.name,
        kind=run.spec.kind.value,
        created_at=to_text(run.created_at),
        suspend=run.spec.suspend,
        cancel=run.spec.cancel,
        phase=RunPhase(status.phase or RunPhase.PENDING),
        at_work=bool(status.job and status.job.active),
        started=bool(status.started_at),
    )


def pipeline_status(
    observed: Observed,
    pipeline: PipelineSeen,
    statuses: Mapping[str, RunStatus],
    moves: Mapping[str, Move],
    active: RunReference | None,
    problem: Problem | None,
) -> PipelineStatus:
    """The pipeline's status, as it will be."""
    old, now = pipeline.status, to_text(observed.now)
    last = last_run(observed, pipeline, statuses, active)
    view = PipelineView(
        suspend=pipeline.suspend,
        enabled=pipeline.enabled,
        last_run_phase=RunPhase(last.phase) if last and last.phase else None,
    )
    phase = pipeline_phase(view, [run_view(run, statuses[run.uid]) for run in observed.runs])
    suspend_moved = old.suspend_observed is not None and old.suspend_observed != pipeline.suspend
    digest = configuration_hash(pipeline.spec) if pipeline.spec else old.configuration_hash
    changed = old.configuration_hash is not None and digest != old.configuration_hash
    new = old.model_copy(
        update={
            "phase": phase.value,
            "observed_generation": pipeline.generation,
            "active_run": active,
            "last_run": last,
            "dead_letters": _dead_letters(observed, old),
            "checkpoint": _checkpoint(observed, old, active, phase),
            "configuration_hash": digest,
            "configuration_changed_at": _moved(
                old.configuration_changed_at, pipeline.updated_at, now, moved=changed, first=pipeline.created_at
            ),
            "suspend_observed": pipeline.suspend,
            "suspend_changed_at": _moved(
                old.suspend_changed_at, pipeline.state_changed_at, now, moved=suspend_moved, first=None
            ),
        }
    )
    conditions = _conditions(observed, pipeline, new, moves, problem)
    return new.model_copy(update={"conditions": merge(old.conditions, conditions)})


def last_run(
    observed: Observed, pipeline: PipelineSeen, statuses: Mapping[str, RunStatus], active: RunReference | None
) -> LastRun | None:
    """What outlives the resources of runs: the active load, or else the one that ended last."""
    old = pipeline.status.last_run
    sequence = max([old.sequence if old else 0, *[names.run_sequence(pipeline.uid, r.name) for r in observed.runs]])
    # A run that ended before the pipeline was there named one that was missing.
    loads = [run for run in observed.runs if run.writes and not _ended_earlier(statuses[run.uid], pipeline)]
    chosen = next((run for run in loads if active and run.uid == active.uid), None)
    if chosen is None:
        ended = [run for run in loads if statuses[run.uid].phase in FINAL]
        chosen = max(ended, key=lambda run: (statuses[run.uid].finished_at or "", run.name), default=None)
        if chosen and old and old.uid != chosen.uid and _ended_before(statuses[chosen.uid], old):
            chosen = None
    if chosen is None:
        return _kept(observed, old, active, sequence) if old else None
    new = _last(chosen, statuses[chosen.uid], sequence)
    # Counts alone are not worth a write: they follow with the phase.
    if old and (old.uid, old.phase, old.sequence) == (new.uid, new.phase, new.sequence):
        return old
    return new


def _kept(observed: Observed, old: LastRun, active: RunReference | None, sequence: int) -> LastRun:
    """What is known of a run whose resource is gone; its deletion cancelled it, if it held the pipeline."""
    held_by = observed.pipeline.status.active_run if observed.pipeline else None
    let_go = active is None and held_by is not None and held_by.uid == old.uid
    update: dict[str, object] = {"sequence": sequence}
    if let_go and all(run.uid != old.uid for run in observed.runs):
        moment = to_text(observed.now)
        update |= {"phase": RunPhase.CANCELLED.value, "finished_at": moment, "last_transition_time": moment}
    return old.model_copy(update=update)


def _ended_earlier(status: RunStatus, pipeline: PipelineSeen) -> bool:
    finished = from_text(status.finished_at)
    return finished is not None and finished < pipeline.created_at


def _ended_before(status: RunStatus, old: LastRun) -> bool:
    return (status.finished_at or "") <= (old.finished_at or old.started_at or old.last_transition_time or "")


def _last(run: RunSeen, status: RunStatus, sequence: int) -> LastRun:
    progress = status.progress
    return LastRun(
        name=run.name,
        uid=run.uid,
        kind=run.spec.kind.value,
        sequence=sequence,
        phase=status.phase or RunPhase.PENDING.value,
        started_at=status.started_at,
        finished_at=status.finished_at,
        last_transition_time=status.last_transition_time,
        rows_read=progress.rows_read if progress else 0,
        rows_written=progress.rows_written if progress else 0,
        bad_rows=progress.bad_rows if progress else 0,
        error_message=status.error_message,
    )


def _dead_letters(observed: Observed, old: PipelineStatus) -> int:
    """How many there are: only runs change that, and it is counted when one has an outcome."""
    seen = observed.progress(old.active_run.uid) if old.active_run else None
    return old.dead_letters if seen is None or seen.dead_letters is None else seen.dead_letters


def _checkpoint(
    observed: Observed, old: PipelineStatus, active: RunReference | None, phase: Phase
) -> Checkpoint | None:
    """A copy for people, renewed when a run has stopped or ended."""
    holder = old.active_run or active
    seen = observed.progress(holder.uid) if holder else None
    if seen is None or (seen.last_key is None and seen.last_value is None):
        return old.checkpoint
    if active is not None and phase != Phase.PAUSED:
        return old.checkpoint
    if old.checkpoint and (old.checkpoint.last_key, old.checkpoint.last_value) == (seen.last_key, seen.last_value):
        return old.checkpoint
    return Checkpoint(
        last_key=seen.last_key, last_value=seen.last_value, updated_at=to_text(seen.seen_at or observed.now)
    )


def _moved(old: str | None, told: datetime | None, now: str, *, moved: bool, first: datetime | None) -> str | None:
    """When something changed: as the API told it, if that is news, else now.

    What the API told is taken note of in any case: else it would still be news when somebody else makes a change.
    """
    before = from_text(old) or first
    if told and (before is None or told > before):
        return to_text(told)
    if moved:
        return now
    return old or (to_text(first) if first else None)


def _conditions(
    observed: Observed,
    pipeline: PipelineSeen,
    status: PipelineStatus,
    moves: Mapping[str, Move],
    problem: Problem | None,
) -> list[Condition]:
    now, generation = observed.now, pipeline.generation
    ready, why = (problem.reason, problem.message) if problem else (Reason.VALID, "")
    running, run_reason, run_message = _running(observed, status, moves)
    suspended = Reason.PAUSED if pipeline.suspend else Reason.NOT_SUSPENDED if pipeline.enabled else Reason.DISABLED
    degraded, degraded_reason, degraded_message = _degraded(observed, status, moves)
    return [
        condition_at(ConditionType.READY, problem is None, ready, why, now, generation),
        condition_at(ConditionType.RUNNING, running, run_reason, run_message, now, generation),
        condition_at(ConditionType.SUSPENDED, suspended != Reason.NOT_SUSPENDED, suspended, "", now, generation),
        condition_at(ConditionType.DEGRADED, degraded, degraded_reason, degraded_message, now, generation),
        *_source_read_only(observed, pipeline, status, moves),
        *_project_found(observed, pipeline),
    ]


def _running(observed: Observed, status: PipelineStatus, moves: Mapping[str, Move]) -> tuple[bool, Reason, str]:
    loads = [run for run in observed.runs if run.writes and run.uid in moves and not moves[run.uid].is_final]
    active = next((run for run in loads if status.active_run and run.uid == status.active_run.uid), None)
    waiting = [run for run in loads if moves[run.uid].reason != Reason.WAITING_FOR_START]
    shown = active or next(iter(waiting), None)
    if shown is None:
        return False, Reason.NO_RUN, ""
    move = moves[shown.uid]
    at_work = bool(move.status.job and move.status.job.active)
    return at_work, move.reason, f"{shown.name}: {move.message or move.reason.sentence}"


def _degraded(observed: Observed, status: PipelineStatus, moves: Mapping[str, Move]) -> tuple[bool, Reason, str]:
    last = status.last_run
    if last is None:
        return False, Reason.HEALTHY, ""
    if last.phase == RunPhase.FAILED:
        return True, Reason.RUN_FAILED, last.error_message or ""
    notes = {name: text for name, text in _notes(observed, last, moves).items() if name not in SOURCE_ROLE}
    bad = f"{of_rows(status.dead_letters)} refused by the target and put aside as dead letters"
    texts = [bad] if status.dead_letters else []
    texts += [f"{name}: {text}" for name, text in sorted(notes.items())]
    if texts:
        return True, Reason.BAD_ROWS if status.dead_letters else Reason.NEEDS_ATTENTION, "; ".join(texts)
    return False, Reason.SUCCEEDED if last.phase == RunPhase.SUCCESS else Reason.HEALTHY, ""


def _source_read_only(
    observed: Observed, pipeline: PipelineSeen, status: PipelineStatus, moves: Mapping[str, Move]
) -> list[Condition]:
    """As the last run found it; as it was while that has not ended, or did not get so far."""
    notes = _notes(observed, status.last_run, moves)
    for reason, is_so in SOURCE_ROLE.items():
        if reason in notes:
            type_, text = ConditionType.SOURCE_READ_ONLY, notes[reason]
            return [condition_at(type_, is_so, reason, text, observed.now, pipeline.generation)]
    return [c for c in pipeline.status.conditions if c.type == ConditionType.SOURCE_READ_ONLY]


def _project_found(observed: Observed, pipeline: PipelineSeen) -> list[Condition]:
    """Only of a pipeline that names one."""
    found = observed.project_exists
    if found is None:
        return []
    name = pipeline.spec.project if pipeline.spec else None
    text = f"there is no project '{name}'" if name and not found else ""
    reason = Reason.PROJECT_EXISTS if found else Reason.PROJECT_MISSING
    return [condition_at(ConditionType.PROJECT_FOUND, found, reason, text, observed.now, pipeline.generation)]


def _notes(observed: Observed, last: LastRun | None, moves: Mapping[str, Move]) -> Mapping[str, str]:
    """What the runner of the last run noted."""
    run = next((run for run in observed.runs if last and run.uid == last.uid), None)
    if run is None:
        return {}
    return (moves[run.uid].status if run.uid in moves else run.status).notes
