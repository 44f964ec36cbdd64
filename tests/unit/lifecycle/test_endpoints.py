"""Source and destination of a pipeline: what is wrong with them, and that a run waits for what others have to mend."""

from collections import Counter

import pytest
from tests.unit.lifecycle.conftest import START

from headrace.lifecycle.actions import CreateJob, DropSecret, RecordRun
from headrace.lifecycle.endpoints import SourceUse
from headrace.lifecycle.problem import Problem
from headrace.model.conditions import Reason

NO_SECRET = Problem(Reason.SECRET_MISSING, "EtlSource 'default': the Secret 'films' does not exist", waits=True)


def kinds(steps):
    return [type(step).__name__ for step in steps]


def asked(world):
    uid = world.ask()
    world.reconcile()
    return uid


# Missing ends.

GONE = {
    "the default source": ({}, ("sources", "default"), "SourceMissing",
        "there is no EtlSource 'default', which pipelines without spec.source read from"),
    "a source by name": ({"source": "films-db"}, ("sources", "films-db"), "SourceMissing",
        "there is no EtlSource 'films-db'"),
    "the default destination": ({}, ("destinations", "default"), "DestinationMissing",
        "there is no EtlDestination 'default', which pipelines without spec.destination write to"),
    "the default search": ({"target_table": "es:films"}, ("destinations", "elasticsearch"), "DestinationMissing",
        "there is no EtlDestination 'elasticsearch', which pipelines into an index without spec.destination write to"),
    "a destination by name": ({"destination": "dwh"}, ("destinations", "dwh"), "DestinationMissing",
        "there is no EtlDestination 'dwh'"),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "what", "reason", "message"), GONE.values(), ids=GONE)
def test_a_run_waits_for_an_end_that_is_missing_and_starts_when_it_is_there(world, spec, what, reason, message):
    ends, name = what
    getattr(world, ends).pop(name, None)
    world.edit_pipeline(**spec)
    uid = asked(world)
    assert world.condition("Ready") == ("False", reason, message)
    assert world.condition("Running", uid) == ("False", reason, message)
    assert (world.phase(uid), world.pipeline_phase) == ("PENDING", "RUN_REQUESTED")
    assert 60 <= (world.last.wake_at - world.now).total_seconds() < 120
    world.wait(86_400)
    world.reconcile()
    assert world.phase(uid) == "PENDING"
    of_type = {"type": "elasticsearch"} if name == "elasticsearch" else {}
    getattr(world, ends.removesuffix("s"))(name, **of_type)
    world.reconcile()
    assert world.job_of(uid).active
    assert world.condition("Ready")[:2] == ("True", "Valid")


def test_a_source_that_is_being_deleted_is_as_good_as_gone(world):
    world.source("default", deleting=True)
    uid = asked(world)
    assert world.condition("Running", uid)[1:] == ("SourceMissing", "the EtlSource 'default' is being deleted")


def test_a_source_that_can_not_be_read_is_waited_for(world):
    world.source("default", host="films/path")
    uid = asked(world)
    _, reason, message = world.condition("Ready")
    assert (reason, world.phase(uid)) == ("InvalidSpec", "PENDING")
    assert message.startswith("the EtlSource 'default' can't be used: host: ")


def test_a_source_that_is_deleted_does_not_touch_a_run_at_work(world):
    uid = world.running()
    del world.sources["default"]
    world.report(uid, batches=1)
    world.reconcile()
    assert world.phase(uid) == "RUNNING"
    assert world.condition("Ready")[1] == "SourceMissing"
    world.report(uid, outcome="DONE")
    world.reconcile()
    assert world.phase(uid) == "SUCCESS"


def test_a_next_attempt_needs_only_the_secret_that_the_run_has(world):
    uid = world.running()
    del world.sources["default"]
    world.in_the_way = NO_SECRET
    world.change_job(uid, failed="BackoffLimitExceeded", active=0, finished=True)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2
    assert world.job_of(uid).active


def test_a_next_attempt_without_its_secret_waits(world):
    uid = world.running()
    world.secrets.clear()
    world.in_the_way = NO_SECRET
    world.change_job(uid, failed="BackoffLimitExceeded", active=0, finished=True)
    world.reconcile()
    assert world.condition("Running", uid)[1:] == NO_SECRET[:2]
    world.in_the_way = None
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2


def loses_its_secret(world):
    world.secrets.clear()
    world.in_the_way = NO_SECRET
    world.reconcile()


@pytest.mark.parametrize("kind", ["Load", "Reconcile"])
def test_a_run_that_never_got_its_job_waits_as_if_it_had_not_begun_and_starts_however_late(world, kind):
    uid = world.started(kind=kind)
    world.jobs.clear()
    loses_its_secret(world)
    assert (world.last.holds.at_work, world.last.holds.connections) == (frozenset(), {})
    assert (world.runs[uid].status.job, world.pipeline.status.active_run) == (None, None)
    assert world.condition("Running", uid) == ("False", *NO_SECRET[:2])
    world.wait(86_400)
    world.source("films-db")
    world.edit_pipeline(source="films-db")
    world.reconcile()
    assert world.phase(uid) == "PENDING"
    world.in_the_way = None
    world.reconcile()
    assert world.job_of(uid).active
    assert world.last.holds.connections == {uid: "films-db"}
    world.wait(60)
    world.reconcile()
    assert world.phase(uid) == "PENDING"


@pytest.mark.parametrize("ends", ["fails", "is deleted", "falls silent"])
def test_a_run_whose_next_attempt_can_not_begin_holds_no_slot_while_it_waits(world, ends):
    uid = world.running()
    if ends == "fails":
        world.change_job(uid, failed="BackoffLimitExceeded", active=0, finished=True)
    elif ends == "is deleted":
        world.jobs.clear()
    else:
        world.wait(3_600)
    loses_its_secret(world)
    assert (world.last.holds.at_work, world.last.holds.connections) == (frozenset(), {})
    assert (world.phase(uid), world.pipeline_phase) == ("PENDING", "RUN_REQUESTED")
    assert world.condition("Running", uid) == ("False", *NO_SECRET[:2])
    assert world.history[uid]["phase"] == "PENDING"
    assert all(job.finished for job in world.jobs.values())
    # What it has begun nobody else goes on with.
    assert world.pipeline.status.active_run.uid == uid
    worked = world.runs[uid].status.worked_seconds
    world.wait(86_400)
    full(world)
    world.in_the_way = None
    world.reconcile()
    assert world.condition("Running", uid)[1] == "WaitingForSource"
    assert world.runs[uid].status.worked_seconds == worked
    full(world, elsewhere=2)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2
    assert world.job_of(uid).active


@pytest.mark.parametrize("waits_for", ["its Secret", "a slot"])
@pytest.mark.parametrize("dies_after", range(5))
def test_a_silent_runner_that_was_written_off_never_wakes_whoever_dies_in_between(world, dies_after, waits_for):
    uid = world.started()
    world.report(uid)
    world.reconcile()
    world.wait(3_600)
    world.secrets.clear()
    world.in_the_way = NO_SECRET
    world.reconcile(dies_after=dies_after)
    if waits_for == "a slot":
        world.in_the_way, world.busy_elsewhere = None, world.limits.max_concurrent_runs
    world.reconcile()
    at_work = [job for job in world.jobs.values() if job.active]
    assert len(at_work) == len(world.last.holds.at_work), "a Job without a slot"
    if not at_work:
        assert (world.phase(uid), world.runs[uid].status.job.fruitless) == ("PENDING", 1)
    world.in_the_way, world.busy_elsewhere = None, 0
    world.reconcile()
    assert [(job.attempt, job.active) for job in world.jobs.values()] == [(2, 1)]


@pytest.mark.parametrize("later", ["Secret, then store", "store, then Secret"])
@pytest.mark.parametrize("waited", [0, 3_600])
def test_a_run_that_was_never_recorded_is_recorded_with_its_spec_although_the_store_was_away(world, waited, later):
    """Who was to start it died before the store heard of it."""
    uid = world.ask()
    world.reconcile(dies_after=2)
    assert (world.runs[uid].status.job.attempt, world.history, world.jobs) == (1, {}, {})
    world.store_away()
    loses_its_secret(world)
    world.wait(waited)
    for part in later.split(", then "):
        if part == "store":
            world.store_back()
        else:
            world.in_the_way = None
        world.reconcile()
    assert world.job_of(uid).active
    assert world.history[uid]["spec"] is not None


def test_a_run_that_goes_on_after_a_pause_and_has_no_way_is_paused_no_more(world):
    uid = world.paused()
    world.jobs.clear()
    loses_its_secret(world)
    assert world.phase(uid) == "PAUSED"
    world.edit_pipeline(suspend=False)
    world.reconcile()
    assert world.condition("Running", uid) == ("False", *NO_SECRET[:2])
    assert (world.phase(uid), world.pipeline_phase) == ("PENDING", "RUN_REQUESTED")
    assert world.history[uid]["phase"] == "PENDING"
    assert not world.last.holds.at_work
    world.edit_pipeline(suspend=True)
    world.reconcile()
    assert (world.phase(uid), world.pipeline_phase) == ("PAUSED", "PAUSED")


def test_what_a_pause_or_a_cancel_asks_for_does_not_wait_for_the_source(world):
    del world.sources["default"]
    uid = asked(world)
    world.edit(uid, cancel=True)
    world.reconcile()
    assert world.phase(uid) == "CANCELLED"


# Ends that do not fit.

MISFITS = {
    "an index into Postgres": ({"target_table": "es:films", "destination": "default"}, "InvalidSpec",
        "the destination is of type postgres: an index needs one of type elasticsearch"),
    "a table into Elasticsearch": ({"destination": "elasticsearch"}, "InvalidSpec",
        "the destination is of type elasticsearch: a table needs one of type postgres"),
    "its own table": ({"source_query": None, "source_table": "analytics.films", "destination": "same"}, "SameTable",
        "source_table 'analytics.films' is the target: source and destination are the same database"),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "reason", "message"), MISFITS.values(), ids=MISFITS)
def test_ends_that_do_not_fit_fail_the_run(world, spec, reason, message):
    world.destination("same", host="DEFAULT.example", port=5432)
    world.edit_pipeline(**spec)
    uid = asked(world)
    assert world.phase(uid) == "FAILED"
    ready = world.condition("Ready")
    assert (ready[0], ready[1]) == ("False", reason)
    assert message in ready[2]
    assert world.runs[uid].status.error_message == ready[2]


def test_a_table_of_another_database_may_have_the_same_name(world):
    world.destination("other", host="default.example", database="archive")
    world.edit_pipeline(source_query=None, source_table="analytics.films", destination="other")
    uid = asked(world)
    assert world.job_of(uid).active


# What keeps a run from its ends.


def test_a_run_whose_secret_is_missing_waits_however_long(world):
    world.in_the_way = NO_SECRET
    uid = asked(world)
    assert world.condition("Running", uid) == ("False", "SecretMissing", NO_SECRET.message)
    assert world.condition("Ready")[1] == "Valid"
    world.wait(86_400)
    world.reconcile()
    assert (world.phase(uid), world.last.wake_at is not None) == ("PENDING", True)
    world.in_the_way = None
    world.reconcile()
    assert world.job_of(uid).active


@pytest.mark.parametrize(("waited", "least"), [(0, 10), (8, 10), (25, 25), (59, 59), (600, 60), (86_400, 60)])
def test_a_run_looks_for_what_is_to_be_mended_more_seldom_the_longer_it_waits(world, waited, least):
    world.in_the_way = NO_SECRET
    asked(world)
    world.wait(waited)
    world.reconcile()
    assert least <= (world.last.wake_at - world.now).total_seconds() < 2 * least


def test_many_that_began_to_wait_together_do_not_look_together(make_world):
    looks = Counter()
    for number in range(200):
        world = make_world(in_the_way=NO_SECRET, asked=number)
        asked(world)
        for _ in range(20):
            world.wait((world.last.wake_at - world.now).total_seconds())
            world.reconcile()
            looks[int((world.now - START).total_seconds())] += 1
    assert max(looks[second] for second in range(300, 900)) < 15


def test_a_run_that_was_at_work_looks_soon_for_what_its_next_attempt_lacks(world):
    uid = world.running()
    world.wait(7_200)
    world.secrets.clear()
    world.in_the_way = NO_SECRET
    world.report(uid, batches=1)
    world.change_job(uid, failed="BackoffLimitExceeded", active=0, finished=True)
    world.reconcile()
    assert world.condition("Running", uid)[1] == "SecretMissing"
    assert 10 <= (world.last.wake_at - world.now).total_seconds() < 20


def test_a_run_keeps_the_ends_that_it_started_with(world):
    world.source("films-db")
    world.edit_pipeline(source="films-db")
    uid = world.running()
    world.edit_pipeline(source=None)
    world.reconcile()
    status = world.runs[uid].status
    assert (status.source, status.destination) == ("films-db", "default")
    assert world.last.holds.connections == {uid: "films-db"}
    created = next(step for step in world.steps if isinstance(step, CreateJob))
    assert (created.source, created.destination) == ("films-db", "default")


def test_what_the_runner_is_told_of_source_and_table(world):
    world.source("films-db")
    world.edit_pipeline(source="films-db", source_query=None, source_table="public.Films")
    world.started()
    spec = next(step.spec for step in world.steps if isinstance(step, RecordRun))
    assert (spec.source, spec.source_table, spec.query) == (
        "films-db",
        "public.Films",
        'SELECT * FROM "public"."Films"',
    )


# The Secret.

ENDS = {
    "success": lambda world, uid: world.report(uid, outcome="DONE", result={"source_count": 1, "target_count": 1}),
    "failure": lambda world, uid: (
        world.report(uid, outcome="FAILED", message="no"),
        world.change_job(uid, failed="PodFailurePolicy", active=0, finished=True),
    ),
    "cancel": lambda world, uid: (
        world.edit(uid, cancel=True), world.reconcile(), world.pod_gone(uid), world.reconcile(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["Load", "Reconcile"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("dies_after", [None, *range(6)])
def test_the_secret_of_a_run_that_is_over_is_dropped_once_whoever_dies_in_between(world, kind, end, dies_after):
    uid = world.running(kind=kind)
    assert world.secrets == {uid}
    end(world, uid)
    if dies_after is not None:
        world.reconcile(dies_after=dies_after)
    world.reconcile()
    assert world.secrets == set()
    if dies_after is None:
        assert sum(isinstance(step, DropSecret) for step in world.steps) == 1


def test_a_run_without_an_attempt_has_no_secret_to_drop(world):
    world.edit_pipeline(source_query="DELETE FROM films")
    asked(world)
    assert "DropSecret" not in kinds(world.steps)


# Connections to the source.


def full(world, *, elsewhere=3, line=()):
    world.source("default", maxConnections=4)
    world.source_use = {"default": SourceUse(elsewhere=elsewhere, line=tuple(line))}


@pytest.mark.parametrize("kind", ["Load", "Reconcile"])
def test_a_run_waits_for_a_connection_and_holds_no_slot(world, kind):
    full(world)
    uid = world.ask(kind=kind)
    world.reconcile()
    text = "waits for a connection to the source 'default': maxConnections is 4, 3 of them for runs"
    assert world.condition("Running", uid) == ("False", "WaitingForSource", text)
    assert world.last.holds.waits_for_source == {uid: "default"}
    assert (world.last.holds.at_work, world.last.holds.waits_for_slot) == (frozenset(), False)
    full(world, elsewhere=2, line=[uid])
    world.reconcile()
    assert world.job_of(uid).active
    assert world.last.holds.connections == {uid: "default"}


@pytest.mark.parametrize(
    ("elsewhere", "line", "starts"),
    [(2, (), True), (2, ("a",), False), (1, ("a",), True), (1, ("a", "own"), True), (2, ("own", "a"), True)],
)
def test_those_who_wait_go_in_their_order(world, elsewhere, line, starts):
    uid = world.ask()
    full(world, elsewhere=elsewhere, line=[uid if one == "own" else one for one in line])
    world.reconcile()
    assert bool(world.jobs) is starts


def test_who_waits_for_a_slot_stands_in_no_line(world):
    full(world)
    world.busy_elsewhere = world.limits.max_concurrent_runs
    uid = asked(world)
    assert world.condition("Running", uid)[1] == "WaitingForSlot"
    assert (world.last.holds.waits_for_source, world.last.holds.put_off) == ({}, {uid})


def test_a_load_and_a_reconcile_need_one_connection_each(world):
    full(world, elsewhere=2)
    load, count = world.ask(), world.ask(kind="Reconcile")
    world.reconcile()
    assert world.last.holds.connections == {load: "default"}
    assert world.condition("Running", count)[1] == "WaitingForSource"


def test_a_paused_run_needs_a_connection_to_go_on_and_another_attempt_keeps_its_own(world):
    uid = world.paused()
    full(world)
    world.edit_pipeline(suspend=False)
    world.reconcile()
    assert world.condition("Running", uid)[1] == "WaitingForSource"
    full(world, elsewhere=2)
    world.reconcile()
    full(world)
    world.report(uid, batches=1)
    world.change_job(uid, failed="BackoffLimitExceeded", active=0, finished=True)
    world.reconcile()
    assert world.runs[uid].status.job.attempt == 2


@pytest.mark.parametrize("waits_for", ["a Secret", "an end of the pause"])
def test_a_run_that_waits_for_something_else_is_in_nobodys_way(world, waits_for):
    uid = world.paused() if waits_for == "an end of the pause" else world.ask()
    world.in_the_way = NO_SECRET if waits_for == "a Secret" else None
    full(world, elsewhere=2)
    beside = world.ask(kind="Reconcile")
    world.reconcile()
    assert not world.last.holds.waits_for_source
    assert world.condition("Running", uid)[1] == ("SecretMissing" if waits_for == "a Secret" else "Paused")
    assert world.condition("Running", beside)[1] == ("SecretMissing" if waits_for == "a Secret" else "RunStarting")


def test_a_higher_bound_counts_at_once(world):
    full(world)
    uid = asked(world)
    world.source("default", maxConnections=5)
    world.reconcile()
    assert world.job_of(uid).active


# Pods that outlive their run, or what is known of it.

QUIET = {
    "its runner said how it ended": (
        lambda world, uid: world.report(uid, outcome="DONE", result={"source_count": 1, "target_count": 1}), True
    ),
    "its Job has failed": (
        lambda world, uid: world.change_job(uid, failed="PodFailurePolicy", active=0, finished=True), True
    ),
    "its Job fails, and has a pod": (
        lambda world, uid: world.change_job(uid, failed="PodFailurePolicy", active=0, terminating=1), False
    ),
    "it was killed": (lambda world, uid: (world.wait(3_600), world.ask()), False),
    "its Job was deleted": (lambda world, uid: world.jobs.clear(), False),
    "it goes on": (lambda world, uid: None, False),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["Load", "Reconcile"])
@pytest.mark.parametrize(("happens", "is_quiet"), QUIET.values(), ids=QUIET)
def test_a_run_has_no_connection_any_more_when_its_pods_have_ended(world, kind, happens, is_quiet):
    uid = world.running(kind=kind)
    happens(world, uid)
    assert (uid in world.plan().holds.quiet) is is_quiet


def test_a_run_that_was_paused_is_quiet_when_its_pod_has_ended_and_not_before(world):
    uid = world.running()
    world.edit_pipeline(suspend=True)
    world.reconcile()
    assert (world.last.holds.connections, world.last.holds.quiet) == ({uid: "default"}, frozenset())
    world.pod_gone(uid)
    world.reconcile()
    assert (world.last.holds.connections, world.last.holds.quiet) == ({}, {uid})


def test_what_the_runner_of_an_earlier_attempt_said_does_not_count(world):
    uid = world.running()
    world.change_job(uid, failed="BackoffLimitExceeded", active=0, finished=True)
    world.reconcile()
    world.report(uid, outcome="FAILED", message="no", epoch=world.runs[uid].status.job.epoch - 1)
    assert not world.plan().holds.quiet


def test_of_a_pipeline_that_is_being_deleted_no_run_is_quiet(world):
    world.running()
    world.edit_pipeline(deleting=True)
    holds = world.plan().holds
    assert (holds.connections, holds.quiet) == ({}, frozenset())
