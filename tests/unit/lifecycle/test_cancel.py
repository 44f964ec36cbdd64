"""Cancelling: at once where nothing is at work, between batches where something is, or when its patience is over."""

import pytest

from headrace.lifecycle.actions import DeleteJob, SuspendJob


def of(kind, steps):
    return [step for step in steps if isinstance(step, kind)]


@pytest.mark.parametrize(
    "spec",
    [{"suspend": True}, {}, {"stop_seconds": 0}, {"suspend": True, "kind": "Reconcile"}],
    ids=["waits for its start", "waits in the queue", "with a bound", "a reconcile"],
)
def test_a_run_that_has_not_begun_is_cancelled_at_once_and_recorded(world, spec):
    world.running()
    uid = world.ask(**spec)
    world.reconcile()
    world.edit(uid, cancel=True, cancel_reason="enough")
    world.reconcile()
    assert world.phase(uid) == "CANCELLED"
    assert world.history[uid]["phase"] == "CANCELLED"
    assert world.runs[uid].status.archived
    assert world.condition("Failed", uid) == ("True", "RunCancelled", "enough")
    assert len(world.jobs) == 1


def test_a_run_that_waits_for_its_paused_pipeline_is_cancelled_at_once(world):
    world.edit_pipeline(suspend=True)
    uid = world.ask()
    world.reconcile()
    world.edit(uid, cancel=True)
    world.reconcile()
    assert (world.phase(uid), world.history[uid]["phase"]) == ("CANCELLED", "CANCELLED")


def test_a_run_that_is_cancelled_before_anybody_looked_never_starts(world):
    uid = world.ask(cancel=True)
    world.reconcile()
    assert (world.phase(uid), world.jobs) == ("CANCELLED", {})


def test_a_cancel_while_the_store_is_away_is_recorded_when_it_is_back(world):
    uid = world.ask(suspend=True)
    world.store_away()
    world.edit(uid, cancel=True)
    world.reconcile()
    assert (world.phase(uid), world.runs[uid].status.archived, world.history) == ("CANCELLED", False, {})
    world.store_back()
    world.reconcile()
    assert (world.runs[uid].status.archived, world.history[uid]["phase"]) == (True, "CANCELLED")


def test_a_cancelled_stream_lets_the_next_run_begin(world):
    first = world.streaming()
    second = world.ask()
    world.edit(first, cancel=True)
    world.reconcile()
    world.pod_gone(first)
    world.reconcile()
    assert world.phase(first) == "CANCELLED"
    assert world.runs[second].status.job is not None


@pytest.mark.parametrize(
    ("stop_seconds", "patience"),
    [(None, 180), (0, 0), (1, 1), (30, 30), (119, 119), (120, 120), (86_400, 120)],
)
def test_a_cancelled_run_has_as_long_as_it_is_given_and_no_longer_than_a_pod_has(world, stop_seconds, patience):
    """The grace period is 120 s; Kubernetes ends a pod then, and what does not end gets 60 s more."""
    uid = world.running()
    world.edit(uid, cancel=True, stop_seconds=stop_seconds)
    steps = world.reconcile()
    if patience:
        assert (len(of(SuspendJob, steps)), of(DeleteJob, steps)) == (1, [])
        assert (world.last.wake_at - world.now).total_seconds() == patience
        world.wait(patience - 0.1)
        assert not of(DeleteJob, world.reconcile())
        world.wait(0.1)
        steps = world.reconcile()
    assert of(DeleteJob, steps)
    assert world.phase(uid) == "CANCELLED"
    assert not world.jobs


def test_a_batch_that_ends_in_time_is_kept(world):
    uid = world.running()
    world.edit(uid, cancel=True, stop_seconds=30)
    world.reconcile()
    world.wait(10)
    world.report(uid, batches=1, outcome="STOPPED")
    world.pod_gone(uid)
    world.reconcile()
    assert (world.phase(uid), world.runs[uid].status.progress.batches) == ("CANCELLED", 2)


def test_the_bound_counts_from_the_cancel_also_while_the_pod_can_not_hear(world):
    """A pod that was just asked for ignores a signal for up to 20 s: the bound is over before."""
    uid = world.started()
    world.edit(uid, cancel=True, stop_seconds=5)
    world.reconcile()
    assert (world.last.wake_at - world.now).total_seconds() == 5
    world.wait(5)
    world.reconcile()
    assert (world.phase(uid), world.jobs) == ("CANCELLED", {})


def test_the_bound_counts_from_the_cancel_also_when_the_pod_begins_to_hear(world):
    uid = world.started()
    world.edit(uid, cancel=True, stop_seconds=30)
    world.reconcile()
    world.wait(10)
    world.report(uid)
    assert of(SuspendJob, world.reconcile())
    assert (world.last.wake_at - world.now).total_seconds() == 20


def test_a_pause_has_all_the_time_that_a_pod_has(world):
    """A bound, `stopSeconds`, says something of a cancel only."""
    world.running(stop_seconds=5)
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.wait(100)
    assert not of(DeleteJob, world.reconcile())


def test_a_job_that_is_deleted_slowly_is_waited_for(world):
    uid = world.running()
    world.edit(uid, cancel=True, stop_seconds=0)
    world.change_job(uid, deleting=True)
    world.reconcile()
    assert world.phase(uid) == "RUNNING"
    world.jobs.clear()
    world.reconcile()
    assert world.phase(uid) == "CANCELLED"
