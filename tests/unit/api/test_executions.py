"""Runs as the platform family shows them."""

from datetime import UTC, datetime

import pytest

from headrace.lifecycle.state import RunPhase
from headrace.store.records import RunRecord
from headrace_api.bodies.platform_run import PlatformRun
from headrace_api.bodies.stream import Stream
from headrace_api.bodies.task import Task
from headrace_api.translate.executions import Execution, is_stream, show_task
from headrace_api.translate.streams import caught_up_at, lag_seconds, show_stream

UID, RUN_ID, PROJECT = "5f3c1a52-7c1e-4f0e-9d49-0f8f5f7a2b61", "0c1f7a3e-3d8b-4a0e-8a54-6f1f0d9f7c10", "p-1"
CREATED = "2026-03-01T12:00:00Z"
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAGES = {
    "extract": {"state": "SUCCESS", "started_at": CREATED, "finished_at": CREATED, "rows_read": 9, "rows_written": 9},
    "transform": {"state": "RUNNING", "started_at": CREATED, "rows_read": 9, "rows_written": 7},
}


def pipeline(**spec):
    metadata = {"name": "films-1", "uid": UID, "creationTimestamp": CREATED}
    return {"metadata": metadata, "spec": {"name": "films", "targetTable": "a.b", "sourceQuery": "SELECT 1", **spec}}


def run(*, status=None, labels=None, **spec):
    metadata = {"name": "r-1", "uid": RUN_ID, "creationTimestamp": CREATED, "labels": labels or {}}
    return {"metadata": metadata, "spec": {"pipeline": "films-1", **spec}, "status": status or {}}


def record(**fields):
    defaults = {"kind": "Load", "status": "SUCCESS", "created_at": MOMENT}
    return RunRecord(
        run_id=RUN_ID, installation="i", namespace="n", pipeline_uid=UID, pipeline_name="films-1", run_name="r-1",
        **{**defaults, **fields},
    )  # fmt: skip


def execution(resource=None, stored=None, **spec):
    return Execution(pipeline=pipeline(**spec), project_id=PROJECT, run=resource, record=stored)


def test_a_run_that_was_made_shows_what_was_asked_for():
    made = run(suspend=True, params={"day": "2026-03-01"}, tags=["a"])
    shown = execution(made).shown()
    assert PlatformRun.model_validate(shown).model_dump(mode="json") == shown
    assert shown == {
        "id": RUN_ID, "project_id": PROJECT, "pipeline_id": UID, "kind": "Load", "state": "PENDING",
        "params": {"day": "2026-03-01"}, "tags": ["a"], "created_at": CREATED, "started_at": None, "finished_at": None,
        "progress": {"total_tasks": 3, "completed_tasks": 0, "failed_tasks": 0, "rows_read": 0, "rows_written": 0},
        "error_message": None, "cancel_reason": None, "schedule_id": None, "due_at": None, "timeout_seconds": None,
    }  # fmt: skip


def test_a_run_whose_resource_is_gone_shows_what_the_store_kept():
    stored = record(
        params={"a": 1}, tags={"team": "x"}, cancel_reason="no", schedule_uid="s-1", due_at=MOMENT, started_at=MOMENT,
        finished_at=MOMENT, status="CANCELLED", rows_read=9, rows_written=7, nodes=[["in", "extract"]], stages=STAGES,
    )  # fmt: skip
    shown = execution(stored=stored).shown()
    assert PlatformRun.model_validate(shown).model_dump(mode="json") == shown
    assert shown["progress"] == {
        "total_tasks": 1, "completed_tasks": 1, "failed_tasks": 0, "rows_read": 9, "rows_written": 7
    }  # fmt: skip
    kept = {"params": {"a": 1}, "tags": {"team": "x"}, "cancel_reason": "no", "schedule_id": "s-1", "due_at": CREATED}
    assert shown.items() >= kept.items()


def test_the_resource_decides_while_it_is_there():
    labels = {"headrace.dev/schedule": "s-1"}
    status = {"phase": "RUNNING", "startedAt": CREATED, "progress": {"rowsRead": 3}}
    seen = run(status=status, labels=labels, dueAt=CREATED, timeoutSeconds=5, cancelReason="why")
    shown = execution(seen, record(status="PENDING", rows_read=9, stages=STAGES)).shown()
    assert (shown["state"], shown["started_at"], shown["progress"]["rows_read"]) == ("RUNNING", CREATED, 9)
    assert (shown["schedule_id"], shown["due_at"], shown["timeout_seconds"]) == ("s-1", CREATED, 5)
    assert shown["cancel_reason"] == "why"


def names_and_states(shown):
    return [(task.name, task.state) for task in shown.tasks()]


def test_tasks_are_measured_by_the_store_then_noted_in_the_resource_then_the_pipelines():
    nodes = [{"id": "in", "type": "source"}, {"id": "out", "type": "sink"}]
    noted = [{"name": "a", "stage": "extract", "state": "SUCCESS", "rowsRead": 4, "startedAt": CREATED}]
    running = {"phase": "RUNNING", "tasks": noted}
    assert names_and_states(execution(run(), nodes=nodes)) == [("in", "PENDING"), ("out", "PENDING")]
    assert names_and_states(execution(run(status=running), nodes=nodes)) == [("a", "SUCCESS")]
    stored = record(nodes=[["x", "extract"], ["y", "transform"], ["z", "load"]], stages=STAGES)
    measured = [("x", "SUCCESS"), ("y", "RUNNING"), ("z", "PENDING")]
    assert names_and_states(execution(run(status=running), stored, nodes=nodes)) == measured


def test_a_pipeline_whose_nodes_break_a_rule_has_the_usual_tasks():
    circle = {"nodes": [{"id": "a", "type": "x"}], "edges": [{"from": "a", "to": "a"}]}
    for spec in (circle, {"nodes": [{"id": ""}]}):
        assert [name for name, _ in names_and_states(execution(run(), **spec))] == ["extract", "transform", "load"]


def test_a_task_is_shown_without_what_measures_it():
    (task,) = execution(run(status={"tasks": [{"name": "a", "stage": "load", "state": "FAILED"}]})).tasks()
    shown = show_task(task)
    assert Task.model_validate(shown).model_dump(mode="json") == shown
    assert shown.keys() == set(Task.model_fields)


INCREMENTAL = {"mode": "incremental", "incrementalKey": "m"}
STREAMING = {"mode": "streaming", "incrementalKey": "m"}
BEGUN = {"phase": "RUNNING", "startedAt": CREATED}


@pytest.mark.parametrize(
    ("spec", "resource", "expected"),
    [
        ({}, run(), False),
        ({}, run(stream=True), False),
        (INCREMENTAL, run(), False),
        (INCREMENTAL, run(stream=True), True),
        (STREAMING, run(), True),
        (STREAMING, run(kind="Reconcile"), False),
        # The operator has said so once it has begun: the pipeline may have changed since.
        (STREAMING, run(status=BEGUN), False),
        ({}, run(status={**BEGUN, "stream": True}), True),
        (INCREMENTAL, run(stream=True, status={"phase": "CANCELLED", "stream": True}), True),
    ],
)
def test_what_goes_on_until_it_is_stopped_is_a_stream(spec, resource, expected):
    assert is_stream(pipeline(**spec), resource) is expected
    assert execution(resource, **spec).is_stream is expected


def test_what_was_a_stream_stays_one_in_the_store():
    assert execution(stored=record(is_stream=True)).is_stream
    assert not execution(stored=record()).is_stream


def test_a_stream_is_shown_with_how_far_it_is_behind():
    status = {**BEGUN, "stream": True, "progress": {"rowsRead": 3, "caughtUpAt": "2026-03-01T11:59:58Z"}}
    stream = execution(run(status=status))
    shown = show_stream(stream, "/api/v1", 1.5)
    assert Stream.model_validate(shown).model_dump(mode="json") == shown
    assert shown["status_url"] == f"/api/v1/stream/status?execution_id={RUN_ID}"
    assert (shown["state"], shown["rows_read"], shown["lag_seconds"]) == (RunPhase.RUNNING, 3, 1.5)
    assert caught_up_at(stream) == datetime(2026, 3, 1, 11, 59, 58, tzinfo=UTC)


def test_a_lag_is_never_negative_and_not_known_before_the_first_catch_up():
    assert lag_seconds(MOMENT, datetime(2026, 3, 1, 11, 59, 58, 500_000, tzinfo=UTC)) == 1.5
    assert lag_seconds(MOMENT, datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)) == 0
    assert lag_seconds(MOMENT, None) is None


def test_a_reconcile_has_no_tasks():
    """It moves no rows: its resource has none either."""
    for one in (
        execution(run(kind="Reconcile", status={"phase": "SUCCESS"})),
        execution(stored=record(kind="Reconcile")),
    ):
        assert one.tasks() == []
        assert one.shown()["progress"]["total_tasks"] == 0
