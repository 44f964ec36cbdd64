"""All that the API can do, by resources alone; and what was made there shows in the API."""

import re
import time

import pytest

from headrace_local.kubectl import KubectlError
from headrace_local.waiting import wait_for


def phase(resource):
    return resource.get("status", {}).get("phase")


def conditions(resource):
    return {one["type"]: one for one in resource.get("status", {}).get("conditions", [])}


def applied(world, **fields):
    """A pipeline by kubectl, once the operator has looked at it."""
    return world.applied(world.spec(**fields))


def asked(world, pipeline, **spec):
    """A run by kubectl."""
    return world.kubectl.create(world.run_manifest(pipeline["resource"], **spec))["metadata"]


def ended(world, run):
    return world.wait_for_resource(
        "etlr", run["name"], lambda found: phase(found) in {"SUCCESS", "FAILED", "CANCELLED"}, seconds=90
    )


def test_a_pipeline_and_its_run_by_manifests_alone(world):
    made = applied(world, rows=120, batch_size=50)
    found = world.kubectl.get("etlp", made["resource"])
    assert phase(found) == "IDLE"
    assert conditions(found)["Ready"]["status"] == "True"
    assert conditions(found)["Ready"]["observedGeneration"] == found["metadata"]["generation"]
    run = ended(world, asked(world, made))
    assert phase(run) == "SUCCESS"
    assert run["status"]["progress"] | {"rowsRead": 120, "rowsWritten": 120, "batches": 3} == run["status"]["progress"]
    assert [owner["uid"] for owner in run["metadata"]["ownerReferences"]] == [made["id"]]
    assert conditions(run)["Complete"]["status"] == "True"
    world.kubectl.run("wait", "etlr", run["metadata"]["name"], "--for=condition=Complete", "--timeout=5s")
    assert world.differs(made) == ""
    found = world.wait_for_resource(
        "etlp", made["resource"], lambda one: one["status"]["lastRun"]["phase"] == "SUCCESS"
    )
    assert found["status"]["lastRun"]["rowsRead"] == 120
    assert found["status"]["checkpoint"]["lastKey"] == "120"

    shown = world.api.pipeline(made["id"])
    assert shown.items() >= {"name": made["name"], "status": "IDLE", "batch_size": 50}.items()
    (listed,) = world.api.call("GET", f"/pipelines/{made['id']}/runs")
    assert listed["id"] == run["metadata"]["uid"]


def test_pause_resume_and_edit_by_patches(world):
    made = applied(world, rows=3000, batch_size=50, max_rows_per_second=500)
    run = asked(world, made)
    world.wait_for_resource("etlr", run["name"], lambda found: phase(found) == "RUNNING")
    world.api.wait_for_run(made["id"], run["uid"], lambda found: found["rows_read"] > 0)
    world.kubectl.patch("etlp", made["resource"], {"spec": {"suspend": True}})
    world.wait_for_resource("etlp", made["resource"], lambda found: phase(found) == "PAUSED")
    found = world.kubectl.get("etlp", made["resource"])
    assert conditions(found)["Suspended"]["status"] == "True"
    assert phase(world.kubectl.get("etlr", run["name"])) == "PAUSED"
    assert world.api.pipeline(made["id"])["status"] == "PAUSED"
    # An edit now is for the next run: this one keeps what it started with.
    world.kubectl.patch(
        "etlp", made["resource"], {"spec": {"sourceQuery": made["source_query"] + " WHERE id <= 5", "suspend": False}}
    )
    found = ended(world, run)
    assert found["status"]["progress"]["rowsRead"] == 3000
    assert world.differs(made) == ""
    ended(world, asked(world, made))
    assert world.target(f"SELECT count(*) FROM {made['target_table']}") == [(5,)]


def test_a_run_is_cancelled_and_what_was_written_stays(world):
    made = applied(world, rows=5000, batch_size=50, max_rows_per_second=500)
    run = asked(world, made)
    world.api.wait_for_run(made["id"], run["uid"], lambda found: found["rows_read"] > 0)
    world.kubectl.patch("etlr", run["name"], {"spec": {"cancel": True, "cancelReason": "no longer needed"}})
    found = ended(world, run)
    assert phase(found) == "CANCELLED"
    (rows,) = world.target(f"SELECT count(*), max(id) FROM {made['target_table']}")
    assert rows[0] == rows[1] > 0
    world.wait_for_resource("etlp", made["resource"], lambda one: phase(one) == "IDLE")
    assert world.api.one_run(made["id"], run["uid"])["status"] == "CANCELLED"
    with pytest.raises(KubectlError, match="can't be withdrawn"):
        world.kubectl.patch("etlr", run["name"], {"spec": {"cancel": False}})
    # After a cancel a full run starts over.
    world.kubectl.patch("etlp", made["resource"], {"spec": {"maxRowsPerSecond": None}})
    found = ended(world, asked(world, made))
    assert found["status"]["progress"]["rowsRead"] == 5000


def test_a_run_that_waits_for_its_start_does_not_count(world):
    made = applied(world, rows=3)
    waiting = asked(world, made, suspend=True)
    found = world.wait_for_resource("etlr", waiting["name"], conditions)
    assert phase(found) == "PENDING"
    assert world.api.pipeline(made["id"])["status"] == "IDLE"
    # Another one passes it.
    assert phase(ended(world, asked(world, made))) == "SUCCESS"
    world.kubectl.patch("etlr", waiting["name"], {"spec": {"suspend": False}})
    assert phase(ended(world, waiting)) == "SUCCESS"


def test_a_run_with_parameters_brings_its_slice(world):
    table = world.source_table(20)
    made = applied(
        world, source_query=f"SELECT id, name FROM {table} WHERE id >= %(low)s AND id < %(high)s", prune=False
    )
    assert phase(ended(world, asked(world, made, params={"low": 1, "high": 4}))) == "SUCCESS"
    assert phase(ended(world, asked(world, made, params={"low": "10", "high": "12"}))) == "SUCCESS"
    assert world.target(f"SELECT id FROM {made['target_table']} ORDER BY id") == [(1,), (2,), (3,), (10,), (11,)]
    found = ended(world, asked(world, made, params={"low": 1}))
    assert phase(found) == "FAILED"
    assert "high" in found["status"]["errorMessage"]
    failed = world.api.wait_for_end(made["id"], world.api.run(made["id"])["run_id"])
    assert failed["status"] == "FAILED"
    assert re.search("low|high", failed["error_message"])


def test_two_runs_go_one_after_the_other(world):
    made = applied(world, rows=500, batch_size=50, max_rows_per_second=250)
    first, second = asked(world, made), asked(world, made)
    world.wait_for_resource("etlr", first["name"], lambda found: phase(found) == "RUNNING")
    assert phase(world.kubectl.get("etlr", second["name"])) in {None, "PENDING"}
    one, two = ended(world, first), ended(world, second)
    assert (phase(one), phase(two)) == ("SUCCESS", "SUCCESS")
    assert one["status"]["finishedAt"] <= two["status"]["startedAt"]


def test_a_reconcile_by_kubectl_shows_what_it_found(world):
    made = applied(world, rows=4)
    ended(world, asked(world, made))
    found = ended(world, asked(world, made, kind="Reconcile"))
    assert found["status"]["result"] == {"sourceCount": 4, "targetCount": 4, "difference": 0, "status": "OK"}


def test_a_deleted_pipeline_takes_its_runs_and_jobs_along(world):
    made = applied(world, rows=5000, batch_size=50, max_rows_per_second=500)
    run = asked(world, made)
    world.api.wait_for_run(made["id"], run["uid"], lambda found: found["rows_read"] > 0)
    world.kubectl.run("delete", "etlp", made["resource"], "--wait=false")
    wait_for(
        "the run and its Job to go",
        lambda: not world.jobs(run["uid"]) and run["name"] not in world.kubectl.run("get", "etlr", "-o", "name"),
        seconds=90, every=0.5,
    )  # fmt: skip
    assert world.api.request("GET", f"/pipelines/{made['id']}").status_code == 404


def test_the_younger_of_two_with_one_name_says_so(world):
    first = applied(world)
    # Kubernetes notes ages in seconds.
    time.sleep(1.1)
    second = applied(world, name=first["name"])
    found = world.wait_for_resource(
        "etlp", second["resource"], lambda one: conditions(one)["Ready"]["reason"] == "DuplicateName"
    )
    assert conditions(found)["Ready"]["status"] == "False"
    assert conditions(world.kubectl.get("etlp", first["resource"]))["Ready"]["status"] == "True"


def test_a_run_of_a_pipeline_that_does_not_exist_says_so(world):
    run = world.kubectl.create(world.run_manifest("no-such-pipeline"))["metadata"]
    found = world.wait_for_resource(
        "etlr", run["name"], lambda one: "no-such-pipeline" in str(one.get("status", {}).get("conditions"))
    )
    assert "WaitingForPipeline" in {one["reason"] for one in conditions(found).values()}
    assert phase(found) == "PENDING"


def test_columns_and_explanations_are_worth_reading(world):
    made = applied(world, rows=2)
    ended(world, asked(world, made))
    head, *rows = world.kubectl.run("get", "etlp", made["resource"]).splitlines()
    assert re.split(r"\s{2,}", head) >= ["NAME", "PHASE", "MODE", "TARGET", "LAST RUN", "READ"]
    assert made["target_table"] in rows[0]
    assert made["resource"] in world.kubectl.run("get", "etl")
    assert "One SELECT" in world.kubectl.run("explain", "etlpipeline.spec.sourceQuery")
