"""What a run says of its tasks: written when its phase changes, as the runner measured the stages by then."""

import dataclasses

from headrace.lifecycle.actions import SaveRun
from headrace.lifecycle.observed import PodSeen
from headrace.model.pipeline import Edge, Node

STAGES = {
    "extract": {"state": "SUCCESS", "started_at": "2026-05-01T12:00:02Z", "finished_at": "2026-05-01T12:00:05Z"}
    | {"rows_read": 10, "rows_written": 10},
    "transform": {"state": "RUNNING", "started_at": "2026-05-01T12:00:02Z", "rows_read": 10, "rows_written": 9},
}


def states(world, uid):
    return {task.name: task.state for task in world.runs[uid].status.tasks}


def test_a_run_that_has_its_job_shows_what_is_to_be_done(world):
    uid = world.started()
    assert states(world, uid) == {"extract": "PENDING", "transform": "PENDING", "load": "PENDING"}


def test_a_run_that_waits_has_no_tasks_yet(world):
    """They are those of its pipeline, which may change until it begins."""
    uid = world.ask(suspend=True)
    world.reconcile()
    assert world.runs[uid].status.tasks == []


def test_tasks_follow_the_phase_with_what_was_measured(world):
    uid = world.started()
    world.wait(2)
    world.report(uid, batches=1, stages=STAGES)
    world.reconcile()
    assert states(world, uid) == {"extract": "SUCCESS", "transform": "RUNNING", "load": "PENDING"}
    extract = world.runs[uid].status.tasks[0]
    assert (extract.rows_read, extract.finished_at, extract.stage) == (10, "2026-05-01T12:00:05Z", "extract")
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.pod_gone(uid)
    world.reconcile()
    assert states(world, uid) == {"extract": "SUCCESS", "transform": "PAUSED", "load": "PENDING"}


def test_an_end_is_the_end_of_all_tasks(world):
    uid = world.running()
    world.report(uid, stages=STAGES, outcome="DONE")
    world.reconcile()
    assert set(states(world, uid).values()) == {"SUCCESS"}


def test_a_failure_says_where(world):
    uid = world.running()
    world.report(uid, stages=STAGES, outcome="FAILED", message="no")
    world.reconcile()
    assert states(world, uid) == {"extract": "SUCCESS", "transform": "FAILED", "load": "CANCELLED"}


def test_stages_alone_are_not_worth_a_write(world):
    uid = world.running()
    world.report(uid, stages=STAGES)
    assert not [step for step in world.reconcile() if isinstance(step, SaveRun)]


def test_tasks_are_the_nodes_that_the_pipeline_had_when_the_run_began(world):
    nodes = [Node(id="put", type="sink"), Node(id="get", type="source"), Node(id="clean", type="sql")]
    edges = [Edge(from_="get", to="clean"), Edge(from_="clean", to="put")]
    world.edit_pipeline(nodes=nodes, edges=edges)
    uid = world.started()
    world.edit_pipeline(nodes=[Node(id="other", type="source")], edges=[])
    world.wait(2)
    world.report(uid, batches=1, stages=STAGES)
    world.reconcile()
    assert list(states(world, uid).items()) == [("get", "SUCCESS"), ("clean", "RUNNING"), ("put", "PENDING")]


def test_a_run_of_the_version_before_gets_its_tasks_too(world):
    uid = world.running()
    run = world.runs[uid]
    world.runs[uid] = dataclasses.replace(run, status=run.status.model_copy(update={"tasks": []}))
    world.report(uid, outcome="DONE")
    world.reconcile()
    assert set(states(world, uid).values()) == {"SUCCESS"}


def test_nothing_is_said_of_tasks_of_a_reconcile(world):
    """It moves no rows."""
    uid = world.started(kind="Reconcile")
    assert world.runs[uid].status.tasks == []


def test_what_was_measured_stays_when_the_store_is_away_at_the_end(world):
    """The pod's last word says that the run is done, and nothing of its stages."""
    uid = world.started()
    world.wait(2)
    world.report(uid, batches=1, stages=STAGES)
    world.reconcile()
    world.store_away()
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, outcome="DONE", rows_read=10, batches=2)
    world.change_job(uid, complete=True, active=0, ready=0)
    world.reconcile()
    assert set(states(world, uid).values()) == {"SUCCESS"}
    extract, transform, _ = world.runs[uid].status.tasks
    assert (extract.rows_read, extract.finished_at) == (10, "2026-05-01T12:00:05Z")
    assert (transform.rows_written, transform.started_at) == (9, "2026-05-01T12:00:02Z")


def test_a_pause_is_no_state_of_a_stage(world):
    """A run that is paused, and cancelled while the store is away, has no task that is paused for ever."""
    uid = world.started()
    world.wait(2)
    world.report(uid, batches=1, stages=STAGES)
    world.reconcile()
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.pod_gone(uid)
    world.reconcile()
    world.store_away()
    world.edit(uid, cancel=True)
    world.reconcile()
    assert states(world, uid) == {"extract": "SUCCESS", "transform": "CANCELLED", "load": "CANCELLED"}
