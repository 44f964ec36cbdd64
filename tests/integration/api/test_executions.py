"""Runs of all pipelines, from the store and from resources: each is listed once, wherever it is on its way."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from headrace.lifecycle.state import RunPhase
from headrace.store.records import RunRecord
from headrace.store.store import Store
from headrace_api.resources import Resources
from headrace_api.services.executions import Executions, Wanted

SCOPE = ("i", "n")
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
PIPELINE, RUN = str(uuid4()), str(uuid4())
CLAIMED, FREE = {"activeRun": {"name": "r", "uid": RUN}}, {}
WORKING = {"phase": "RUNNING", "startedAt": "2026-03-01T12:00:01Z", "job": {"name": "j"}}
ENDED = {**WORKING, "phase": "SUCCESS", "finishedAt": "2026-03-01T12:00:02Z"}
NEVER_BEGAN = {"phase": "CANCELLED", "finishedAt": "2026-03-01T12:00:02Z"}


def record(status, *, uid=RUN, pipeline=PIPELINE):
    is_over = status in {"SUCCESS", "CANCELLED"}
    return RunRecord(
        run_id=uid, installation="i", namespace="n", pipeline_uid=pipeline, pipeline_name="p", run_name="r",
        kind="Load", status=status, created_at=BEGAN, finished_at=BEGAN + timedelta(seconds=2) if is_over else None,
    )  # fmt: skip


def resources(*, claim, run):
    """Mirrors that are up to date, of a pipeline and perhaps its run."""
    there = Resources(None)
    made = {"resourceVersion": "1", "creationTimestamp": "2026-03-01T12:00:00Z"}
    spec = {"name": "films", "targetTable": "a.b", "sourceQuery": "SELECT 1"}
    there.pipelines.mirror.put({"metadata": {"name": "p", "uid": PIPELINE, **made}, "spec": spec, "status": claim})
    if run is not None:
        there.runs.mirror.put({"metadata": {"name": "r", "uid": RUN, **made}, "spec": {"pipeline": "p"}, "status": run})
    for kind in (there.pipelines, there.runs, there.projects, there.sources, there.destinations):
        kind.mirror._watching = True
    return there


@pytest.mark.parametrize(
    ("claim", "run", "stored", "state"),
    [
        (FREE, {}, None, "PENDING"),
        (CLAIMED, WORKING, None, "RUNNING"),
        (CLAIMED, WORKING, "PENDING", "RUNNING"),
        (CLAIMED, ENDED, "RUNNING", "SUCCESS"),
        (FREE, ENDED, "SUCCESS", "SUCCESS"),
        (FREE, None, "SUCCESS", "SUCCESS"),
        (FREE, NEVER_BEGAN, None, "CANCELLED"),
        (FREE, {**NEVER_BEGAN, "archived": True}, "CANCELLED", "CANCELLED"),
        # The store came back from an older backup.
        (FREE, ENDED, None, "SUCCESS"),
        (FREE, {**NEVER_BEGAN, "archived": True}, None, "CANCELLED"),
    ],
)
async def test_a_run_is_listed_once_and_under_one_state_on_its_way_into_the_store(
    store_database, claim, run, stored, state
):
    store = Store(store_database)
    if stored:
        await store.save_run(record(stored))
    executions = Executions(resources(claim=claim, run=run), store, scope=SCOPE)
    wanted = [Wanted(state=one, sort="-created_at", limit=50, offset=0) for one in (None, *RunPhase)]
    pages = {one.state: await executions.list(one) for one in wanted}
    await store.close()
    listed = {phase: ([item.id for item in page.items], page.total) for phase, page in pages.items()}
    assert listed == {phase: ([RUN], 1) if phase in {None, state} else ([], 0) for phase in (None, *RunPhase)}
    assert pages[None].items[0].phase == state


async def test_runs_of_a_pipeline_that_is_gone_are_neither_listed_nor_counted(store_database):
    """Nobody may have marked them yet: the operator was away when it was deleted."""
    store = Store(store_database)
    await store.save_run(record("SUCCESS"))
    await store.save_run(record("SUCCESS", uid=str(uuid4()), pipeline=str(uuid4())))
    executions = Executions(resources(claim=FREE, run=None), store, scope=SCOPE)
    page = await executions.list(Wanted(sort="-created_at", limit=50, offset=0))
    await store.close()
    assert ([item.id for item in page.items], page.total) == ([RUN], 1)
