"""Streams: one run that goes on until it is stopped, quiet at rest, and that gets as many attempts as it is worth."""

from datetime import timedelta

import pytest

from headrace.lifecycle.actions import CreateJob, SavePipeline, SaveRun, SuspendJob
from headrace.lifecycle.observed import PodSeen, ProgressSeen
from headrace.lifecycle.streams import LAGGING_AFTER, is_in_step, lag
from headrace.runspec import Mode

WRITES = (SaveRun, SavePipeline)
GAVE_UP = {"failed": "BackoffLimitExceeded", "finished": True, "active": 0, "ready": 0}


def of(kind, steps):
    return [step for step in steps if isinstance(step, kind)]


def caught_up(world, uid):
    """Status and reason of the condition, or None where there is none."""
    found = [c for c in world.runs[uid].status.conditions if c.type == "CaughtUp"]
    return (found[0].status, found[0].reason) if found else None


# Which runs are streams.


@pytest.mark.parametrize(
    ("mode", "asked", "kind", "is_stream"),
    [
        ("streaming", {}, "Load", True),
        ("streaming", {"stream": True}, "Load", True),
        ("incremental", {"stream": True}, "Load", True),
        ("incremental", {}, "Load", False),
        ("full", {}, "Load", False),
        ("streaming", {}, "Reconcile", False),
    ],
)
def test_a_load_of_a_streaming_pipeline_is_a_stream_and_of_an_incremental_one_where_it_asks(
    world, mode, asked, kind, is_stream
):
    """The store's specification says what the runner does; a reconcile of a stream only counts."""
    world.edit_pipeline(mode=Mode(mode), incremental_key="updated_at")
    uid = world.started(kind=kind, **asked)
    assert world.runs[uid].status.stream is is_stream
    assert (world.history[uid]["spec"].mode == "streaming") is is_stream
    assert world.last.holds.streams == (frozenset({uid}) if is_stream else frozenset())


def test_other_runs_of_a_streaming_pipeline_read_as_those_of_an_incremental_one(world):
    """A rebuild of a stream's index comes to an end."""
    world.streams(target_table="es:films")
    uid = world.started(kind="Rebuild")
    assert world.history[uid]["spec"].mode == "incremental"


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [("full", "Load", "mode streaming or incremental"), ("incremental", "Reconcile", "Reconcile can't be one")],
)
def test_what_can_be_no_stream_fails_and_says_why(world, mode, kind, words):
    world.edit_pipeline(mode=Mode(mode), incremental_key="updated_at")
    uid = world.started(kind=kind, stream=True)
    assert world.phase(uid) == "FAILED"
    assert words in world.runs[uid].status.error_message


def test_a_stream_stays_one_whatever_its_pipeline_becomes(world):
    """What a run does is settled when it starts."""
    uid = world.streaming()
    world.edit_pipeline(mode=Mode.INCREMENTAL)
    world.reconcile()
    assert world.last.holds.streams == {uid}


def test_a_run_that_waits_is_what_its_pipeline_is_now(world):
    world.store_away()
    uid = world.ask()
    world.reconcile()
    assert not world.runs[uid].status.stream
    world.streams()
    world.reconcile()
    assert world.runs[uid].status.stream


# Slots of their own.


@pytest.mark.parametrize(
    ("streams", "elsewhere", "streams_elsewhere", "starts"),
    [
        (True, 10, 0, True),
        (True, 0, 49, True),
        (True, 0, 50, False),
        (False, 0, 50, True),
        (False, 10, 0, False),
    ],
)
def test_runs_and_streams_do_not_take_each_others_slots(world, streams, elsewhere, streams_elsewhere, starts):
    if streams:
        world.streams()
    world.busy_elsewhere, world.streams_elsewhere = elsewhere, streams_elsewhere
    world.ask()
    world.reconcile()
    assert bool(world.jobs) is starts
    assert world.last.holds.waits_for_slot is (not starts and not streams)
    assert world.last.holds.stream_waits_for_slot is (not starts and streams)


def test_a_stream_that_waits_for_a_slot_says_that_streams_have_them(world):
    world.streams()
    world.streams_elsewhere = 50
    uid = world.ask()
    world.reconcile()
    assert world.condition("Running", uid) == ("False", "WaitingForSlot", "50 streams are at work, as many as may be")


def test_a_reconcile_beside_a_stream_takes_a_slot_of_runs(world):
    """A stream at work leaves the last slot of runs free."""
    world.streaming()
    world.busy_elsewhere = world.limits.max_concurrent_runs - 1
    uid = world.ask(kind="Reconcile")
    world.reconcile()
    assert world.runs[uid].status.job is not None
    assert len(world.last.holds.at_work - world.last.holds.streams) == 1


def test_a_load_behind_a_stream_says_that_it_may_wait_long(world):
    first = world.streaming()
    second = world.ask()
    world.reconcile()
    assert world.condition("Running", second)[1:] == (
        "RunWaiting",
        f"waits for {world.runs[first].name}, a stream, which goes on until it is cancelled",
    )


# Its end, which is never a success by itself.


@pytest.mark.parametrize(
    ("report", "job"),
    [({"outcome": "DONE"}, {}), ({}, {"complete": True, "finished": True, "active": 0})],
    ids=["its runner says done", "its Job is complete"],
)
def test_a_stream_is_never_done(world, report, job):
    uid = world.streaming()
    world.wait(1)
    world.report(uid, batches=1, **report)
    world.change_job(uid, **job)
    world.reconcile()
    assert world.phase(uid) == "RUNNING"


def test_a_runner_that_ends_unasked_is_followed_by_another(world):
    uid = world.streaming()
    world.wait(1)
    world.catch_up(uid)
    world.change_job(uid, complete=True, finished=True, active=0)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2
    assert world.condition("Running", uid)[1:] == ("Retrying", "the runner ended, though nobody had asked it to")


def test_a_cancel_ends_it(world):
    uid = world.streaming()
    world.edit(uid, cancel=True)
    world.reconcile()
    world.pod_gone(uid)
    world.reconcile()
    assert (world.phase(uid), world.pipeline_phase) == ("CANCELLED", "IDLE")
    assert world.history[uid]["phase"] == "CANCELLED"


def test_what_no_retry_can_help_fails_it(world):
    uid = world.streaming()
    world.catch_up(uid, outcome="FAILED", message="column x does not exist")
    world.reconcile()
    assert world.phase(uid) == "FAILED"


def test_time_limits_are_only_those_that_are_asked_for(world):
    uid = world.streaming()
    for _ in range(40):
        world.wait(86_400)
        world.catch_up(uid)
        world.reconcile()
    assert world.phase(uid) == "RUNNING"
    world.edit(uid, timeout_seconds=60)
    assert of(SuspendJob, world.reconcile())
    world.pod_gone(uid)
    world.reconcile()
    assert world.runs[uid].status.error_message == "the run took longer than timeoutSeconds (60 s)"


def test_a_pause_and_going_on_keep_the_job(world):
    uid = world.streaming()
    world.edit_pipeline(suspend=True)
    world.reconcile()
    world.pod_gone(uid)
    world.reconcile()
    assert (world.phase(uid), world.last.holds.streams, caught_up(world, uid)) == ("PAUSED", frozenset(), None)
    world.edit_pipeline(suspend=False)
    world.reconcile()
    world.wait(1)
    world.catch_up(uid)
    world.reconcile()
    assert (world.phase(uid), world.runs[uid].status.job.attempt) == ("RUNNING", 1)


# Attempts: to have caught up is progress, too.


def test_an_idle_stream_whose_job_gave_up_goes_on_as_long_as_it_caught_up(world):
    uid = world.streaming()
    for attempt in range(2, 12):
        world.wait(5)
        world.catch_up(uid)
        world.change_job(uid, **GAVE_UP)
        assert of(CreateJob, world.reconcile())
        assert world.runs[uid].status.job.attempt == attempt
    assert world.phase(uid) == "RUNNING"


def test_a_stream_whose_job_gave_up_without_getting_anywhere_fails(world):
    """Neither a batch nor a look that left nothing to bring since the attempt began."""
    uid = world.streaming()
    world.wait(5)
    world.catch_up(uid)
    world.change_job(uid, **GAVE_UP)
    world.reconcile()
    world.wait(5)
    world.report(uid)
    world.change_job(uid, **GAVE_UP)
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, exit_code=1)
    world.reconcile()
    assert world.phase(uid) == "FAILED"


@pytest.mark.parametrize(("catches_up", "phase"), [(True, "RUNNING"), (False, "FAILED")])
def test_a_stream_whose_runners_fall_silent_goes_on_as_long_as_it_caught_up(world, catches_up, phase):
    uid = world.streaming()
    for _ in range(8):
        if world.phase(uid) == "FAILED":
            break
        world.change_job(uid, ready=1)
        if catches_up:
            world.catch_up(uid)
        world.wait(271)
        world.reconcile()
    assert world.phase(uid) == phase


def test_a_stream_that_was_in_step_once_waits_for_its_servers_as_long_as_it_takes(world):
    """Its runner tries again and again, and takes the fence each time."""
    uid = world.streaming()
    world.wait(3)
    world.catch_up(uid)
    world.reconcile()
    for _ in range(20):
        world.wait(15)
        world.report(uid, take_over=True)
        world.reconcile()
    assert world.phase(uid) == "RUNNING"


def test_a_stream_that_never_was_in_step_and_wore_out_its_runners_says_so(world):
    world.streams()
    uid = world.started()
    for _ in range(8):
        world.report(uid, take_over=True)
        world.reconcile()
    assert "without committing a batch or catching up" in world.runs[uid].status.error_message


# Quiet, and yet it says how far it is.


def test_a_stream_at_rest_writes_nothing(world):
    """It catches up each second for an hour."""
    uid = world.streaming()
    for _ in range(360):
        world.wait(10)
        world.catch_up(uid)
        assert not world.reconcile()


def test_a_stream_at_work_writes_every_ten_seconds_how_far_it_is(world):
    uid = world.streaming()
    written = []
    for _ in range(60):
        world.wait(1)
        world.catch_up(uid, batches=1)
        written += of(WRITES, world.reconcile())
    assert 5 <= len(written) <= 6
    progress = world.runs[uid].status.progress
    assert progress.caught_up_at.startswith("2026-05-01T12:01:0")


def test_lag_is_a_condition_and_only_its_changes_are_written(world):
    uid = world.streaming()
    assert caught_up(world, uid) == ("True", "InStep")
    world.wait(60)
    world.report(uid)
    assert not world.reconcile()
    world.wait(1)
    world.report(uid)
    assert len(of(WRITES, world.reconcile())) == 1
    assert caught_up(world, uid) == ("False", "Lagging")
    for _ in range(10):
        world.wait(30)
        world.report(uid)
        assert not world.reconcile()
    world.wait(1)
    world.catch_up(uid)
    assert len(of(WRITES, world.reconcile())) == 1
    assert caught_up(world, uid) == ("True", "InStep")
    assert world.runs[uid].status.progress.caught_up_at == "2026-05-01T12:06:04.000000Z"


def test_nothing_is_said_of_lag_that_can_not_be_known(world):
    """While the store is away it is what it was; before the first rows it is too early."""
    world.streams()
    uid = world.started()
    world.report(uid)
    world.reconcile()
    assert caught_up(world, uid) is None
    world.wait(61)
    world.report(uid)
    world.reconcile()
    assert caught_up(world, uid) == ("False", "Lagging")
    world.store_away()
    world.wait(600)
    world.reconcile()
    assert caught_up(world, uid) == ("False", "Lagging")


def test_runs_that_end_by_themselves_have_no_lag(world):
    assert caught_up(world, world.running()) is None


@pytest.mark.parametrize(
    ("first_seen", "caught", "behind", "in_step"),
    [
        (None, None, None, None),
        (10, None, 10, None),
        (61, None, 61, False),
        (1000, 0, 0, True),
        (1000, 60, 60, True),
        (1000, 61, 61, False),
        # Clocks of two servers.
        (1000, -5, 0, True),
    ],
)
def test_lag_is_counted_from_the_last_look_that_left_nothing(world, first_seen, caught, behind, in_step):
    def ago(seconds):
        return None if seconds is None else world.now - timedelta(seconds=seconds)

    seen = ProgressSeen(first_seen_at=ago(first_seen), caught_up_at=ago(caught))
    assert lag(world.now, seen) == (None if behind is None else timedelta(seconds=behind))
    assert is_in_step(world.now, seen) is in_step
    assert timedelta(seconds=60) == LAGGING_AFTER
