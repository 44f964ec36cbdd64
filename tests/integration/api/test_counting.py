"""Figures about runs: what the store has counted, and runs that it does not have yet."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from headrace.store.records import RunRecord
from headrace.store.store import Store
from headrace_api.counting import run_figures
from headrace_api.found import Found

SCOPE = ("i", "n")
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def found(*runs):
    pipeline = {"metadata": {"name": "p", "uid": str(uuid4())}, "spec": {"name": "p"}}
    return Found(pipeline, list(runs))


def run(uid, phase=None, **spec):
    metadata = {"name": uid, "uid": uid, "creationTimestamp": "2026-03-01T12:00:00Z"}
    return {"metadata": metadata, "spec": {"pipeline": "p", **spec}, "status": {"phase": phase} if phase else {}}


def record(pipeline, status, *, seconds=None, uid=None):
    ended = {} if seconds is None else {"started_at": BEGAN, "finished_at": BEGAN + timedelta(seconds=seconds)}
    return RunRecord(
        run_id=uid or str(uuid4()), installation="i", namespace="n", pipeline_uid=pipeline.id, pipeline_name="p",
        run_name="r", kind="Load", status=status, created_at=BEGAN, **ended,
    )  # fmt: skip


async def test_runs_are_counted_once_whoever_knows_them(store_database):
    store = Store(store_database)
    both = str(uuid4())
    pipeline = found(run(both), run(str(uuid4()), suspend=True), run(str(uuid4()), kind="Reconcile"))
    other = found()
    saved = [
        record(pipeline, "RUNNING", uid=both),
        record(pipeline, "SUCCESS", seconds=1),
        record(pipeline, "SUCCESS", seconds=2),
        record(pipeline, "FAILED", seconds=4),
        record(pipeline, "CANCELLED", seconds=100),
        record(other, "SUCCESS", seconds=1),
    ]
    for one in saved:
        await store.save_run(one)
    figures = await run_figures(store, SCOPE, [pipeline])
    nothing = await run_figures(store, SCOPE, [])
    await store.close()
    by_state = {"PENDING": 1, "RUNNING": 1, "PAUSED": 0, "SUCCESS": 2, "FAILED": 1, "CANCELLED": 1}
    assert figures == {
        "total_runs": 6,
        "runs_by_state": by_state,
        "success_rate": 0.666667,
        "average_run_seconds": 2.333,
    }
    assert nothing == {
        "total_runs": 0,
        "runs_by_state": dict.fromkeys(by_state, 0),
        "success_rate": None,
        "average_run_seconds": None,
    }
