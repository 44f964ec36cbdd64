"""Runs into an index: rebuilds and replays hold the pipeline as loads do, and refused rows are told to people."""

import dataclasses

import pytest

from headrace.lifecycle.actions import CreateJob, EmitEvent, RecordRun
from headrace.lifecycle.observed import PodSeen
from headrace.model.mapping import TargetOptions
from headrace.runspec import RunKind, RunSpec

KINDS = ("Load", "Rebuild", "Replay")


@pytest.fixture
def world(world):
    """A pipeline into an index."""
    world.edit_pipeline(target_table="es:films", key_columns=["id"])
    return world


def done(world, uid, **progress):
    world.report(uid, batches=1, outcome="DONE", **progress)
    world.reconcile()


def created(world):
    return [step.target_kind for step in world.steps if isinstance(step, CreateJob)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_writes_holds_the_pipeline_and_is_its_last_one(world, kind):
    uid = world.running(kind=kind)
    assert world.pipeline_phase == "RUNNING"
    behind = world.ask()
    world.reconcile()
    assert world.condition("Running", behind)[1] == "RunWaiting"
    done(world, uid)
    assert (world.phase(uid), world.runs[behind].status.job.active) == ("SUCCESS", True)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_last_run_that_the_pipeline_tells_of(world, kind):
    done(world, world.running())
    uid = world.running(kind=kind)
    done(world, uid)
    last = world.pipeline.status.last_run
    assert (last.uid, last.kind, last.phase) == (uid, kind, "SUCCESS")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_paused_and_goes_on_as_what_it_is(world, kind):
    uid = world.running(kind=kind)
    world.edit_pipeline(suspend=True)
    world.reconcile()
    assert world.pipeline_phase == "PAUSE_REQUESTED"
    world.pod_gone(uid)
    world.reconcile()
    assert world.pipeline_phase == "PAUSED"
    world.edit_pipeline(suspend=False)
    world.reconcile()
    assert (world.runs[uid].spec.kind, world.pipeline_phase) == (kind, "RUN_REQUESTED")
    world.report(uid, batches=1, take_over=True)
    world.reconcile()
    assert world.pipeline_phase == "RUNNING"


@pytest.mark.parametrize("kind", KINDS)
def test_its_failure_shows_until_a_load_succeeds(world, kind):
    uid = world.running(kind=kind)
    world.report(uid, outcome="FAILED", message="the index is read-only")
    world.reconcile()
    assert (world.phase(uid), world.pipeline_phase) == ("FAILED", "FAILED")
    assert world.condition("Degraded") == ("True", "RunFailed", "the index is read-only")
    done(world, world.started())
    assert world.pipeline_phase == "IDLE"
    assert world.condition("Degraded")[0] == "False"


def test_all_that_is_asked_for_reaches_the_runner(world):
    mapping = {"properties": {"id": {"type": "long"}}}
    world.edit_pipeline(
        version_column="changed", soft_delete_column="gone", max_bad_rows=7, target=TargetOptions(mapping=mapping)
    )
    world.started(kind="Rebuild")
    spec = next(step.spec for step in world.steps if isinstance(step, RecordRun) and step.spec)
    assert (spec.kind, spec.target_kind, spec.target_schema, spec.target_table) == (
        "Rebuild", "elasticsearch", "", "films",
    )  # fmt: skip
    assert (spec.version_column, spec.soft_delete_column, spec.max_bad_rows, spec.mapping) == (
        "changed", "gone", 7, mapping,
    )  # fmt: skip
    assert RunSpec.from_json(dataclasses.asdict(spec)) == spec


@pytest.mark.parametrize("kind", [RunKind.REBUILD, RunKind.REPLAY])
def test_a_table_can_neither_be_rebuilt_nor_sent_dead_letters(world, kind):
    world.edit_pipeline(target_table="analytics.films")
    uid = world.started(kind=kind)
    status = world.runs[uid].status
    assert (status.phase, status.job) == ("FAILED", None)
    assert status.error_message == f"{kind.value} is for Elasticsearch: the pipeline's target is a table"
    assert world.pipeline.status.active_run is None


def test_the_condition_of_a_target_that_is_not_allowed_says_why(world):
    world.edit_pipeline(target_table="es:Films")
    world.reconcile()
    status, reason, message = world.condition("Ready")
    assert (status, reason) == ("False", "TargetNotAllowed")
    assert message == "target_table 'es:Films' is not allowed: the name of an index must be in lower case"


def test_an_attempt_has_the_credentials_of_the_target_that_its_run_began_with(world):
    uid = world.running()
    world.edit_pipeline(target_table="analytics.films")
    world.change_job(uid, failed="BackoffLimitExceeded", finished=True, active=0)
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, exit_code=1)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2
    assert created(world) == ["elasticsearch", "elasticsearch"]


def test_a_run_that_began_before_there_were_indices_goes_on_with_its_table(world):
    world.edit_pipeline(target_table="analytics.films")
    uid = world.running()
    run = world.runs[uid]
    world.runs[uid] = dataclasses.replace(run, status=run.status.model_copy(update={"target_kind": None}))
    world.edit_pipeline(target_table="es:films")
    world.change_job(uid, failed="BackoffLimitExceeded", finished=True, active=0)
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, exit_code=1)
    world.reconcile()
    assert created(world) == ["postgres", "postgres"]


def test_refused_rows_show_in_run_pipeline_condition_and_event(world):
    uid = world.running()
    done(world, uid, bad_rows=3, dead_letters=3)
    status = world.pipeline.status
    assert (world.phase(uid), world.runs[uid].status.progress.bad_rows) == ("SUCCESS", 3)
    assert (status.phase, status.last_run.bad_rows, status.dead_letters) == ("IDLE", 3, 3)
    told = "3 rows were refused by the target and put aside as dead letters"
    assert world.condition("Degraded") == ("True", "BadRows", told)
    events = [step for step in world.steps if isinstance(step, EmitEvent)]
    assert [(event.type, event.reason, event.message) for event in events if event.reason == "BadRows"] == [
        ("Warning", "BadRows", told)
    ]


def test_they_show_until_there_are_none(world):
    done(world, world.running(), bad_rows=3, dead_letters=3)
    done(world, world.running(), bad_rows=0, dead_letters=3)
    assert world.pipeline.status.last_run.bad_rows == 0
    assert world.condition("Degraded")[1] == "BadRows"
    done(world, world.running(kind="Replay"), bad_rows=1, dead_letters=1)
    told = "1 row was refused by the target and put aside as dead letters; Odd: a note"
    done(world, world.running(), dead_letters=1, notes={"Odd": "a note"})
    assert world.condition("Degraded")[1:] == ("BadRows", told)
    done(world, world.running(kind="Replay"), dead_letters=0)
    assert world.condition("Degraded")[:2] == ("False", "Succeeded")
    assert world.pipeline.status.dead_letters == 0


def test_a_run_that_failed_for_bad_rows_says_its_own_reason_first(world):
    uid = world.running()
    world.report(uid, batches=1, outcome="FAILED", message="4 rows are bad", bad_rows=3, dead_letters=3)
    world.reconcile()
    assert world.condition("Degraded") == ("True", "RunFailed", "4 rows are bad")
    assert world.pipeline.status.dead_letters == 3


def test_the_count_stays_while_the_store_is_away(world):
    done(world, world.running(), bad_rows=3, dead_letters=3)
    world.started()
    world.store_away()
    world.reconcile()
    assert world.pipeline.status.dead_letters == 3


def test_the_pods_last_word_has_refused_rows_too(world):
    uid = world.running()
    world.store_away()
    world.change_job(uid, complete=True, finished=True, active=0)
    last_word = PodSeen(exists=True, exit_code=0, outcome="DONE", rows_read=9, rows_written=7, bad_rows=2, batches=9)
    world.pods[world.job_of(uid).name] = last_word
    world.reconcile()
    assert world.runs[uid].status.progress.bad_rows == 2
