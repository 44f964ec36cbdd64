"""What a run says about itself besides where it stands: its conditions, its tasks, and how far a stream has come."""

from datetime import datetime

from headrace.lifecycle.conditions import condition_at
from headrace.lifecycle.moves import Move
from headrace.lifecycle.observed import Observed, PipelineSeen, RunSeen
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.lifecycle.streams import has_caught_up_since, is_in_step
from headrace.lifecycle.tasks import Node, nodes_if_valid, stages_of, tasks_of
from headrace.model.conditions import Condition, ConditionType, Reason, merge
from headrace.model.run import RunStatus
from headrace.model.times import to_text


def run_status(observed: Observed, pipeline: PipelineSeen, run: RunSeen, move: Move) -> RunStatus:
    """The run's status, as it will be."""
    status = with_conditions(run, move, observed.now, _caught_up(observed, run, move.status))
    if run.writes and status.job is not None and _has_moved(run.status, status):
        # While the store is away nobody tells of them: they are as they were.
        stages = observed.progress(run.uid).stages or stages_of(run.status.tasks)
        status = status.model_copy(update={"tasks": tasks_of(_nodes(run, pipeline), _phase(status), stages)})
    return status if status == run.status else _with_caught_up_at(observed, run, status)


def with_conditions(run: RunSeen, move: Move, now: datetime, caught_up: list[Condition] | None = None) -> RunStatus:
    """The status of a move, with conditions and observed generation."""
    status, reason, message = move.status, move.reason, move.message
    final = status.phase in FINAL
    suspended = not final and reason in {Reason.PAUSED, Reason.WAITING_FOR_START}
    failed = status.phase in {RunPhase.FAILED, RunPhase.CANCELLED}
    parts = [
        (ConditionType.RUNNING, is_at_work(status), reason, message),
        (ConditionType.SUSPENDED, suspended, reason if suspended else Reason.NOT_SUSPENDED, ""),
        (ConditionType.COMPLETE, status.phase == RunPhase.SUCCESS, reason, message),
        (ConditionType.FAILED, failed, reason, message),
    ]
    new = [condition_at(*part, now, run.generation) for part in parts] + (caught_up or [])
    return status.model_copy(
        update={"conditions": merge(run.status.conditions, new), "observed_generation": run.generation}
    )


def is_at_work(status: RunStatus) -> bool:
    """Whether it has a pod, or is about to."""
    return bool(status.job and status.job.active) and status.phase not in FINAL


def _has_moved(old: RunStatus, new: RunStatus) -> bool:
    return old.phase != new.phase or old.job is None


def _phase(status: RunStatus) -> RunPhase:
    return RunPhase(status.phase or RunPhase.PENDING)


def _nodes(run: RunSeen, pipeline: PipelineSeen) -> tuple[Node, ...]:
    """Those that it started with: an edit does not touch a run."""
    kept = tuple((task.name, task.stage) for task in run.status.tasks)
    return kept or nodes_if_valid(pipeline.spec)


def _caught_up(observed: Observed, run: RunSeen, status: RunStatus) -> list[Condition]:
    """Of a stream at work: is it in step? As it was, where that can't be told."""
    if not (status.stream and is_at_work(status)):
        return []
    store = observed.store
    in_step = is_in_step(store.now, observed.progress(run.uid)) if store else None
    if in_step is None:
        return [c for c in run.status.conditions if c.type == ConditionType.CAUGHT_UP]
    reason = Reason.IN_STEP if in_step else Reason.LAGGING
    return [condition_at(ConditionType.CAUGHT_UP, in_step, reason, "", observed.now, run.generation)]


def _with_caught_up_at(observed: Observed, run: RunSeen, status: RunStatus) -> RunStatus:
    """What is written anyhow takes along how far a stream has come."""
    seen, progress = observed.progress(run.uid).caught_up_at, status.progress
    if not status.stream or seen is None or progress is None:
        return status
    if not has_caught_up_since(seen, progress.caught_up_at):
        return status
    return status.model_copy(update={"progress": progress.model_copy(update={"caught_up_at": to_text(seen)})})
