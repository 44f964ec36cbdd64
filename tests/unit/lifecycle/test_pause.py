"""Pausing, going on and cancelling: the Job is suspended, and everything waits for its pod."""

from headrace.lifecycle.actions import CreateJob, DeleteJob, ResumeJob, SuspendJob


def of(kind, steps):
    return [step for step in steps if isinstance(step, kind)]


def test_a_pause_suspends_the_job_and_is_done_when_the_pod_is_gone(world):
    uid = world.running()
    world.edit_pipeline(suspend=True)
    assert of(SuspendJob, world.reconcile())
    assert world.pipeline_phase == "PAUSE_REQUESTED"
    world.pod_gone(uid)
    world.reconcile()
    assert (world.phase(uid), world.pipeline_phase) == ("PAUSED", "PAUSED")
    assert world.last.wake_at is None


def test_a_pod_that_was_just_asked_for_is_stopped_when_it_can_hear(world):
    uid = world.started()
    world.edit_pipeline(suspend=True)
    assert not of(SuspendJob, world.reconcile())
    assert world.pipeline_phase == "PAUSE_REQUESTED"
    world.wait(1)
    world.report(uid)
    assert of(SuspendJob, world.reconcile())


def test_a_pod_that_never_speaks_is_stopped_all_the_same(world):
    world.started()
    world.edit_pipeline(suspend=True)
    world.wait(20)
    assert of(SuspendJob, world.reconcile())


def test_going_on_resumes_the_same_job_with_the_same_epoch(world):
    uid = world.paused()
    epoch = world.runs[uid].status.job.epoch
    world.edit_pipeline(suspend=False)
    assert of(ResumeJob, world.reconcile())
    assert world.pipeline_phase == "RUN_REQUESTED"
    assert world.runs[uid].status.job.epoch == epoch
    world.wait(1)
    world.report(uid, batches=1)
    world.reconcile()
    assert (world.phase(uid), world.pipeline_phase) == ("RUNNING", "RUNNING")


def test_a_pause_that_is_withdrawn_waits_for_the_old_pod(world):
    uid = world.running()
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.edit_pipeline(suspend=False)
    assert not of(ResumeJob, world.reconcile())
    world.pod_gone(uid)
    assert of(ResumeJob, world.reconcile())


def test_a_suspended_job_whose_run_is_done_is_a_success(world):
    uid = world.running()
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.report(uid, outcome="DONE")
    world.pod_gone(uid)
    steps = world.reconcile()
    assert (world.phase(uid), world.pipeline_phase) == ("SUCCESS", "PAUSED")
    assert of(DeleteJob, steps)


def test_a_pod_that_does_not_stop_loses_its_job_and_the_run_goes_on_with_the_next(world):
    uid = world.running()
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.wait(181)
    assert of(DeleteJob, world.reconcile())
    assert world.phase(uid) == "PAUSED"
    world.edit_pipeline(suspend=False)
    created = of(CreateJob, world.reconcile())
    assert [step.attempt for step in created] == [2]


def test_a_pause_before_the_start_keeps_the_run_waiting(world):
    world.edit_pipeline(suspend=True)
    uid = world.ask()
    world.reconcile()
    assert not world.jobs
    assert (world.phase(uid), world.pipeline_phase) == ("PENDING", "PAUSED")


def test_paused_time_does_not_count(world):
    uid = world.running(timeout_seconds=100)
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.pod_gone(uid)
    world.reconcile()
    world.wait(10_000)
    world.edit_pipeline(suspend=False)
    world.reconcile()
    world.wait(50)
    world.report(uid, batches=1)
    world.reconcile()
    assert world.phase(uid) == "RUNNING"


def test_pauses_are_no_takeovers(world):
    uid = world.paused()
    for _ in range(10):
        world.edit_pipeline(suspend=False)
        world.reconcile()
        world.wait(1)
        world.report(uid)
        world.reconcile()
        world.edit_pipeline(suspend=True)
        world.reconcile()
        world.pod_gone(uid)
        world.reconcile()
    assert world.phase(uid) == "PAUSED"


def test_a_paused_run_holds_the_pipeline_but_no_slot(world):
    uid = world.paused()
    assert world.pipeline.status.active_run.uid == uid
    assert not world.last.holds.at_work


def test_a_resume_waits_for_a_slot(world):
    uid = world.paused()
    world.busy_elsewhere = world.limits.max_concurrent_runs
    world.edit_pipeline(suspend=False)
    world.reconcile()
    assert (world.phase(uid), world.condition("Running", uid)[1]) == ("PAUSED", "WaitingForSlot")


def test_a_cancel_suspends_the_job_and_deletes_it_when_its_pod_is_gone(world):
    uid = world.running()
    world.edit(uid, cancel=True, cancel_reason="enough")
    assert of(SuspendJob, world.reconcile())
    assert not of(DeleteJob, world.steps)
    world.pod_gone(uid)
    assert of(DeleteJob, world.reconcile())
    assert (world.phase(uid), world.pipeline_phase) == ("CANCELLED", "IDLE")
    assert world.runs[uid].status.error_message is None


def test_a_cancel_of_a_paused_run_needs_no_waiting(world):
    uid = world.paused()
    world.edit(uid, cancel=True)
    world.reconcile()
    assert world.phase(uid) == "CANCELLED"
    assert not world.jobs


def test_a_cancel_in_the_queue_never_starts(world):
    world.running()
    uid = world.ask()
    world.edit(uid, cancel=True)
    world.reconcile()
    assert world.phase(uid) == "CANCELLED"
    assert len(world.jobs) == 1
