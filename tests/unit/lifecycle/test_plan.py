"""What a plan does about one run, from its request to its end: a table of behaviours."""

from datetime import timedelta

import pytest

from headrace.lifecycle.actions import CreateJob, DeleteJob, ExpireJob, RecordRun, SavePipeline, SaveRun, SuspendJob
from headrace.lifecycle.observed import PodSeen
from headrace.lifecycle.problem import Problem
from headrace.model.conditions import Reason


def kinds(steps):
    return [type(step).__name__ for step in steps]


def test_a_new_pipeline_is_idle_and_ready(world):
    world.reconcile()
    assert world.pipeline_phase == "IDLE"
    assert world.condition("Ready")[:2] == ("True", "Valid")


def test_a_request_is_claimed_then_written_down_and_only_then_gets_its_job(world):
    world.reconcile()
    world.ask()
    assert kinds(world.reconcile()) == ["SavePipeline", "SaveRun", "RecordRun", "CreateJob"]
    assert world.pipeline_phase == "RUN_REQUESTED"


def test_the_job_is_shown_as_active_before_it_is_created(world):
    uid = world.ask()
    saved = next(step for step in world.plan().steps if isinstance(step, SaveRun))
    assert saved.status.job is not None
    assert saved.status.job.active
    assert saved.uid == uid


def test_the_runner_finds_what_to_do_in_the_store(world):
    uid = world.started()
    spec = world.history[uid]["spec"]
    assert (spec.query, spec.target_schema, spec.target_table) == ("SELECT id FROM films", "analytics", "films")


def test_the_first_report_makes_it_running(world):
    uid = world.running()
    assert (world.phase(uid), world.pipeline_phase) == ("RUNNING", "RUNNING")
    assert world.runs[uid].status.started_at


def test_done_in_the_store_is_success_before_the_job_says_so(world):
    uid = world.running()
    world.report(uid, batches=3, outcome="DONE")
    steps = world.reconcile()
    assert kinds(steps)[:5] == ["SaveRun", "RecordRun", "DropSecret", "SavePipeline", "ExpireJob"]
    assert (world.phase(uid), world.pipeline_phase) == ("SUCCESS", "IDLE")
    assert world.pipeline.status.last_run.rows_read == 4000
    assert world.pipeline.status.active_run is None


def test_a_run_costs_at_most_eight_writes_to_kubernetes_besides_its_request(world):
    uid = world.running()
    world.report(uid, batches=3, outcome="DONE")
    world.reconcile()
    written = (SavePipeline, SaveRun, CreateJob, ExpireJob)
    assert sum(isinstance(step, written) for step in world.steps) <= 8


def test_a_run_that_is_over_before_anybody_looked_succeeds_too(world):
    uid = world.started()
    world.report(uid, batches=1, outcome="DONE")
    world.reconcile()
    assert world.phase(uid) == "SUCCESS"
    assert world.runs[uid].status.started_at


def test_a_complete_job_is_success_when_the_store_missed_the_last_word(world):
    uid = world.running()
    world.change_job(uid, complete=True, finished=True, active=0)
    world.reconcile()
    assert world.phase(uid) == "SUCCESS"


def test_a_runner_that_gives_up_fails_the_run_with_its_words(world):
    uid = world.running()
    world.report(uid, outcome="FAILED", message="column x does not exist")
    world.reconcile()
    assert world.runs[uid].status.error_message == "column x does not exist"
    assert world.pipeline_phase == "FAILED"
    assert world.condition("Degraded") == ("True", "RunFailed", "column x does not exist")


def test_exit_64_without_a_word_in_the_store_takes_the_termination_message(world):
    uid = world.running()
    world.change_job(uid, failed="PodFailurePolicy", active=0)
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, exit_code=64, message="no permission")
    world.reconcile()
    assert world.runs[uid].status.error_message == "no permission"


def test_a_job_that_gave_up_after_progress_gets_another_attempt_with_a_new_epoch(world):
    uid = world.running()
    world.change_job(uid, failed="BackoffLimitExceeded", finished=True, active=0)
    before = world.runs[uid].status.job
    world.reconcile()
    after = world.runs[uid].status.job
    assert (after.attempt, world.phase(uid)) == (2, "RUNNING")
    assert after.epoch > before.epoch
    assert list(world.jobs) == [after.name]
    assert world.history[uid]["spec"] is not None


def test_a_job_that_gave_up_without_progress_fails_the_run(world):
    uid = world.started()
    world.change_job(uid, failed="BackoffLimitExceeded", finished=True, active=0)
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, exit_code=137, reason="OOMKilled")
    world.reconcile()
    assert world.runs[uid].status.error_message == "the runner ended with exit code 137 (OOMKilled)"


def test_runners_that_could_not_reach_the_store_do_not_fail_the_run(world):
    uid = world.started()
    world.store_away()
    world.wait(60)
    world.change_job(uid, failed="BackoffLimitExceeded", finished=True, active=0)
    world.reconcile()
    assert world.phase(uid) == "PENDING"
    world.store_back()
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2


def test_five_takeovers_without_a_batch_fail_the_run_whatever_the_exit_codes(world):
    uid = world.running()
    for _ in range(5):
        world.wait(3)
        world.report(uid, take_over=True)
        world.reconcile()
        assert world.phase(uid) == "RUNNING"
    world.report(uid, take_over=True)
    steps = world.reconcile()
    assert world.phase(uid) == "FAILED"
    assert any(isinstance(step, DeleteJob) for step in steps)


def test_takeovers_with_batches_between_them_are_fine(world):
    uid = world.running()
    for _ in range(20):
        world.wait(3)
        world.report(uid, take_over=True)
        world.reconcile()
        world.wait(11)
        world.report(uid, batches=1)
        world.reconcile()
    assert world.phase(uid) == "RUNNING"


def test_a_silent_runner_whose_pod_is_being_deleted_is_given_up(world):
    uid = world.running()
    world.wait(91)
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, deleting=True)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2
    assert len(world.jobs) == 1


@pytest.mark.parametrize("dies_after", range(4))
def test_the_job_of_a_silent_runner_goes_before_the_next_one_comes_whoever_dies_in_between(world, dies_after):
    uid = world.running()
    world.wait(601)
    world.reconcile(dies_after=dies_after)
    # The world refuses a second Job beside one at work.
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2
    assert [job.attempt for job in world.jobs.values()] == [2]


def test_a_silent_runner_whose_pod_looks_well_is_given_three_times_as_long(world):
    uid = world.running()
    world.pods[world.job_of(uid).name] = PodSeen(exists=True)
    world.wait(250)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 1
    world.wait(30)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2


def test_an_outage_of_the_store_makes_no_runner_look_silent(world):
    uid = world.running()
    world.store_away()
    world.wait(3600)
    world.reconcile()
    world.store_back()
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, deleting=True)
    world.wait(60)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 1


def test_runners_that_fall_silent_again_and_again_fail_the_run(world):
    uid = world.started()
    for _ in range(5):
        world.change_job(uid, ready=1)
        world.wait(271)
        world.reconcile()
    assert world.phase(uid) == "FAILED"
    assert "fell silent" in world.runs[uid].status.error_message
    assert not world.jobs


def test_a_pod_that_does_not_start_is_explained_after_a_minute_and_fails_after_ten(world):
    uid = world.started()
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, reason="ImagePullBackOff: no such image")
    world.wait(61)
    world.reconcile()
    assert world.condition("Running", uid) == ("True", "PodNotReady", "ImagePullBackOff: no such image")
    world.wait(540)
    world.reconcile()
    assert world.runs[uid].status.error_message == "not ready after 10 minutes: ImagePullBackOff: no such image"
    assert not world.jobs


def test_a_secret_that_somebody_deleted_is_made_again_for_the_pod_that_waits_for_it(world):
    uid = world.started()
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, reason="ContainerCreating")
    world.secrets.clear()
    world.wait(50)
    world.reconcile()
    assert uid not in world.secrets, "most pods only take a moment: their Secret is not asked for"
    world.wait(11)
    world.reconcile()
    assert uid in world.secrets
    world.wait(30)
    assert world.reconcile() == []


def test_a_secret_that_cannot_be_made_again_is_not_asked_for_without_end(world):
    uid = world.started()
    world.secrets.clear()
    world.in_the_way = Problem(Reason.SOURCE_MISSING, "there is no EtlSource 'default'", waits=True)
    world.wait(61)
    world.reconcile()
    world.wait(540)
    world.reconcile()
    assert world.phase(uid) == "FAILED"


def test_a_job_that_somebody_deleted_is_replaced_by_the_next_attempt(world):
    uid = world.running()
    world.jobs.clear()
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2
    assert len(world.jobs) == 1


def test_progress_alone_is_written_every_ten_seconds(world):
    uid = world.running()
    writes = 0
    for _ in range(30):
        world.wait(1)
        world.report(uid, batches=1)
        writes += len([step for step in world.reconcile() if isinstance(step, SaveRun)])
    assert writes == 3


def test_a_run_that_takes_too_long_stops_and_fails(world):
    uid = world.running(timeout_seconds=100)
    world.wait(99)
    world.report(uid, batches=1)
    world.reconcile()
    assert any(isinstance(step, SuspendJob) for step in world.steps)
    world.pod_gone(uid)
    world.reconcile()
    assert world.runs[uid].status.error_message == "the run took longer than timeoutSeconds (100 s)"
    assert not world.jobs


def test_nothing_starts_while_the_store_is_away(world):
    world.store_away()
    uid = world.ask()
    world.reconcile()
    assert not world.jobs
    assert world.condition("Running", uid)[1] == "WaitingForStore"
    world.store_back()
    world.reconcile()
    assert len(world.jobs) == 1


def test_a_run_that_ends_while_the_store_is_away_holds_the_pipeline_until_it_is_recorded(world):
    uid = world.running()
    world.store_away()
    world.change_job(uid, complete=True, finished=True, active=0)
    world.reconcile()
    assert (world.phase(uid), world.pipeline_phase) == ("SUCCESS", "IDLE")
    assert world.pipeline.status.active_run.uid == uid
    world.store_back()
    world.reconcile()
    assert world.history[uid]["phase"] == "SUCCESS"
    assert world.pipeline.status.active_run is None


def test_more_runs_than_slots_wait_with_that_reason(world):
    world.busy_elsewhere = world.limits.max_concurrent_runs
    uid = world.ask()
    world.reconcile()
    assert world.last.holds.waits_for_slot
    assert (world.phase(uid), world.condition("Running", uid)[1]) == ("PENDING", "WaitingForSlot")
    world.busy_elsewhere -= 1
    world.reconcile()
    assert len(world.jobs) == 1


def test_a_broken_specification_fails_what_is_asked_for_and_writes_no_job(world):
    world.edit_pipeline(source_query="DELETE FROM films")
    uid = world.ask()
    world.reconcile()
    assert world.condition("Ready")[:2] == ("False", "InvalidQuery")
    assert world.phase(uid) == "FAILED"
    assert "SELECT" in world.runs[uid].status.error_message
    assert not world.jobs
    assert world.runs[uid].status.archived


def test_a_missing_parameter_fails_the_run_and_is_named(world):
    world.edit_pipeline(source_query="SELECT id FROM films WHERE day = %(day)s", prune=False)
    uid = world.ask()
    world.reconcile()
    assert "'day'" in world.runs[uid].status.error_message


def test_an_edit_does_not_touch_a_run_that_has_started(world):
    uid = world.running()
    world.edit_pipeline(source_query="DELETE FROM films")
    world.reconcile()
    assert world.phase(uid) == "RUNNING"
    assert world.condition("Ready")[0] == "False"


def test_the_younger_of_two_pipelines_with_one_name_says_so(world):
    world.older_namesake = "films-before"
    world.reconcile()
    assert world.condition("Ready")[:2] == ("False", "DuplicateName")


def test_runs_of_a_pipeline_go_one_after_the_other(world):
    first = world.running()
    second = world.ask()
    world.reconcile()
    assert world.condition("Running", second)[1] == "RunWaiting"
    world.report(first, outcome="DONE")
    world.reconcile()
    assert [world.phase(first), world.runs[second].status.job.attempt] == ["SUCCESS", 1]


def test_a_run_that_waits_for_its_start_does_not_stand_in_the_way(world):
    waiting = world.ask(suspend=True)
    uid = world.running()
    assert world.condition("Suspended", waiting)[:2] == ("True", "WaitingForStart")
    assert world.phase(uid) == "RUNNING"


def test_a_deleted_run_lets_go_of_the_pipeline(world):
    uid = world.running()
    del world.runs[uid]
    world.jobs.clear()
    world.reconcile()
    assert world.pipeline.status.active_run is None
    assert world.pipeline_phase == "IDLE"


def test_a_run_made_by_hand_gets_its_owner_first(world):
    world.ask("by-hand", owned=False)
    assert kinds(world.reconcile())[0] == "AdoptRun"


def test_a_run_that_names_no_pipeline_waits_a_while_and_fails(world):
    world.pipeline = None
    uid = world.ask(owned=False)
    world.reconcile()
    assert (world.phase(uid), world.last.wake_at) == ("PENDING", world.runs[uid].created_at + timedelta(seconds=30))
    world.wait(31)
    world.reconcile()
    assert world.runs[uid].status.error_message == "the pipeline 'films' does not exist"


def test_a_reconcile_runs_beside_a_load_and_leaves_no_trace_in_the_pipeline(world):
    world.running()
    uid = world.ask("check", kind="Reconcile")
    world.reconcile()
    world.report(uid, outcome="DONE", result={"source_count": 3, "target_count": 2})
    world.reconcile()
    assert world.runs[uid].status.result.status == "WARNING"
    assert world.runs[uid].status.archived
    assert world.pipeline.status.last_run.uid != uid
    assert world.pipeline_phase == "RUNNING"


def test_old_runs_are_pruned_only_when_the_store_has_them(world):
    for _ in range(25):
        uid = world.running()
        world.report(uid, outcome="DONE")
        world.wait(1)
        world.reconcile()
    world.reconcile()
    assert len(world.runs) == 20
    assert all(record["phase"] == "SUCCESS" for record in world.history.values())
    assert world.pipeline.status.last_run.sequence == 25


def test_what_is_recorded_keeps_the_first_specification(world):
    uid = world.started()
    world.edit_pipeline(source_query="SELECT id FROM other")
    world.wait(2)
    world.report(uid, batches=1)
    world.reconcile()
    assert world.history[uid]["spec"].query == "SELECT id FROM films"
    assert all(step.spec is None for step in world.steps[4:] if isinstance(step, RecordRun))
