"""Streams: increments as they come, until somebody stops them."""

import time

import pytest
from tests.e2e.platform.client import condition, refused

from headrace_local.demo import runners
from headrace_local.waiting import wait_for

NOWHERE = "00000000-0000-0000-0000-000000000000"


def stream(platform, mode="streaming", **fields):
    """A pipeline that can be a stream, and the table that it reads."""
    table = platform.world.source_table(fields.pop("rows", 10))
    query = f"SELECT id, name, modified FROM {table}"
    return platform.pipeline(mode=mode, incremental_key="modified", source_query=query, **fields), table


def started(platform, pipeline, **body):
    """Starts a stream, and waits until it is in step."""
    asked = platform.post("/stream/run", {"config": {}, "pipeline": pipeline["id"], **body}, status=202)
    assert asked.keys() >= {"execution_id", "state", "status_url"}
    assert asked["status_url"].endswith(f"/stream/status?execution_id={asked['execution_id']}")
    platform.wait_for_stream(asked["execution_id"], lambda s: s["lag_seconds"] is not None and s["state"] == "RUNNING")
    return asked["execution_id"]


def stopped(platform, execution, **body):
    answer = platform.post("/stream/stop", {"execution_id": execution, **body}, status=202)
    assert answer["execution_id"] == execution
    return platform.wait_for_stream(execution, lambda s: s["state"] in {"CANCELLED", "FAILED", "SUCCESS"})


def same(world, pipeline):
    return world.differs(pipeline) == ""


@pytest.mark.parametrize("mode", ["streaming", "incremental"])
def test_a_stream_brings_changes_until_it_is_stopped(platform, world, mode):
    pipeline, table = stream(platform, mode)
    execution = started(platform, pipeline)
    wait_for("the first rows", lambda: same(world, pipeline), seconds=30)
    world.source(
        f"INSERT INTO {table} (id, name) VALUES (11, 'new');"
        f" UPDATE {table} SET name = 'changed', modified = clock_timestamp() WHERE id = 1"
    )
    wait_for("the change", lambda: same(world, pipeline), seconds=15, every=0.2)
    assert world.api.pipeline(pipeline["id"])["status"] == "RUNNING"
    # A second one is the same one; what its configuration does not know it names.
    body = {"config": {"tags": ["a"], "window": "5s"}, "pipeline": pipeline["name"]}
    again = platform.post("/stream/run", body, status=202)
    assert (again["execution_id"], again["ignored"]) == (execution, ["window"])
    assert execution in {each["execution_id"] for each in platform.list("/stream/status", limit=100)[0]}
    ended = stopped(platform, execution, timeout=10)
    assert ended["state"] == "CANCELLED"
    refused(world.api.request("POST", "/stream/stop", {"execution_id": execution}), 409, "CONFLICT")
    assert platform.get(f"/runs/{execution}")["state"] == "CANCELLED"
    world.source(f"INSERT INTO {table} (id, name) VALUES (12, 'later')")
    execution = started(platform, pipeline)
    wait_for("what came meanwhile", lambda: same(world, pipeline), seconds=30)
    shown = platform.get("/stream/status", execution_id=execution)
    # It went on from the checkpoint: what was brought before was not written again.
    assert shown["rows_written"] == 1
    stopped(platform, execution)


def test_a_stream_at_rest_is_quiet(platform, world):
    pipeline, _ = stream(platform)
    execution = started(platform, pipeline)
    wait_for("the rows", lambda: same(world, pipeline), seconds=30)
    time.sleep(12)
    before = world.resource("etlr", execution)["metadata"]["resourceVersion"]
    pipeline_before = world.resource("etlp", pipeline["id"])["metadata"]["resourceVersion"]
    time.sleep(15)
    assert world.resource("etlr", execution)["metadata"]["resourceVersion"] == before
    assert world.resource("etlp", pipeline["id"])["metadata"]["resourceVersion"] == pipeline_before
    assert platform.get("/stream/status", execution_id=execution)["lag_seconds"] < 10
    stopped(platform, execution)


def test_a_stream_goes_on_when_its_pod_dies(platform, world):
    pipeline, table = stream(platform)
    execution = started(platform, pipeline)
    for number in range(3):
        assert runners.kill(execution)
        world.source(f"INSERT INTO {table} (id, name) VALUES ({100 + number}, 'after kill')")
        wait_for("the row after the kill", lambda: same(world, pipeline), seconds=90)
    assert platform.get("/stream/status", execution_id=execution)["state"] == "RUNNING"
    stopped(platform, execution)


def test_a_stream_is_paused_and_resumed_with_its_pipeline(platform, world):
    pipeline, table = stream(platform)
    execution = started(platform, pipeline)
    world.api.pause(pipeline["id"])
    platform.wait_for_stream(execution, lambda s: s["state"] == "PAUSED")
    world.source(f"INSERT INTO {table} (id, name) VALUES (77, 'paused')")
    time.sleep(2)
    assert not same(world, pipeline)
    assert world.api.run(pipeline["id"])["run_id"] == execution
    wait_for("the row of the pause", lambda: same(world, pipeline), seconds=60)
    stopped(platform, execution)


def test_the_same_by_kubectl(platform, world):
    pipeline, _ = stream(platform)
    name = world.resource("etlp", pipeline["id"])["metadata"]["name"]
    manifest = world.run_manifest(name)
    world.kubectl.apply(manifest)
    run = manifest["metadata"]["name"]
    found = world.wait_for_resource("etlr", run, lambda r: condition(r, "CaughtUp").get("status") == "True")
    execution = found["metadata"]["uid"]
    assert platform.get("/stream/status", execution_id=execution)["state"] == "RUNNING"
    wait_for("the rows", lambda: same(world, pipeline), seconds=30)
    world.kubectl.patch("etlp", name, {"spec": {"suspend": True}})
    world.wait_for_resource("etlr", run, lambda r: r["status"]["phase"] == "PAUSED")
    world.kubectl.patch("etlp", name, {"spec": {"suspend": False}})
    world.wait_for_resource("etlr", run, lambda r: r["status"]["phase"] == "RUNNING")
    world.kubectl.patch("etlr", run, {"spec": {"cancel": True}})
    world.wait_for_resource("etlr", run, lambda r: r["status"]["phase"] == "CANCELLED")


def test_a_call_that_waits_returns_when_the_stream_is_stopped(platform, world, together):
    pipeline, _ = stream(platform)
    body = {"config": {}, "pipeline": pipeline["id"], "mode": "sync"}
    waiting = together.submit(world.other_api.request, "POST", "/stream/run", body, timeout=120)

    def execution():
        found = [s for s in platform.list("/stream/status", limit=100)[0] if s["pipeline_id"] == pipeline["id"]]
        return found[0]["execution_id"] if found and found[0]["state"] == "RUNNING" else None

    stopped(platform, wait_for("the stream", execution, seconds=60))
    answer = waiting.result(timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["state"] == "CANCELLED"


BAD = {
    "nothing": ({}, "pipeline"),
    "an unknown pipeline": ({"pipeline": NOWHERE}, "pipeline"),
    "a name nobody has": ({"pipeline": "no such pipeline"}, "pipeline"),
    "another mode": ({"mode": "later"}, "mode"),
    "a configuration that is a list": ({"config": []}, "config"),
}


@pytest.mark.parametrize(("fields", "field"), BAD.values(), ids=BAD.keys())
def test_a_bad_stream_is_refused_by_its_field(platform, world, fields, field):
    body = {"config": {}, "pipeline": stream(platform)[0]["id"], **fields} if fields else {}
    refused(world.api.request("POST", "/stream/run", body), 422, "VALIDATION_ERROR", field)


def test_a_pipeline_without_a_cursor_can_be_no_stream(platform, world):
    body = {"config": {}, "pipeline": platform.pipeline()["id"]}
    refused(world.api.request("POST", "/stream/run", body), 422, "VALIDATION_ERROR", "pipeline")
    refused(
        world.api.request("POST", "/pipelines", world.spec(mode="streaming")),
        422,
        "VALIDATION_ERROR",
        "incremental_key",
    )


def test_a_stream_that_is_not_there_is_not_found(world):
    for execution in ("none", NOWHERE):
        refused(world.api.request("GET", f"/stream/status?execution_id={execution}"), 404, "NOT_FOUND")
        refused(world.api.request("POST", "/stream/stop", {"execution_id": execution}), 404, "NOT_FOUND")


@pytest.mark.parametrize("timeout", [-1, "soon", 1.5, 100_000], ids=str)
def test_a_bad_stop_is_refused(world, timeout):
    answer = world.api.request("POST", "/stream/stop", {"execution_id": NOWHERE, "timeout": timeout})
    refused(answer, 422, "VALIDATION_ERROR", "timeout")
