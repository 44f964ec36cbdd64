"""A run's tasks: the nodes of its pipeline, or extract, transform and load; measured by the runner as three stages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from headrace.errors import InvalidError
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.model.pipeline import PipelineSpec
from headrace.model.run import RunTask

EXTRACT, TRANSFORM, LOAD = STAGES = ("extract", "transform", "load")
_STAGE_OF_TYPE = {
    **dict.fromkeys(("extract", "source", "read", "query"), EXTRACT),
    **dict.fromkeys(("load", "target", "sink", "write", "destination"), LOAD),
}
Node = tuple[str, str]
"""A task's name, and the stage that measures it."""
DEFAULT_NODES: tuple[Node, ...] = tuple((stage, stage) for stage in STAGES)
_OPEN = frozenset({"PENDING", "RUNNING"})
_STATE_OF = {RunPhase.PAUSED.value: RunPhase.RUNNING.value}
"""What the runner had said, where it was the run's phase that made another state of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounts:
    """How far a run is, in tasks."""

    total: int
    completed: int
    failed: int


def check_nodes(spec: PipelineSpec) -> None:
    """Raises InvalidError for an id that is there twice, an edge that names none, and edges that lead in a circle."""
    ids = [node.id for node in spec.nodes]
    for name in ids:
        if ids.count(name) > 1:
            raise InvalidError(f"two nodes have the id '{name}'", field="nodes")
    for edge in spec.edges:
        for side, name in (("from", edge.from_), ("to", edge.to)):
            if name not in ids:
                raise InvalidError(f"an edge's {side} '{name}' names no node", field="edges")
    try:
        _order(spec)
    except CycleError as error:
        raise InvalidError(f"the edges lead in a circle: {' -> '.join(error.args[1])}", field="edges") from None


def nodes_of(spec: PipelineSpec) -> tuple[Node, ...]:
    """The tasks of a valid specification, in the order of its edges."""
    stages = {node.id: stage_of(node.type) for node in spec.nodes}
    return tuple((name, stages[name]) for name in _order(spec)) or DEFAULT_NODES


def nodes_if_valid(spec: PipelineSpec | None) -> tuple[Node, ...]:
    """The tasks of any specification: where it can't be run, what all pipelines do."""
    try:
        return nodes_of(spec) if spec else DEFAULT_NODES
    except (CycleError, KeyError):
        return DEFAULT_NODES


def stage_of(type_: str) -> str:
    """The stage that a node of this type is measured by."""
    return _STAGE_OF_TYPE.get(type_.lower(), TRANSFORM)


def tasks_of(nodes: Iterable[Sequence[str]], phase: RunPhase, stages: Mapping[str, Mapping[str, Any]]) -> list[RunTask]:
    """The tasks of a run in `phase`, as the runner last measured its stages; nothing of them while it has not begun."""
    return [_task(name, stage, phase, stages.get(stage) or {}) for name, stage in nodes]


def stages_of(tasks: Iterable[RunTask]) -> dict[str, dict[str, Any]]:
    """The stages that tasks were made from, as far as these still tell."""
    return {task.stage: {**task.model_dump(), "state": _STATE_OF.get(task.state, task.state)} for task in tasks}


def counts(tasks: Sequence[RunTask]) -> TaskCounts:
    """How many there are, have ended well, and have failed."""
    states = [task.state for task in tasks]
    return TaskCounts(
        total=len(states),
        completed=states.count(RunPhase.SUCCESS),
        failed=states.count(RunPhase.FAILED),
    )


def _order(spec: PipelineSpec) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter({node.id: () for node in spec.nodes})
    for edge in spec.edges:
        sorter.add(edge.to, edge.from_)
    return list(sorter.static_order())


def _task(name: str, stage: str, phase: RunPhase, measured: Mapping[str, Any]) -> RunTask:
    return RunTask(
        name=name,
        stage=stage,
        state=_state(phase, str(measured.get("state") or RunPhase.PENDING)),
        started_at=measured.get("started_at"),
        finished_at=measured.get("finished_at"),
        rows_read=measured.get("rows_read") or 0,
        rows_written=measured.get("rows_written") or 0,
    )


def _state(phase: RunPhase, measured: str) -> str:
    """What the runner said last, but no task goes on in a run that does not."""
    if phase == RunPhase.SUCCESS:
        return RunPhase.SUCCESS.value
    if measured not in _OPEN:
        return measured
    if phase in FINAL:
        return (RunPhase.FAILED if phase == RunPhase.FAILED and measured == "RUNNING" else RunPhase.CANCELLED).value
    return RunPhase.PAUSED.value if phase == RunPhase.PAUSED and measured == "RUNNING" else measured
