"""The operator is killed at each step of a run: whatever it had done by then is recognised when it comes back."""

import os
import signal
import time

import pytest

from headrace_local.waiting import wait_for

# Seconds after the request: before the claim, between claim and Job, before the first report, at work, at the end.
MOMENTS = (0.0, 0.03, 0.08, 0.15, 0.3, 0.6, 1.0, 1.6, 2.2, 2.8)


def kill(world, process="operator"):
    pid = world.pid(process)
    os.kill(pid, signal.SIGKILL)
    return pid


def test_killed_at_any_moment_of_a_run_it_ends_once_and_right(world):
    """One run after the other is asked for; those before it are hit at whatever step they have come to."""
    table = world.source_table(500)
    asked = []
    for moment in MOMENTS:
        made = world.pipeline(source_query=f"SELECT id, name FROM {table}", batch_size=50, max_rows_per_second=500)
        asked.append((moment, made, world.api.run(made["id"])["run_id"]))
        time.sleep(moment)
        kill(world)
    for moment, made, run_id in asked:
        run = world.done(made, run_id, seconds=60)
        assert (run["rows_read"], run["rows_written"]) == (500, 500), moment
        assert world.differs(made) == "", moment
        assert len(world.jobs(run_id)) <= 1, moment
        assert len(world.api.call("GET", f"/pipelines/{made['id']}/runs")) == 1, moment


def test_killed_while_a_run_pauses_and_while_it_resumes(world):
    made = world.slow_pipeline(seconds=6)
    run_id = world.running(made)
    world.api.pause(made["id"])
    kill(world)
    world.api.wait_for_status(made["id"], "PAUSED", seconds=60)
    assert world.api.run(made["id"])["run_id"] == run_id
    kill(world)
    world.done(made, run_id, seconds=60)
    assert world.differs(made) == ""


def test_killed_while_a_run_is_being_cancelled(world):
    made = world.slow_pipeline(seconds=10)
    run_id = world.running(made)
    name = world.resource("etlr", run_id)["metadata"]["name"]
    world.kubectl.patch("etlr", name, {"spec": {"cancel": True}})
    kill(world)
    assert world.api.wait_for_end(made["id"], run_id, seconds=60)["status"] == "CANCELLED"
    world.api.wait_for_status(made["id"], "IDLE")
    wait_for("the Job to go", lambda: not world.jobs(run_id), seconds=60, every=0.5)


@pytest.mark.parametrize("stopped_for", [4])
def test_what_happened_while_it_was_stopped_is_caught_up_with(world, stopped_for):
    """A run that ends, one that is asked for and a pipeline that is made while nobody looks."""
    first, second = world.slow_pipeline(seconds=2), world.pipeline(rows=5)
    run_id = world.running(first)
    pid = world.pid("operator")
    os.kill(pid, signal.SIGSTOP)
    try:
        asked = world.api.run(second["id"])["run_id"]
        third = world.pipeline(rows=3)
        last = world.api.run(third["id"])["run_id"]
        time.sleep(stopped_for)
    finally:
        os.kill(pid, signal.SIGCONT)
    for pipeline, run in ((first, run_id), (second, asked), (third, last)):
        world.done(pipeline, run, seconds=60)
        assert world.differs(pipeline) == ""
