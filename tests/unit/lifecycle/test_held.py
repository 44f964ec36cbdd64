"""A run that was stopped before anybody saw it at work."""

from headrace.model.times import to_text


def test_a_run_that_reported_between_two_looks_and_was_paused_has_begun(world):
    uid = world.started()
    world.wait(2)
    reported = world.now
    world.report(uid, batches=1)
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.pod_gone(uid)
    world.wait(2)
    world.reconcile()
    assert (world.phase(uid), world.runs[uid].status.started_at) == ("PAUSED", to_text(reported))


def test_a_run_that_never_spoke_and_was_suspended_does_not_wait_for_a_start(world):
    uid = world.started()
    world.edit(uid, suspend=True)
    world.wait(60)
    world.reconcile()
    world.pod_gone(uid)
    world.reconcile()
    assert (world.phase(uid), world.pipeline_phase) == ("PAUSED", "PAUSED")


def test_a_run_that_is_paused_again_before_it_speaks_has_changed_its_state(world):
    uid = world.paused()
    world.edit_pipeline(suspend=False)
    world.wait(5)
    world.reconcile()
    world.edit_pipeline(suspend=True)
    world.wait(60)
    world.reconcile()
    assert world.pipeline_phase == "PAUSE_REQUESTED"
    world.pod_gone(uid)
    world.reconcile()
    assert world.pipeline_phase == "PAUSED"
    changed = world.runs[uid].status.last_transition_time
    assert changed == to_text(world.now)
    world.wait(60)
    world.reconcile()
    assert world.runs[uid].status.last_transition_time == changed
