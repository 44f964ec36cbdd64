"""What a release is and survives: killed operators, upgrades in the middle of runs, rolling back, an end."""

import json
import time

from tests.chart.live.site import SECRET

from headrace_local.api import Api
from headrace_local.waiting import wait_for


def test_two_of_each_are_ready_and_one_operator_works(release):
    assert len(release.wait_until_ready("api", 2)) == 2
    operators = release.wait_until_ready("operator", 2)
    assert release.leader() in operators


def test_a_pipeline_runs_and_both_pods_of_the_api_know_it(world):
    made = world.pipeline(rows=500)
    run = world.done(made, world.api.run(made["id"])["run_id"])
    assert run["rows_written"] == 500
    assert world.other_api.one_run(made["id"], run["id"]) == run
    assert world.differs(made) == ""


def test_runners_get_no_token(world):
    made = world.slow_pipeline(seconds=15)
    run_id = world.running(made)
    (pod,) = world.kubectl.list("pods", "-l", f"headrace.dev/run={run_id}")
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert "serviceaccount" not in json.dumps(pod["spec"].get("volumes", []))
    world.api.pause(made["id"])
    world.api.wait_for_status(made["id"], "PAUSED")


def test_a_run_goes_on_while_its_operator_is_killed(release, world):
    """The other one takes the Lease, and knows the run by name."""
    made = world.slow_pipeline(seconds=15)
    run_id = world.running(made)
    killed = release.leader()
    world.kubectl.run("delete", "pod", killed.name, "--grace-period=0", "--force")
    run = world.done(made, run_id)
    assert run["rows_read"] == 15 * 500
    assert world.differs(made) == ""
    assert release.leader() != killed
    release.wait_until_ready("operator", 2)


def test_a_run_goes_on_through_an_upgrade_and_the_way_back(site, release, world, token):
    """Every pod of API and operator is replaced, twice; the run never hears of it."""
    again = {"podAnnotations": {"example.com/try": "2"}}
    with world.held_pipeline() as (made, let_go):
        run_id = str(world.api.run(made["id"])["run_id"])
        world.api.wait_for_status(made["id"], "RUNNING")
        (job,) = world.jobs(run_id)
        before, revision = {pod.name for pod in release.pods("api") + release.pods("operator")}, release.revision()
        release.upgrade({"operator": again, "api": again})
        between = {pod.name for pod in release.wait_until_ready("api", 2) + release.wait_until_ready("operator", 2)}
        assert between.isdisjoint(before)
        release.rollback()
        assert release.revision() == revision + 2
        release.wait_until_ready("operator", 2)
        (one, _) = release.wait_until_ready("api", 2)
        with site.reach(release, one) as address, Api(address, token=token) as api:
            assert api.run(made["id"])["run_id"] == run_id, "asking again is answered with the run that is at work"
            assert [seen["metadata"]["uid"] for seen in world.jobs(run_id)] == [job["metadata"]["uid"]]
            let_go()
            run = api.wait_for_end(made["id"], run_id, seconds=60)
    assert (run["status"], run["rows_written"]) == ("SUCCESS", 100)
    assert world.differs(made) == ""


def test_calls_are_answered_all_through_a_restart_of_the_api(site, release, world):
    """As a Service does, a caller takes a pod that is ready: none of them refuses before it is taken out."""
    release.kubectl.run("rollout", "restart", "deployment", "-l", "app.kubernetes.io/component=api")
    refused, asked, deadline = [], 0, time.monotonic() + 120
    while time.monotonic() < deadline:
        for pod in release.pods("api"):
            with site.reach(release, pod) as address, Api(address, token=world.token) as api:
                answer = api.request("GET", "/pipelines?limit=1")
            asked += 1
            if answer.status_code != 200:
                refused.append(answer.text)
        state = release.kubectl.run(
            "rollout", "status", "deployment", "-l", "app.kubernetes.io/component=api", "--watch=false"
        )
        if "successfully rolled out" in state:
            break
    assert (refused, asked > 0) == ([], True)
    release.wait_until_ready("api", 2)


def test_an_upgrade_brings_back_what_was_scaled_to_nothing(release):
    """As docs/backup.md has it."""
    name = release.kubectl.run("get", "deployment", "-l", "app.kubernetes.io/component=operator", "-o", "name")
    release.kubectl.run("scale", name, "--replicas=0")
    wait_for("the operators to be gone", lambda: not release.pods("operator"), seconds=60)
    release.upgrade()
    release.wait_until_ready("operator", 2)


def test_helm_test_asks_the_api(release):
    """The Service has no endpoints on the local cluster, so that a pod's own address is asked."""
    (pod, _) = release.wait_until_ready("api", 2)
    release.upgrade({"test": {"url": f"http://{pod.address}:8000/api/v1/health"}})
    assert '"status":"ok"' in release.test().replace(" ", "")


def test_an_uninstall_leaves_data_and_definitions_and_says_so(other_release):
    """And what was left goes on where it stood when the chart is installed again."""
    one = other_release()
    assert "`helm uninstall` leaves the definitions" in one.install()
    namespace = one.kubectl.namespace
    pipeline = {
        "apiVersion": "headrace.dev/v1alpha1", "kind": "EtlPipeline", "metadata": {"name": "kept"},
        "spec": {"name": "kept", "targetTable": f"analytics.{namespace.replace('-', '_')}", "keyColumns": ["id"],
                 "sourceQuery": "SELECT n AS id FROM generate_series(1, 5) AS n"},
    }  # fmt: skip
    one.kubectl.apply(pipeline)
    one.uninstall()
    assert one.kubectl.get("etlpipelines.headrace.dev", "kept")["spec"]["name"] == "kept"
    assert one.kubectl.get("secret", SECRET)
    wait_for("its pods to be gone", lambda: not one.kubectl.list("pods"), seconds=60)
    one.install()
    run = {"apiVersion": "headrace.dev/v1alpha1", "kind": "EtlRun", "metadata": {"name": "again"}}
    one.kubectl.apply({**run, "spec": {"pipeline": "kept"}})
    one.kubectl.run("wait", "--for=condition=Complete", "etlrun/again", "--timeout=60s", seconds=90)
