"""Schedules and backfills: each due time runs once, or it is said why not."""

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from tests.e2e.platform.client import condition, moment, refused

from headrace_local.waiting import wait_for

NOWHERE = "00000000-0000-0000-0000-000000000000"
YEARLY = "0 3 1 1 *"


def resource(world, schedule):
    return world.resource("etls", schedule["id"])


def runs(platform, pipeline, **params):
    """The pipeline's runs, oldest first."""
    return platform.list("/runs", pipeline_id=pipeline["id"], sort="created_at", limit=100, **params)[0]


def interval_pipeline(platform, **fields):
    """A pipeline that writes down the interval of each run."""
    query = (
        "SELECT extract(epoch FROM %(due_at)s::timestamptz)::bigint AS id, %(interval_start)s::timestamptz AS since,"
        " %(interval_end)s::timestamptz AS until"
    )
    return platform.pipeline(source_query=query, prune=False, **fields)


def test_a_schedule_is_made_read_replaced_and_deleted(platform, world):
    project = platform.project()
    pipeline = platform.pipeline(project)
    body = {
        "project_id": project["id"], "pipeline_id": pipeline["name"], "kind": "CRON", "expression": "30 2 * * mon-fri",
        "timezone": "Europe/Berlin",
    }  # fmt: skip
    answer = world.api.request("POST", "/schedules", body)
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert answer.headers["Location"].endswith(f"/schedules/{made['id']}")
    wanted = {
        "project_id": project["id"], "pipeline_id": pipeline["id"], "kind": "CRON", "expression": "30 2 * * mon-fri",
        "timezone": "Europe/Berlin", "enabled": True, "max_concurrency": 1, "timeout_seconds": 3600,
        "catch_up": "last", "last_run_at": None,
    }  # fmt: skip
    assert {name: made[name] for name in wanted} == wanted
    due = moment(made["next_run_at"])
    assert datetime.now(UTC) < due < datetime.now(UTC) + timedelta(days=4)
    assert due.minute == 30
    shown = platform.get(f"/schedules/{made['id']}")
    assert {name: shown[name] for name in wanted} == wanted
    replacement = {**body, "expression": "15m", "kind": "INTERVAL", "timezone": "UTC", "catch_up": "all"}
    answer = world.api.request("PUT", f"/schedules/{made['id']}", replacement)
    assert answer.status_code == 200, answer.text
    replaced = answer.json()["data"]
    assert (replaced["kind"], replaced["expression"], replaced["catch_up"]) == ("INTERVAL", "15m", "all")
    assert moment(replaced["next_run_at"]) - datetime.now(UTC) <= timedelta(minutes=15)
    assert world.api.request("DELETE", f"/schedules/{made['id']}").status_code == 204
    refused(world.api.request("GET", f"/schedules/{made['id']}"), 404, "NOT_FOUND")
    refused(world.api.request("DELETE", f"/schedules/{made['id']}"), 404, "NOT_FOUND")


def test_a_schedule_can_be_disabled_and_enabled(platform, world):
    schedule = platform.schedule(platform.pipeline())
    for call, enabled in (("disable", False), ("disable", False), ("enable", True), ("enable", True)):
        answer = world.api.request("POST", f"/schedules/{schedule['id']}/{call}")
        assert answer.status_code == 200, answer.text
        shown = answer.json()["data"]
        assert (shown["enabled"], shown["next_run_at"] is None) == (enabled, not enabled)
        assert platform.get(f"/schedules/{schedule['id']}")["enabled"] == enabled


def test_schedules_are_listed_by_project_pipeline_and_whether_they_are_enabled(platform, world):
    project = platform.project()
    one, other = platform.pipeline(project), platform.pipeline(project)
    made = [
        platform.schedule(one), platform.schedule(one, "1h", kind="INTERVAL", enabled=False), platform.schedule(other),
    ]  # fmt: skip
    ids = [schedule["id"] for schedule in made]

    def listed(**params):
        return [each["id"] for each in platform.list("/schedules", **params)[0]]

    assert listed(project_id=project["id"]) == ids[::-1]
    assert listed(pipeline_id=one["id"], sort="created_at") == ids[:2]
    assert listed(pipeline_id=one["name"], enabled="false") == [ids[1]]
    assert listed(project_id=project["id"], enabled="true", limit=1, offset=1) == [ids[0]]
    # What is deleted takes its schedules along, at once.
    assert world.api.request("DELETE", f"/pipelines/{one['id']}").status_code == 204
    assert listed(project_id=project["id"]) == [ids[2]]
    refused(world.api.request("GET", f"/schedules/{ids[0]}"), 404, "NOT_FOUND")


def test_each_due_time_runs_with_its_interval(platform, world):
    pipeline = interval_pipeline(platform)
    schedule = platform.schedule(pipeline, "3s", kind="INTERVAL")
    shown = platform.wait_for_schedule(schedule["id"], lambda s: s["last_run_at"] is not None)
    assert moment(shown["next_run_at"]) > moment(shown["last_run_at"])
    wait_for("three runs", lambda: len(runs(platform, pipeline, state="SUCCESS")) >= 3, seconds=90)
    world.api.call("POST", f"/schedules/{schedule['id']}/disable")
    rows = wait_for("the last run", lambda: settled(platform, world, pipeline), seconds=60)
    assert len(rows) >= 3
    for (due, since, until), after in zip(rows, [*rows[1:], None], strict=True):
        assert until.timestamp() == due
        assert until - since == timedelta(seconds=3)
        assert after is None or after[1] == until
    found = runs(platform, pipeline)
    assert [moment(run["params"]["due_at"]).timestamp() for run in found] == [row[0] for row in rows]
    labels = world.resource("etlr", found[-1]["id"])["metadata"]["labels"]
    assert labels["headrace.dev/schedule"] == schedule["id"]
    count = len(found)
    time.sleep(4)
    assert len(runs(platform, pipeline)) == count


def settled(platform, world, pipeline):
    """What the runs wrote down, when all of them are over."""
    if any(run["state"] not in {"SUCCESS", "FAILED", "CANCELLED"} for run in runs(platform, pipeline)):
        return None
    return world.target(f"SELECT id, since, until FROM {pipeline['target_table']} ORDER BY id")


def test_a_due_time_waits_while_as_many_runs_are_unfinished_as_may_be(platform, world):
    with world.held_pipeline() as (pipeline, let_go):
        schedule = platform.schedule(pipeline, "2s", kind="INTERVAL")
        found = platform.wait_for_schedule(schedule["id"], lambda s: len(s["waiting"]) >= 2)
        assert len(runs(platform, pipeline)) == 1
        waiting = found["waiting"]
        assert waiting == sorted(waiting)
        let_go()
        done = wait_for(
            "those that waited", lambda: len(ok := runs(platform, pipeline, state="SUCCESS")) > 2 and ok, seconds=90
        )
    # What still waits when a schedule is disabled is not run, and counted.
    world.api.call("POST", f"/schedules/{schedule['id']}/disable")
    shown = platform.wait_for_schedule(schedule["id"], lambda s: not s["waiting"] and not s["active"])
    assert shown["missed"] == shown["reasons"].get("Disabled", 0)
    assert [run["params"]["due_at"] for run in done][1:3] == waiting[:2]


@pytest.mark.parametrize("why", ["paused", "disabled"])
def test_due_times_of_a_pipeline_that_is_paused_or_disabled_are_skipped_and_counted(platform, world, why):
    pipeline = platform.pipeline()
    if why == "paused":
        world.api.pause(pipeline["id"])
    else:
        world.api.call("PATCH", f"/pipelines/{pipeline['id']}", {"enabled": False})
    schedule = platform.schedule(pipeline, "1s", kind="INTERVAL")
    shown = platform.wait_for_schedule(schedule["id"], lambda s: s["missed"] >= 2)
    reason = "PipelinePaused" if why == "paused" else "PipelineDisabled"
    assert shown["reasons"].keys() == {reason}
    assert runs(platform, pipeline) == []
    assert resource(world, schedule)["status"]["lastMissed"]["reason"] == reason
    if why == "paused":
        world.api.run(pipeline["id"])
    else:
        world.api.call("PATCH", f"/pipelines/{pipeline['id']}", {"enabled": True})
    platform.wait_for_schedule(schedule["id"], lambda s: s["last_run_at"] is not None)
    world.api.call("POST", f"/schedules/{schedule['id']}/disable")


BAD = {
    "four fields": ({"expression": "0 2 * *"}, "expression", ""),
    "six fields": ({"expression": "0 0 2 * * *"}, "expression", ""),
    "minute 61": ({"expression": "61 * * * *"}, "expression", "minute"),
    "hour 24": ({"expression": "0 24 * * *"}, "expression", "hour"),
    "no month": ({"expression": "0 0 1 smarch *"}, "expression", "smarch"),
    "30 February": ({"expression": "0 0 30 2 *"}, "expression", ""),
    "a macro": ({"expression": "@daily"}, "expression", ""),
    "the last day": ({"expression": "0 0 L * *"}, "expression", "L"),
    "the second monday": ({"expression": "0 0 * * mon#2"}, "expression", "mon#2"),
    "an unknown zone": ({"timezone": "Mars/Olympus"}, "timezone", "Mars/Olympus"),
    "no zone": ({"timezone": ""}, "timezone", ""),
    "a path as zone": ({"timezone": "../../etc/passwd"}, "timezone", ""),
    "no time": ({"kind": "INTERVAL", "expression": "0s"}, "expression", ""),
    "back in time": ({"kind": "INTERVAL", "expression": "-5m"}, "expression", ""),
    "a fraction": ({"kind": "INTERVAL", "expression": "1.5h"}, "expression", ""),
    "ten years": ({"kind": "INTERVAL", "expression": "3650d"}, "expression", ""),
    "two units": ({"kind": "INTERVAL", "expression": "1h30m"}, "expression", ""),
    "an interval as cron": ({"expression": "15m"}, "expression", ""),
    "another kind": ({"kind": "RRULE"}, "kind", ""),
    "no concurrency": ({"max_concurrency": 0}, "max_concurrency", ""),
    "no timeout": ({"timeout_seconds": 0}, "timeout_seconds", ""),
    "another catch-up": ({"catch_up": "some"}, "catch_up", ""),
    "enabled as text": ({"enabled": "yes"}, "enabled", ""),
    "an unknown pipeline": ({"pipeline_id": NOWHERE}, "pipeline_id", ""),
    "an unknown project": ({"project_id": NOWHERE}, "project_id", ""),
    "a field nobody knows": ({"colour": "red"}, "colour", ""),
}


@pytest.mark.parametrize(("fields", "field", "says"), BAD.values(), ids=BAD.keys())
def test_a_bad_schedule_is_refused_by_its_field(platform, world, fields, field, says):
    body = {"pipeline_id": platform.pipeline()["id"], "kind": "CRON", "expression": YEARLY, **fields}
    answer = refused(world.api.request("POST", "/schedules", body), 422, "VALIDATION_ERROR", field)
    assert says in " ".join(each["message"] for each in answer["error"]["details"])
    schedule = platform.schedule(platform.pipeline())
    body = {"pipeline_id": schedule["pipeline_id"], "kind": "CRON", "expression": YEARLY, **fields}
    refused(world.api.request("PUT", f"/schedules/{schedule['id']}", body), 422, "VALIDATION_ERROR", field)


@pytest.mark.parametrize("schedule", ["none", NOWHERE])
def test_a_schedule_that_is_not_there_is_not_found(platform, world, schedule):
    body = {"pipeline_id": platform.pipeline()["id"], "kind": "CRON", "expression": YEARLY}
    for method, path, sent in (
        ("GET", "", None), ("PUT", "", body), ("DELETE", "", None), ("POST", "/enable", None),
        ("POST", "/disable", None), ("POST", "/backfill", {"count": 1}),
    ):  # fmt: skip
        refused(world.api.request(method, f"/schedules/{schedule}{path}", sent), 404, "NOT_FOUND")


def test_a_backfill_runs_the_last_due_times_oldest_first_and_none_twice(platform, world):
    pipeline = interval_pipeline(platform)
    schedule = platform.schedule(pipeline, "0 0 * * *", enabled=False)
    asked = platform.post(f"/schedules/{schedule['id']}/backfill", {"count": 3}, status=202)["runs"]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert [moment(run["due_at"]) for run in asked] == [today - timedelta(days=days) for days in (2, 1, 0)]
    assert [run["created"] for run in asked] == [True] * 3
    again = platform.post(f"/schedules/{schedule['id']}/backfill", {"count": 4}, status=202)["runs"]
    assert [run["created"] for run in again] == [True, False, False, False]
    assert [run["run_id"] for run in again[1:]] == [run["run_id"] for run in asked]
    done = [platform.done(run["run_id"]) for run in again]
    assert len(runs(platform, pipeline)) == 4
    assert [run["started_at"] for run in done[1:]] == sorted(run["started_at"] for run in done[1:])
    rows = world.target(f"SELECT until - since FROM {pipeline['target_table']}")
    assert rows == [(timedelta(days=1),)] * 4
    # Its run is known when the resource is gone, too.
    world.kubectl.run("delete", "etlr", world.resource("etlr", asked[0]["run_id"])["metadata"]["name"])
    repeated = platform.post(f"/schedules/{schedule['id']}/backfill", {"count": 3}, status=202)["runs"]
    assert repeated == [{**run, "created": False} for run in asked]


@pytest.mark.parametrize("body", [{}, {"count": 0}, {"count": 100_000}, {"count": -1}, {"count": "3"}, {"count": 1.5}])
def test_a_backfill_of_none_or_of_too_many_is_refused(platform, world, body):
    schedule = platform.schedule(platform.pipeline())
    answer = world.api.request("POST", f"/schedules/{schedule['id']}/backfill", body)
    refused(answer, 422, "VALIDATION_ERROR", "count")


def schedule_manifest(pipeline, **spec):
    return {
        "apiVersion": "headrace.dev/v1alpha1", "kind": "EtlSchedule",
        "metadata": {"name": f"s-{uuid.uuid4().hex[:8]}"}, "spec": {"pipeline": pipeline, **spec},
    }  # fmt: skip


def backfill_manifest(schedule, **spec):
    return {
        "apiVersion": "headrace.dev/v1alpha1", "kind": "EtlBackfill",
        "metadata": {"name": f"b-{uuid.uuid4().hex[:8]}"}, "spec": {"schedule": schedule, **spec},
    }  # fmt: skip


def test_a_schedule_by_kubectl_shows_in_the_api_and_goes_with_its_pipeline(platform, world):
    pipeline = platform.pipeline()
    name = world.resource("etlp", pipeline["id"])["metadata"]["name"]
    manifest = schedule_manifest(name, expression="*/5 * * * *")
    world.kubectl.apply(manifest)
    found = world.wait_for_resource(
        "etls", manifest["metadata"]["name"], lambda s: condition(s, "Ready").get("status") == "True"
    )
    assert found["status"]["nextRunAt"]
    assert found["metadata"]["ownerReferences"][0]["uid"] == pipeline["id"]
    shown = platform.get(f"/schedules/{found['metadata']['uid']}")
    assert (shown["pipeline_id"], shown["expression"]) == (pipeline["id"], "*/5 * * * *")
    table = world.kubectl.run("get", "etls", manifest["metadata"]["name"])
    assert {"SCHEDULE", "NEXT", "LAST", "MISSED"} <= set(table.splitlines()[0].split())
    world.kubectl.run("wait", "etls", manifest["metadata"]["name"], "--for=condition=Ready", "--timeout=10s")


FAULTS = {
    "an unknown zone": ({"expression": "0 2 * * *", "timezone": "Mars/Olympus"}, "InvalidSpec", "Mars/Olympus"),
    "minute 61": ({"expression": "61 * * * *"}, "InvalidSpec", "minute"),
    "30 February": ({"expression": "0 0 30 2 *"}, "InvalidSpec", ""),
}


@pytest.mark.parametrize(("spec", "reason", "says"), FAULTS.values(), ids=FAULTS.keys())
def test_a_bad_schedule_by_kubectl_says_what_is_wrong(platform, world, spec, reason, says):
    name = world.resource("etlp", platform.pipeline()["id"])["metadata"]["name"]
    manifest = schedule_manifest(name, **spec)
    world.kubectl.apply(manifest)
    found = world.wait_for_resource("etls", manifest["metadata"]["name"], lambda s: condition(s, "Ready"))
    ready = condition(found, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert says in ready["message"]


def test_a_schedule_may_come_before_its_pipeline(world):
    body = world.manifest(world.spec())
    manifest = schedule_manifest(body["metadata"]["name"], expression="0 2 * * *")
    world.kubectl.apply(manifest)
    name = manifest["metadata"]["name"]
    world.wait_for_resource("etls", name, lambda s: condition(s, "Ready").get("reason") == "PipelineMissing")
    world.kubectl.apply(body)
    world.wait_for_resource("etls", name, lambda s: condition(s, "Ready").get("status") == "True")


def backfilled(world, name, is_so, seconds=120):
    return world.wait_for_resource("etlb", name, lambda b: is_so(b.get("status") or {}), seconds=seconds)["status"]


def test_a_backfill_of_a_range_runs_all_its_due_times(platform, world):
    pipeline = interval_pipeline(platform)
    schedule = platform.schedule(pipeline, "0 0 * * *", enabled=False)
    days = platform.post(f"/schedules/{schedule['id']}/backfill", {"count": 1}, status=202)["runs"]
    until = moment(days[0]["due_at"]) + timedelta(days=1)
    since = until - timedelta(days=6)
    manifest = backfill_manifest(
        resource(world, schedule)["metadata"]["name"], order="newestFirst",
        **{"from": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "to": until.strftime("%Y-%m-%dT%H:%M:%SZ")},
    )  # fmt: skip
    world.kubectl.apply(manifest)
    status = backfilled(world, manifest["metadata"]["name"], lambda s: s.get("phase") == "SUCCESS")
    assert (status["total"], status["succeeded"], status["failed"], status["existing"]) == (6, 6, 0, 1)
    assert status["progress"] == "6 of 6"
    world.kubectl.run("wait", "etlb", manifest["metadata"]["name"], "--for=condition=Complete", "--timeout=10s")
    assert world.target(f"SELECT count(*) FROM {pipeline['target_table']}") == [(6,)]
    due = [run["params"]["due_at"] for run in runs(platform, pipeline)][1:]
    assert due == sorted(due, reverse=True)
    assert len(due) == 5


def test_a_backfill_can_be_paused_and_its_failed_runs_retried(platform, world):
    table = world.source_table(1)
    query = f"SELECT extract(epoch FROM %(due_at)s::timestamptz)::bigint / (SELECT count(*) FROM {table}) AS id"
    pipeline = platform.pipeline(source_query=query, prune=False)
    schedule = platform.schedule(pipeline, "0 * * * *", enabled=False)
    manifest = backfill_manifest(
        resource(world, schedule)["metadata"]["name"], suspend=True,
        **{"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T03:00:00Z"},
    )  # fmt: skip
    name = manifest["metadata"]["name"]
    world.source(f"DELETE FROM {table}")
    world.kubectl.apply(manifest)
    backfilled(world, name, lambda s: s.get("phase") == "PAUSED")
    assert runs(platform, pipeline) == []
    world.kubectl.patch("etlb", name, {"spec": {"suspend": False}})
    status = backfilled(world, name, lambda s: s.get("phase") == "FAILED")
    assert (status["failed"], status["progress"]) == (3, "3 of 3, 3 failed")
    assert len(status["failedRuns"]) == 3
    world.source(f"INSERT INTO {table} (id) VALUES (1)")
    world.kubectl.patch("etlb", name, {"spec": {"retry": 1}})
    status = backfilled(world, name, lambda s: s.get("phase") == "SUCCESS")
    assert (status["succeeded"], status["failed"]) == (3, 0)
    assert len(runs(platform, pipeline)) == 6
