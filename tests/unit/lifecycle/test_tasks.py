"""A run's tasks are its pipeline's nodes, each as the runner measured its stage."""

import pytest

from headrace.errors import InvalidError
from headrace.lifecycle.state import RunPhase
from headrace.lifecycle.tasks import DEFAULT_NODES, check_nodes, counts, nodes_of, tasks_of
from headrace.model.pipeline import PipelineSpec

FILMS = {"name": "films", "target_table": "analytics.film_dim", "source_query": "SELECT 1 AS id"}


def pipeline(nodes, edges=()):
    return PipelineSpec(
        **FILMS,
        nodes=[{"id": name, "type": kind} for name, kind in nodes],
        edges=[{"from": a, "to": b} for a, b in edges],
    )


ORDERS = {
    "none": ([], [], DEFAULT_NODES),
    "in the order of the edges": (
        [("load", "load"), ("clean", "transform"), ("films", "extract")],
        [("films", "clean"), ("clean", "load")],
        (("films", "extract"), ("clean", "transform"), ("load", "load")),
    ),
    "without edges as they were given": ([("b", "sink"), ("a", "source")], [], (("b", "load"), ("a", "extract"))),
    "an unknown type transforms": ([("x", "wash")], [], (("x", "transform"),)),
    "types in any case": ([("x", "Extract"), ("y", "LOAD")], [], (("x", "extract"), ("y", "load"))),
    "an edge that is there twice": (
        [("a", "a"), ("b", "b")],
        [("a", "b")] * 2,
        (("a", "transform"), ("b", "transform")),
    ),
}


@pytest.mark.parametrize(("nodes", "edges", "wanted"), ORDERS.values(), ids=ORDERS.keys())
def test_tasks_come_in_the_order_of_the_edges(nodes, edges, wanted):
    spec = pipeline(nodes, edges)
    check_nodes(spec)
    assert nodes_of(spec) == wanted


FAULTS = {
    "an id twice": ([("a", "x"), ("a", "y")], [], "nodes", "two nodes have the id 'a'"),
    "an edge from nowhere": ([("a", "x")], [("b", "a")], "edges", "edge's from 'b' names no node"),
    "an edge to nowhere": ([("a", "x")], [("a", "b")], "edges", "edge's to 'b' names no node"),
    "edges without nodes": ([], [("extract", "load")], "edges", "edge's from 'extract' names no node"),
    "a node before itself": ([("a", "x")], [("a", "a")], "edges", "edges lead in a circle: a -> a"),
    "a circle": ([("a", "x"), ("b", "x"), ("c", "x")], [("a", "b"), ("b", "c"), ("c", "a")], "edges", "in a circle: "),
}


@pytest.mark.parametrize(("nodes", "edges", "field", "says"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_no_order_is_refused_by_name(nodes, edges, field, says):
    with pytest.raises(InvalidError) as caught:
        check_nodes(pipeline(nodes, edges))
    assert caught.value.field == field
    assert says in caught.value.message


def stages(extract, transform, load):
    return {
        name: {"state": s} for name, s in zip(("extract", "transform", "load"), (extract, transform, load), strict=True)
    }


STATES = {
    "not begun": (RunPhase.PENDING, {}, ["PENDING"] * 3),
    "at work": (RunPhase.RUNNING, stages("SUCCESS", "RUNNING", "RUNNING"), ["SUCCESS", "RUNNING", "RUNNING"]),
    "paused": (RunPhase.PAUSED, stages("SUCCESS", "RUNNING", "PENDING"), ["SUCCESS", "PAUSED", "PENDING"]),
    "done, but its last word lost": (RunPhase.SUCCESS, stages("RUNNING", "RUNNING", "RUNNING"), ["SUCCESS"] * 3),
    "failed where the runner said": (
        RunPhase.FAILED, stages("SUCCESS", "FAILED", "CANCELLED"), ["SUCCESS", "FAILED", "CANCELLED"],
    ),
    "failed without a word": (
        RunPhase.FAILED, stages("RUNNING", "RUNNING", "PENDING"), ["FAILED", "FAILED", "CANCELLED"],
    ),
    "failed before it began": (RunPhase.FAILED, {}, ["CANCELLED"] * 3),
    "cancelled": (RunPhase.CANCELLED, stages("SUCCESS", "RUNNING", "RUNNING"), ["SUCCESS", "CANCELLED", "CANCELLED"]),
}  # fmt: skip


@pytest.mark.parametrize(("phase", "measured", "wanted"), STATES.values(), ids=STATES.keys())
def test_no_task_goes_on_in_a_run_that_does_not(phase, measured, wanted):
    assert [task.state for task in tasks_of(DEFAULT_NODES, phase, measured)] == wanted


def test_a_task_shows_what_was_measured():
    measured = {
        "extract": {"state": "RUNNING", "started_at": "2026-01-01T00:00:00Z", "rows_read": 5, "rows_written": 4}
    }
    (task,) = tasks_of([["films", "extract"]], RunPhase.RUNNING, measured)
    assert (task.name, task.started_at, task.finished_at) == ("films", "2026-01-01T00:00:00Z", None)
    assert (task.rows_read, task.rows_written) == (5, 4)


def test_tasks_are_counted_by_how_they_ended():
    tasks = tasks_of(DEFAULT_NODES, RunPhase.FAILED, stages("SUCCESS", "FAILED", "CANCELLED"))
    found = counts(tasks)
    assert (found.total, found.completed, found.failed) == (3, 1, 1)
