"""The state machine: from what is seen of a pipeline to what is to be done about it. No client, no clock, no await."""

from collections.abc import Mapping
from datetime import datetime

from headrace.lifecycle.actions import AdoptRun, EmitEvent, Needs, Plan, SavePipeline, SaveRun, Step
from headrace.lifecycle.advance import advance
from headrace.lifecycle.case import NO_ROOM, case_of
from headrace.lifecycle.holds import Holds
from headrace.lifecycle.labels import labels_of_run
from headrace.lifecycle.moves import Move, changed, earliest
from headrace.lifecycle.observed import Observed, PipelineSeen, RunSeen
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.queueing import Claim, claim, first, queue, queued
from headrace.lifecycle.remains import remains
from headrace.lifecycle.reporting import pipeline_status
from headrace.lifecycle.rooms import Rooms
from headrace.lifecycle.run_reporting import is_at_work, run_status, with_conditions
from headrace.lifecycle.specification import problem_of
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.model.conditions import ConditionType, Reason
from headrace.model.pipeline import PipelineStatus
from headrace.model.run import RunStatus
from headrace.model.times import to_text


def plan(observed: Observed) -> Plan:
    """What is to be done, in order. With `needs`, that is to be found out first and planned again."""
    pipeline = observed.pipeline
    if pipeline is None or pipeline.deleting:
        return _without_pipeline(observed)
    problem = problem_of(observed)
    rooms = Rooms(observed, pipeline)
    claimant = _claimant(observed, pipeline)
    claimed = claim(observed, pipeline, problem, room=rooms.take(claimant))
    rooms.settle(claimant, claimed.moves.get(claimant.uid) if claimant else None)
    moves = claimed.moves | _others(observed, pipeline, claimed, problem, rooms)
    needs = _needs(moves)
    if needs:
        return Plan(needs=needs)
    statuses = {
        run.uid: run_status(observed, pipeline, run, moves[run.uid]) if run.uid in moves else run.status
        for run in observed.runs
    }
    status = pipeline_status(observed, pipeline, statuses, moves, claimed.active, problem)
    steps, wake = _steps(observed, pipeline, claimed, moves, statuses, status)
    return Plan(
        steps=steps,
        wake_at=earliest(wake, *(move.wake_at for move in moves.values())),
        holds=_holds(observed, pipeline, moves, statuses),
    )


def _holds(
    observed: Observed, pipeline: PipelineSeen, moves: Mapping[str, Move], statuses: Mapping[str, RunStatus]
) -> Holds:
    at_work = {run.uid: run for run in observed.runs if is_at_work(statuses[run.uid])}
    return Holds(
        at_work=frozenset(at_work),
        streams=frozenset(uid for uid in at_work if statuses[uid].stream),
        waits_for_slot=any(m.waits_for_slot and not m.status.stream for m in moves.values()),
        stream_waits_for_slot=any(m.waits_for_slot and m.status.stream for m in moves.values()),
        connections={uid: run.source_of(pipeline) for uid, run in at_work.items()},
        waits_for_source={
            run.uid: run.source_of(pipeline)
            for run in observed.runs
            if run.uid in moves and moves[run.uid].reason == Reason.WAITING_FOR_SOURCE
        },
        put_off=frozenset(uid for uid, move in moves.items() if move.waits_for_slot),
        quiet=frozenset(run.uid for run in observed.runs if _is_quiet(observed, run)),
    )


def _is_quiet(observed: Observed, run: RunSeen) -> bool:
    """A runner that has said how it ended does so at once; of a Job that is not there a pod may be left."""
    said, attempt = observed.progress(run.uid), run.status.job
    if attempt is not None and said.outcome is not None and said.epoch == attempt.epoch:
        return True
    jobs = [job for job in observed.jobs if job.run_uid == run.uid]
    return bool(jobs) and all(job.is_quiet or job.finished for job in jobs)


def _claimant(observed: Observed, pipeline: PipelineSeen) -> RunSeen | None:
    """Who would need a slot: the holder, or else the next in the queue."""
    held_by = pipeline.status.active_run
    if held_by:
        return observed.run(held_by.uid)
    if pipeline.suspend:
        return None
    return next((run for run in queue(observed) if not run.spec.cancel and not run.spec.suspend), None)


def _others(
    observed: Observed, pipeline: PipelineSeen, claimed: Claim, problem: Problem | None, rooms: Rooms
) -> dict[str, Move]:
    """Loads that wait their turn, and reconciles, which run beside them."""
    moves: dict[str, Move] = {}
    ahead = _ahead(observed, pipeline, claimed)
    for run in observed.runs:
        if run.status.phase in FINAL or run.uid in claimed.moves:
            continue
        if run.writes:
            moves[run.uid] = queued(case_of(observed, pipeline, run, room=NO_ROOM), ahead)
            continue
        wants = not run.spec.suspend and not run.spec.cancel
        case = case_of(observed, pipeline, run, room=rooms.take(run) if wants else NO_ROOM)
        moves[run.uid] = advance(case) if run.status.job else first(case, problem)
        rooms.settle(run, moves[run.uid])
    return moves


def _ahead(observed: Observed, pipeline: PipelineSeen, claimed: Claim) -> str | None:
    """For whom loads wait, in words."""
    if claimed.active is None:
        return None
    holder = observed.run(claimed.active.uid)
    is_stream = holder is not None and holder.is_stream_of(pipeline)
    return claimed.active.name + (", a stream, which goes on until it is cancelled" if is_stream else "")


def _needs(moves: Mapping[str, Move]) -> Needs:
    return Needs(
        epoch=any(move.needs.epoch for move in moves.values()),
        pods=frozenset().union(*(move.needs.pods for move in moves.values())),
        ways=frozenset().union(*(move.needs.ways for move in moves.values())),
    )


def _steps(
    observed: Observed,
    pipeline: PipelineSeen,
    claimed: Claim,
    moves: Mapping[str, Move],
    statuses: Mapping[str, RunStatus],
    status: PipelineStatus,
) -> tuple[tuple[Step, ...], datetime | None]:
    adopt: list[Step] = [_adopt(pipeline, run) for run in observed.runs if not run.owned]
    save: list[Step] = [SavePipeline(status=status)] if status != pipeline.status else []
    work: list[Step] = []
    for run in observed.runs:
        move = moves.get(run.uid)
        if move is None:
            continue
        work += (
            [SaveRun(run=run.name, uid=run.uid, status=statuses[run.uid])] if statuses[run.uid] != run.status else []
        )
        work += move.steps
    claims = status.active_run is not None and status.active_run != pipeline.status.active_run
    # The claim is the fence: it stands before anything is done for the run, and falls when all of it is archived.
    ordered = [*adopt, *save, *work] if claims else [*adopt, *work, *claimed.steps, *save]
    clean, wake = remains(observed, statuses, claimed.active, ordered)
    return (*ordered, *clean, *_events(observed, pipeline, status, moves)), wake


def _adopt(pipeline: PipelineSeen, run: RunSeen) -> AdoptRun:
    project = pipeline.spec.project if pipeline.spec else None
    return AdoptRun(run=run.name, uid=run.uid, labels=labels_of_run(tags=run.spec.tags, project=project))


def _events(
    observed: Observed, pipeline: PipelineSeen, status: PipelineStatus, moves: Mapping[str, Move]
) -> list[EmitEvent]:
    events = [
        event
        for run in observed.runs
        if run.uid in moves and moves[run.uid].status != run.status
        for event in moves[run.uid].events
    ]
    before, after = _ready(pipeline.status), _ready(status)
    if after and after[0] == "False" and after != before:
        event = EmitEvent(run=None, uid=pipeline.uid, type="Warning", reason=after[1], message=after[2])
        events.append(event)
    return events


def _ready(status: PipelineStatus) -> tuple[str, str, str] | None:
    ready = (c for c in status.conditions if c.type == ConditionType.READY)
    return next(((c.status, c.reason, c.message) for c in ready), None)


def _without_pipeline(observed: Observed) -> Plan:
    """Runs that name a pipeline that is not there: it may come; those of one that is gone follow it."""
    steps: list[Step] = []
    wake = None
    for run in observed.runs:
        if observed.pipeline is not None or run.owned or run.status.phase in FINAL:
            continue
        move = _orphan(observed, run)
        status = with_conditions(run, move, observed.now)
        wake = earliest(wake, move.wake_at)
        if status != run.status:
            steps += [SaveRun(run=run.name, uid=run.uid, status=status), *move.events]
    return Plan(steps=tuple(steps), wake_at=wake)


def _orphan(observed: Observed, run: RunSeen) -> Move:
    now, deadline = observed.now, run.created_at + observed.limits.pipeline_missing
    text = f"the pipeline '{run.spec.pipeline}' does not exist"
    if now < deadline:
        status = changed(run.status, now, RunPhase.PENDING)
        return Move(status=status, reason=Reason.WAITING_FOR_PIPELINE, message=text, wake_at=deadline)
    status = changed(run.status, now, RunPhase.FAILED, finished_at=to_text(now), error_message=text)
    reason = Reason.PIPELINE_MISSING
    event = EmitEvent(run=run.name, uid=run.uid, type="Warning", reason=reason.value, message=text)
    return Move(status=status, reason=reason, message=text, events=(event,))
