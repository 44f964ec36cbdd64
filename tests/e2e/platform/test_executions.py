"""Runs on demand: created, started, followed, cancelled; with parameters, tags, tasks and logs."""

import itertools
import json
import time
from datetime import UTC, datetime

import pytest
from tests.e2e.platform.client import FINAL, moment, refused
from tests.fire import IS_ALL

FIELDS = {
    "id", "project_id", "pipeline_id", "state", "params", "tags", "created_at", "started_at", "finished_at", "progress",
    "error_message",
}  # fmt: skip
RUNS = 100 if IS_ALL else 40
"""At once, of five pipelines."""
NOWHERE = "00000000-0000-0000-0000-000000000000"


def test_a_run_waits_for_its_start_and_then_brings_its_slice(platform, world):
    project = platform.project()
    pipeline = platform.sliced_pipeline(project, rows=100)
    body = {
        "project_id": project["id"],
        "pipeline_id": pipeline["name"],
        "params": {"low": 11, "high": 20},
        "tags": ["a"],
    }
    answer = world.api.request("POST", "/runs", body)
    assert answer.status_code == 201, answer.text
    run = answer.json()["data"]
    assert run.keys() >= FIELDS
    assert answer.headers["Location"].endswith(f"/runs/{run['id']}")
    assert (run["state"], run["params"], run["tags"]) == ("PENDING", {"low": 11, "high": 20}, ["a"])
    assert (run["project_id"], run["pipeline_id"]) == (project["id"], pipeline["id"])
    assert run["progress"] == {
        "total_tasks": 3, "completed_tasks": 0, "failed_tasks": 0, "rows_read": 0, "rows_written": 0,
    }  # fmt: skip
    assert world.api.pipeline(pipeline["id"])["status"] == "IDLE"
    time.sleep(2)
    assert platform.get(f"/runs/{run['id']}") == run
    accepted = platform.start(run["id"])
    assert accepted == {"status": "accepted", "run_id": run["id"], "status_url": f"/api/v1/runs/{run['id']}"}
    ended = platform.done(run["id"])
    assert moment(ended["created_at"]) <= moment(ended["started_at"]) <= moment(ended["finished_at"])
    assert ended["progress"] == {
        "total_tasks": 3, "completed_tasks": 3, "failed_tasks": 0, "rows_read": 10, "rows_written": 10,
    }  # fmt: skip
    assert world.target(f"SELECT min(id), max(id) FROM {pipeline['target_table']}") == [(11, 20)]
    other = platform.run(pipeline, project, params={"low": 91, "high": 95})
    platform.start(other["id"])
    assert platform.done(other["id"])["progress"]["rows_written"] == 5
    assert world.target(f"SELECT count(*) FROM {pipeline['target_table']}") == [(15,)]


def test_two_starts_at_once_are_one_run(platform, world, together):
    pipeline = platform.pipeline()
    run = platform.run(pipeline)
    answers = list(
        together.map(lambda api: api.request("POST", f"/runs/{run['id']}/start"), [world.api, world.other_api] * 4)
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text.split('"meta"')[0] for answer in answers}) == 1
    platform.done(run["id"])
    assert platform.list("/runs", pipeline_id=pipeline["id"])[1]["total"] == 1
    for call in ("start", "cancel"):
        refused(world.api.request("POST", f"/runs/{run['id']}/{call}"), 409, "CONFLICT")


def test_a_run_that_takes_longer_than_it_may_fails_and_says_so(platform):
    pipeline = platform.world.slow_pipeline(seconds=30)
    run = platform.run(pipeline)
    platform.start(run["id"], timeout_seconds=3)
    ended = platform.end(run["id"])
    assert ended["state"] == "FAILED"
    assert "3 s" in ended["error_message"]


def test_a_cancel_keeps_what_was_written_and_says_why(platform, world):
    pipeline = world.slow_pipeline(seconds=20)
    run = platform.run(pipeline)
    platform.start(run["id"])
    platform.wait_for_run(run["id"], lambda r: r["progress"]["rows_written"] > 0)
    answer = world.api.request("POST", f"/runs/{run['id']}/cancel", {"reason": "wrong month"})
    assert answer.status_code == 200, answer.text
    assert world.api.request("POST", f"/runs/{run['id']}/cancel").status_code == 200
    ended = platform.end(run["id"])
    assert (ended["state"], ended["error_message"], ended["cancel_reason"]) == ("CANCELLED", None, "wrong month")
    assert world.target(f"SELECT count(*) FROM {pipeline['target_table']}") == [(ended["progress"]["rows_written"],)]
    states = [task["state"] for task in platform.list(f"/runs/{run['id']}/tasks")[0]]
    assert set(states) <= {"SUCCESS", "CANCELLED"}
    refused(world.api.request("POST", f"/runs/{run['id']}/cancel"), 409, "CONFLICT")
    refused(world.api.request("POST", f"/runs/{run['id']}/start"), 409, "CONFLICT")


def test_a_run_that_was_never_started_can_be_cancelled(platform):
    run = platform.run(platform.pipeline())
    assert platform.world.api.request("POST", f"/runs/{run['id']}/cancel").status_code == 200
    ended = platform.end(run["id"])
    assert (ended["state"], ended["started_at"]) == ("CANCELLED", None)


def test_a_start_resumes_a_paused_run(platform, world):
    pipeline = world.slow_pipeline(seconds=6)
    run = platform.run(pipeline)
    platform.start(run["id"])
    platform.wait_for_run(run["id"], lambda r: r["progress"]["rows_written"] > 0)
    world.api.pause(pipeline["id"])
    platform.wait_for_run(run["id"], lambda r: r["state"] == "PAUSED")
    platform.start(run["id"])
    assert platform.done(run["id"])["progress"]["rows_read"] == 3000
    assert world.differs(pipeline) == ""


def test_tasks_show_what_the_runner_measured(platform):
    pipeline = platform.pipeline(
        rows=200,
        nodes=[{"id": "films", "type": "source"}, {"id": "clean", "type": "wash"}, {"id": "save", "type": "sink"}],
        edges=[{"from": "films", "to": "clean"}, {"from": "clean", "to": "save"}],
    )
    run = platform.run(pipeline)
    before, meta = platform.list(f"/runs/{run['id']}/tasks")
    assert [(task["name"], task["state"]) for task in before] == [(n, "PENDING") for n in ("films", "clean", "save")]
    assert meta["total"] == 3
    platform.start(run["id"])
    ended = platform.done(run["id"])
    tasks = platform.list(f"/runs/{run['id']}/tasks")[0]
    assert [task["name"] for task in tasks] == ["films", "clean", "save"]
    for task in tasks:
        assert task["state"] == "SUCCESS"
        assert (task["rows_read"], task["rows_written"]) == (200, 200)
        assert moment(task["started_at"]) <= moment(task["finished_at"]) <= moment(ended["finished_at"])


def test_the_task_that_failed_is_told_from_the_others(platform):
    pipeline = platform.pipeline(source_query="SELECT 100 / (51 - n) AS id FROM generate_series(1, 100) AS n")
    run = platform.run(pipeline)
    platform.start(run["id"])
    ended = platform.end(run["id"])
    assert "division by zero" in ended["error_message"]
    tasks = {task["name"]: task["state"] for task in platform.list(f"/runs/{run['id']}/tasks")[0]}
    assert tasks["extract"] == "FAILED"
    assert ended["progress"]["failed_tasks"] == 1
    assert tasks["load"] in {"CANCELLED", "PENDING"}


def test_logs_can_be_read_by_level_and_page_and_outlive_the_pod(platform, world):
    pipeline = platform.pipeline(source_query="SELECT 1 / 0 AS id")
    run = platform.run(pipeline)
    assert platform.list(f"/runs/{run['id']}/logs")[0] == []
    platform.start(run["id"])
    platform.end(run["id"])
    world.kubectl.run("delete", "jobs", "-l", f"headrace.dev/run={run['id']}", "--ignore-not-found")
    lines, meta = platform.list(f"/runs/{run['id']}/logs", limit=100)
    assert meta["total"] == len(lines) > 1
    assert all(line.keys() >= {"timestamp", "level", "message"} for line in lines)
    assert [moment(line["timestamp"]) for line in lines] == sorted(moment(line["timestamp"]) for line in lines)
    errors, meta = platform.list(f"/runs/{run['id']}/logs", level="ERROR")
    assert errors == [line for line in lines if line["level"] == "ERROR"]
    assert "division by zero" in errors[-1]["message"]
    second, meta = platform.list(f"/runs/{run['id']}/logs", limit=1, offset=1)
    assert (second, meta["total"]) == ([lines[1]], len(lines))
    refused(world.api.request("GET", f"/runs/{run['id']}/logs?level=LOUD"), 422, "VALIDATION_ERROR", "level")
    refused(world.api.request("GET", f"/runs/{run['id']}/logs?limit=0"), 422, "VALIDATION_ERROR", "limit")


def test_logs_can_be_followed_until_the_run_is_over(platform, world):
    pipeline = world.slow_pipeline(seconds=3)
    run = platform.run(pipeline)
    platform.start(run["id"])
    events = followed(world, run["id"])
    lines = [json.loads(data) for kind, data in events if kind in ("message", "log")]
    assert events[-1][0] == "end"
    assert platform.get(f"/runs/{run['id']}")["state"] == "SUCCESS"
    assert lines == platform.list(f"/runs/{run['id']}/logs", limit=100)[0]


def followed(world, run_id, seconds=60):
    """The server-sent events of a run's log, until the server ends them: pairs of kind and data."""
    events, kind, until = [], "message", time.monotonic() + seconds
    with world.api._http.stream("GET", f"{world.api.base}/runs/{run_id}/logs", params={"follow": "true"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            assert time.monotonic() < until, "the log of a run did not end"
            if line.startswith("event:"):
                kind = line.split(":", 1)[1].strip()
            elif line.startswith("data:"):
                events.append((kind, line.split(":", 1)[1].strip()))
            elif not line:
                kind = "message"
    return events


def test_runs_are_listed_by_project_pipeline_and_state(platform, world):
    project = platform.project()
    one, other = platform.pipeline(project), platform.pipeline(project)
    done = platform.run(one, project)
    platform.start(done["id"])
    platform.done(done["id"])
    waiting = [platform.run(one, project), platform.run(other, project)]
    cancelled = platform.run(other, project)
    world.api.call("POST", f"/runs/{cancelled['id']}/cancel")
    platform.end(cancelled["id"])

    def ids(**params):
        found, meta = platform.list("/runs", project_id=project["id"], **params)
        assert meta["total"] >= len(found)
        return [run["id"] for run in found]

    newest_first = [cancelled["id"], waiting[1]["id"], waiting[0]["id"], done["id"]]
    assert ids() == newest_first
    assert ids(sort="created_at") == newest_first[::-1]
    assert ids(state="PENDING") == [waiting[1]["id"], waiting[0]["id"]]
    assert ids(state="SUCCESS") == [done["id"]]
    assert ids(pipeline_id=one["id"]) == [waiting[0]["id"], done["id"]]
    assert ids(pipeline_id=other["name"], state="CANCELLED") == [cancelled["id"]]
    assert ids(limit=2, offset=1) == newest_first[1:3]
    assert ids(state="FAILED") == []
    refused(world.api.request("GET", "/runs?state=LOST"), 422, "VALIDATION_ERROR", "state")
    assert done["id"] in {run["id"] for run in platform.list("/runs", limit=100)[0]}
    assert [run["id"] for run in world.api.call("GET", f"/pipelines/{one['id']}/runs")][-1] == done["id"]


@pytest.mark.fire
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_runs_by_ten_clients_each_run_once_and_in_order(platform, world, together, count):
    pipelines = [platform.sliced_pipeline(rows=20) for _ in range(5)]
    began = time.monotonic()

    def ask(number):
        pipeline, api = pipelines[number % 5], (world.api, world.other_api)[number % 2]
        asked = {"pipeline_id": pipeline["id"], "params": {"low": 1, "high": 1 + number // 5}}
        made = api.request("POST", "/runs", asked)
        assert made.status_code == 201, made.text
        run = made.json()["data"]
        assert api.request("POST", f"/runs/{run['id']}/start").status_code == 202
        return run, datetime.now(UTC)

    # Ten at once, as many as there are clients.
    accepted = [each for first in range(0, RUNS, 10) for each in together.map(ask, range(first, first + 10))]
    started = {run["id"]: when for run, when in accepted}
    assert len(started) == RUNS
    ended = [platform.done(run, seconds=400) for run in started]
    count(f"{RUNS} runs of 5 pipelines, by 10 clients: all done after {time.monotonic() - began:.0f} s")
    for pipeline in pipelines:
        own = sorted((run for run in ended if run["pipeline_id"] == pipeline["id"]), key=lambda r: r["started_at"])
        assert len(own) == RUNS // 5
        for before, after in itertools.pairwise(own):
            assert moment(before["finished_at"]) <= moment(after["started_at"])
            # By creation, of those that were started when it was their turn.
            assert started[after["id"]] >= moment(before["created_at"])
        assert platform.list("/runs", pipeline_id=pipeline["id"])[1]["total"] == RUNS // 5


BAD = {
    "nothing": ({}, "pipeline_id"),
    "an unknown project": ({"project_id": NOWHERE}, "project_id"),
    "an unknown pipeline": ({"pipeline_id": NOWHERE}, "pipeline_id"),
    "an unknown name": ({"pipeline_id": "no such pipeline"}, "pipeline_id"),
    "a missing parameter": ({"params": {"low": 1}}, "high"),
    "an unknown parameter": ({"params": {"low": 1, "high": 2, "middle": 3}}, "middle"),
    "parameters that are a list": ({"params": [1, 2]}, "params"),
    "parameters of 1 MB": ({"params": {"low": 1, "high": "9" * 1_000_000}}, "params"),
    "tags that are a number": ({"tags": 5}, "tags"),
    "a tag without a name": ({"tags": [""]}, "tags"),
    "a field nobody knows": ({"colour": "red"}, "colour"),
}


@pytest.mark.parametrize(("fields", "field"), BAD.values(), ids=BAD.keys())
def test_a_bad_run_is_refused_by_its_field(platform, world, fields, field):
    body = {}
    if fields:
        body = {"pipeline_id": platform.sliced_pipeline()["id"], "params": {"low": 1, "high": 2}, **fields}
    refused(world.api.request("POST", "/runs", body), 422, "VALIDATION_ERROR", field)


def test_a_pipeline_of_another_project_is_not_known(platform, world):
    ours, theirs = platform.project(), platform.project()
    pipeline = platform.pipeline(theirs)
    for name in (pipeline["id"], pipeline["name"]):
        for path, more in (("/runs", {}), ("/schedules", {"kind": "CRON", "expression": "0 2 * * *"})):
            body = {"project_id": ours["id"], "pipeline_id": name, **more}
            refused(world.api.request("POST", path, body), 422, "VALIDATION_ERROR", "pipeline_id")


def test_a_parameter_is_a_value_whatever_is_in_it(platform, world):
    table = world.source_table(5)
    query = f"SELECT id, %(text)s::text AS name, modified FROM {table} WHERE id < %(most)s"
    pipeline = platform.pipeline(source_query=query, prune=False)
    text = f"'; DROP TABLE {table}; -- %(most)s \\ \" 映画"
    run = platform.run(pipeline, params={"text": text, "most": 3})
    platform.start(run["id"])
    platform.done(run["id"])
    assert world.target(f"SELECT DISTINCT name FROM {pipeline['target_table']}") == [(text,)]
    assert world.source(f"SELECT count(*) FROM {table}") == [(5,)]


def test_a_parameter_of_a_wrong_type_fails_the_run_with_the_databases_words(platform):
    run = platform.run(platform.sliced_pipeline(), params={"low": "soon", "high": 5})
    platform.start(run["id"])
    ended = platform.end(run["id"])
    assert ended["state"] == "FAILED"
    assert '"soon"' in ended["error_message"]


@pytest.mark.parametrize("run_id", ["none", NOWHERE, "x" * 300])
def test_a_run_that_is_not_there_is_not_found(world, run_id):
    for method, path in (("GET", ""), ("GET", "/tasks"), ("GET", "/logs"), ("POST", "/start"), ("POST", "/cancel")):
        refused(world.api.request(method, f"/runs/{run_id}{path}"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body", [{"timeout_seconds": 0}, {"timeout_seconds": "soon"}, {"timeout_seconds": 1.5}, {"colour": "red"}], ids=str
)
def test_a_bad_start_is_refused_and_starts_nothing(platform, world, body):
    run = platform.run(platform.pipeline())
    (field,) = body
    refused(world.api.request("POST", f"/runs/{run['id']}/start", body), 422, "VALIDATION_ERROR", field)
    assert platform.get(f"/runs/{run['id']}")["state"] == "PENDING"


def test_runs_outlive_their_resources(platform, world):
    """Tasks, parameters, tags and logs are read from the store when the resource is gone."""
    pipeline = platform.sliced_pipeline()
    run = platform.run(pipeline, params={"low": 1, "high": 3}, tags={"team": "films"})
    platform.start(run["id"])
    ended = platform.done(run["id"])
    tasks = platform.list(f"/runs/{run['id']}/tasks")[0]
    resource = world.resource("etlr", run["id"])
    assert resource["metadata"]["labels"]["tag.headrace.dev/team"] == "films"
    world.kubectl.run("delete", "etlr", resource["metadata"]["name"])
    gone = platform.get(f"/runs/{run['id']}")
    assert gone == {**ended, **{k: v for k, v in gone.items() if k not in FIELDS}}
    assert platform.list(f"/runs/{run['id']}/tasks")[0] == tasks
    assert platform.list(f"/runs/{run['id']}/logs")[1]["total"] > 0
    refused(world.api.request("POST", f"/runs/{run['id']}/cancel"), 409, "CONFLICT")


def test_the_same_by_kubectl(platform, world):
    pipeline = platform.sliced_pipeline()
    name = world.resource("etlp", pipeline["id"])["metadata"]["name"]
    manifest = world.run_manifest(name, suspend=True, params={"low": 1, "high": 7}, tags=["by hand"])
    world.kubectl.apply(manifest)
    resource = world.wait_for_resource("etlr", manifest["metadata"]["name"], lambda r: r.get("status"))
    run_id = resource["metadata"]["uid"]
    shown = platform.get(f"/runs/{run_id}")
    assert (shown["state"], shown["tags"], shown["params"]) == ("PENDING", ["by hand"], {"low": 1, "high": 7})
    world.kubectl.patch("etlr", manifest["metadata"]["name"], {"spec": {"suspend": False, "timeoutSeconds": 100}})
    assert platform.done(run_id)["progress"]["rows_written"] == 7
    tasks = world.kubectl.get("etlr", manifest["metadata"]["name"])["status"]["tasks"]
    assert [(task["name"], task["state"]) for task in tasks] == [
        (n, "SUCCESS") for n in ("extract", "transform", "load")
    ]
    bad = world.run_manifest(name, params={"low": 1})
    world.kubectl.apply(bad)
    failed = world.wait_for_resource(
        "etlr", bad["metadata"]["name"], lambda r: (r.get("status") or {}).get("phase") in FINAL
    )
    assert "'high'" in failed["status"]["errorMessage"]
