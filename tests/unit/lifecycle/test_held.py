"""A run that was stopped before anybody saw it at work."""

from headrace.lifecycle.times import to_text


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
