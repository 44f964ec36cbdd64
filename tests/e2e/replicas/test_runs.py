"""Runs are asked for, paused and started over through any replica, and both show the same state."""

import asyncio
from typing import Any

import httpx

from headrace.names import RUN_PLURAL
from headrace_api.times import parse


async def test_twenty_runs_asked_for_at_once_through_two_replicas_are_one(facade):
    pipeline = await facade.pipeline()
    clients = [facade.one, facade.two] * 10
    answers = await asyncio.gather(*(client.post(f"/pipelines/{pipeline['id']}/run") for client in clients))
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["run_id"] for a in answers}) == 1
    assert {a.json()["status"] for a in answers} == {"RUN_REQUESTED"}


async def test_twenty_runs_at_once_of_a_paused_pipeline_are_one_and_leave_it_unpaused(facade):
    pipeline = await facade.pipeline()
    await facade.one.post(f"/pipelines/{pipeline['id']}/pause")
    clients = [facade.one, facade.two] * 10
    answers = await asyncio.gather(
        *(client.post(f"/pipelines/{pipeline['id']}/start", json={"restart": True}) for client in clients)
    )
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["run_id"] for a in answers}) == 1
    assert await facade.status(pipeline["id"]) == "RUN_REQUESTED"


async def test_a_run_goes_through_the_states(facade):
    pipeline = await facade.pipeline()
    url = f"/pipelines/{pipeline['id']}"
    before = (await facade.one.get(f"{url}/status")).json()
    assert (before["last_run_id"], before["last_updated_at"]) == (None, pipeline["created_at"])
    run_id = (await facade.one.post(f"{url}/run")).json()["run_id"]
    assert await facade.status(pipeline["id"]) == "RUN_REQUESTED"
    asked = (await facade.two.get(f"{url}/status")).json()
    assert asked["last_run_id"] == run_id
    assert parse(asked["last_updated_at"]) > parse(before["last_updated_at"])
    await facade.operator_says(run_id, "RUNNING", active=True)
    assert await facade.status(pipeline["id"]) == "RUNNING"
    assert (await facade.two.post(f"{url}/run")).json()["run_id"] == run_id
    for call in (facade.one.patch(url, json={"batch_size": 7}), facade.one.put(url, json=facade.spec())):
        answer = await call
        assert (answer.status_code, answer.json()["detail"]) == (409, "Cannot update pipeline while it is RUNNING")
    assert (await facade.one.patch(url, json={})).status_code == 200
    answer = await facade.one.delete(url)
    assert (answer.status_code, answer.json()["detail"]) == (409, "Cannot delete pipeline while it is RUNNING")
    paused = await facade.one.post(f"{url}/pause")
    assert paused.json()["status"] == "PAUSE_REQUESTED"
    answer = await facade.one.delete(url)
    assert answer.json()["detail"] == "Cannot delete pipeline while it is PAUSE_REQUESTED"
    withdrawn = await facade.two.post(f"{url}/run")
    assert (withdrawn.json()["status"], withdrawn.json()["run_id"]) == ("RUNNING", run_id)
    await facade.one.post(f"{url}/pause")
    await facade.operator_says(run_id, "PAUSED")
    assert await facade.status(pipeline["id"]) == "PAUSED"
    resumed = await facade.two.post(f"{url}/run")
    assert (resumed.json()["status"], resumed.json()["run_id"]) == ("RUN_REQUESTED", run_id)
    await facade.operator_says(run_id, "FAILED", errorMessage="relation does not exist")
    assert await facade.status(pipeline["id"]) == "FAILED"
    await asyncio.sleep(1)  # Kubernetes notes creation in whole seconds.
    following = (await facade.one.post(f"{url}/run")).json()
    assert following["run_id"] != run_id
    assert following["status"] == "RUN_REQUESTED"
    runs = (await facade.one.get(f"{url}/runs")).json()
    assert [(r["id"], r["status"]) for r in runs][-1] == (run_id, "FAILED")
    assert runs[-1]["error_message"] == "relation does not exist"


async def test_a_restart_of_a_paused_run_cancels_it_and_makes_another(facade):
    pipeline = await facade.pipeline()
    url = f"/pipelines/{pipeline['id']}"
    first = (await facade.one.post(f"{url}/run")).json()["run_id"]
    await facade.operator_says(first, "PAUSED")
    await facade.one.post(f"{url}/pause")
    second = (await facade.one.post(f"{url}/run", json={"restart": True})).json()
    assert second["run_id"] != first
    assert (await facade.run_resource(first))["spec"]["cancel"] is True
    assert (await facade.run_resource(second["run_id"]))["spec"]["restart"] is True
    assert second["status"] == "RUN_REQUESTED"


async def test_a_run_that_kubectl_held_by_itself_is_resumed(facade):
    pipeline = await facade.pipeline()
    url = f"/pipelines/{pipeline['id']}"
    run_id = (await facade.one.post(f"{url}/run")).json()["run_id"]
    run = await facade.operator_says(run_id, "PAUSED")
    await facade.cluster.patch(RUN_PLURAL, run["metadata"]["name"], {"spec": {"suspend": True}})
    assert await facade.status(pipeline["id"]) == "PAUSED"
    assert (await facade.one.post(f"{url}/run")).json()["run_id"] == run_id
    assert await facade.status(pipeline["id"]) == "RUN_REQUESTED"


async def test_a_disabled_pipeline_shows_as_paused_and_can_be_run(facade):
    made = await facade.pipeline(enabled=False)
    assert made["status"] == "PAUSED"
    run = (await facade.one.post(f"/pipelines/{made['id']}/run")).json()
    assert (run["status"], run["enabled"]) == ("RUN_REQUESTED", False)


async def test_a_reconcile_answers_with_its_result_or_where_it_will_be(facade):
    made = await facade.pipeline()
    url = f"/pipelines/{made['id']}"
    late = await facade.one.post(f"{url}/reconcile")
    assert late.status_code == 202
    run_id = late.headers["Location"].rsplit("/", 1)[-1]
    assert late.headers["Location"] == f"/api/v1{url}/runs/{run_id}"
    counts = {"sourceCount": 5, "targetCount": 7, "difference": -2, "status": "WARNING"}
    await facade.operator_says(run_id, "SUCCESS", result=counts)
    result = {"pipeline_id": made["id"], "source_count": 5, "target_count": 7, "difference": -2, "status": "WARNING"}
    assert (await facade.two.get(f"{url}/runs/{run_id}")).json()["result"] == result
    assert (await facade.two.get(f"{url}/runs")).json() == []
    assert await facade.status(made["id"]) == "IDLE"

    async def answer(phase: str, **status: Any) -> httpx.Response:
        asked = asyncio.create_task(facade.one.post(f"{url}/reconcile"))
        known = {run_id}
        while True:
            await asyncio.sleep(0.05)
            runs = [r["metadata"] for r in (await facade.cluster.list(RUN_PLURAL)).items if "status" not in r]
            new = [m["uid"] for m in runs if m["name"].startswith(f"{made['id']}-reconcile") and m["uid"] not in known]
            if new:
                await facade.operator_says(new[0], phase, **status)
                return await asked

    quick = await answer("SUCCESS", result=counts)
    assert (quick.status_code, quick.json()) == (200, result)
    failed = await answer("FAILED", errorMessage="no such table")
    assert (failed.status_code, failed.json()["detail"]) == (400, "Reconcile failed: no such table")
