"""What holds whatever happens: random histories of people, runners, Kubernetes and deaths of the operator."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.lifecycle.actions import (
    CreateJob,
    DeleteJob,
    EmitEvent,
    ResumeJob,
    SaveRun,
)
from headrace.lifecycle.endpoints import SourceUse
from headrace.lifecycle.observed import JobSeen, PodSeen
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.state import FINAL
from headrace.model.conditions import Reason
from headrace.runspec import Mode

EVENTS = (
    "ask", "ask_waiting", "ask_reconcile", "ask_by_hand", "start", "cancel", "pause", "go_on", "hold_run",
    "break_spec", "mend_spec", "report", "batch", "take_over", "done", "give_up", "pod_gone", "job_fails",
    "job_gives_up", "job_completes", "job_deleted", "pod_deleting", "pod_ready", "store_away", "store_back", "second",
    "ask_stream", "to_stream", "to_full", "catch_up", "cancel_now", "no_stream_slot", "stream_slot",
    "ask_rebuild", "ask_replay", "to_index", "to_table", "minute", "ten_minutes", "no_slot", "slot", "delete_run",
    "source_goes", "source_comes", "secret_goes", "secret_comes", "no_connection", "connection",
)  # fmt: skip
WAITS = {
    Reason.RUN_WAITING, Reason.WAITING_FOR_SLOT, Reason.WAITING_FOR_STORE, Reason.WAITING_FOR_START, Reason.PAUSED,
    Reason.WAITING_FOR_PIPELINE, Reason.WAITING_FOR_SOURCE,
}  # fmt: skip
NO_SECRET = Problem(Reason.SECRET_MISSING, "the Secret 'films' does not exist", waits=True)

HISTORY = st.lists(
    st.tuples(st.sampled_from(EVENTS), st.integers(0, 3), st.one_of(st.none(), st.integers(0, 5))),
    min_size=1,
    max_size=40,
)


def happen(world: Any, event: str, which: int) -> None:
    """Lets something happen to one of the runs, where it can."""
    uids = sorted(world.runs)
    uid = uids[which % len(uids)] if uids else None
    simple: dict[str, Callable[[], object]] = {
        "ask": world.ask,
        "ask_waiting": lambda: world.ask(suspend=True),
        "ask_reconcile": lambda: world.ask(kind="Reconcile"),
        "ask_rebuild": lambda: world.ask(kind="Rebuild"),
        "ask_replay": lambda: world.ask(kind="Replay"),
        "ask_stream": lambda: world.ask(stream=True),
        "to_stream": world.streams,
        "to_full": lambda: world.edit_pipeline(mode=Mode.FULL),
        "no_stream_slot": lambda: setattr(world, "streams_elsewhere", world.limits.max_streams),
        "stream_slot": lambda: setattr(world, "streams_elsewhere", 0),
        "to_index": lambda: world.edit_pipeline(target_table="es:films"),
        "to_table": lambda: world.edit_pipeline(target_table="analytics.films"),
        "ask_by_hand": lambda: world.ask(f"by-hand-{world.asked}", owned=False, timeout_seconds=300),
        "pause": lambda: world.edit_pipeline(suspend=True),
        "go_on": lambda: world.edit_pipeline(suspend=False),
        "break_spec": lambda: world.edit_pipeline(source_query="DELETE FROM films"),
        "mend_spec": lambda: world.edit_pipeline(source_query="SELECT id FROM films"),
        "store_away": world.store_away,
        "store_back": world.store_back,
        "second": lambda: world.wait(1),
        "minute": lambda: world.wait(61),
        "ten_minutes": lambda: world.wait(601),
        "no_slot": lambda: setattr(world, "busy_elsewhere", world.limits.max_concurrent_runs),
        "slot": lambda: setattr(world, "busy_elsewhere", 0),
        "source_goes": lambda: world.sources.pop("default", None),
        "source_comes": lambda: world.source("default", maxConnections=2),
        "secret_goes": lambda: setattr(world, "in_the_way", NO_SECRET),
        "secret_comes": lambda: setattr(world, "in_the_way", None),
        "no_connection": lambda: setattr(world, "source_use", {"default": SourceUse(elsewhere=1)}),
        "connection": lambda: setattr(world, "source_use", {}),
    }
    if event in simple:
        simple[event]()
    elif uid is not None:
        _happen_to(world, event, uid)


def _happen_to(world: Any, event: str, uid: str) -> None:
    edits: dict[str, dict[str, Any]] = {
        "start": {"suspend": False},
        "cancel": {"cancel": True},
        "cancel_now": {"cancel": True, "stop_seconds": 0},
        "hold_run": {"suspend": True},
    }
    if event in edits:
        return world.edit(uid, **edits[event])
    if event == "delete_run":
        del world.runs[uid]
        world.secrets.discard(uid)
        world.jobs = {name: job for name, job in world.jobs.items() if job.run_uid != uid}
        return None
    attempt = world.runs[uid].status.job
    if attempt is None or attempt.name not in world.jobs:
        return None
    result = {"source_count": 1, "target_count": 1} if not world.runs[uid].writes else None
    reports: dict[str, dict[str, Any]] = {
        "report": {},
        "batch": {"batches": 1},
        "catch_up": {"caught_up_at": world.now},
        "take_over": {"take_over": True},
        "done": {"outcome": "DONE", "result": result},
        "give_up": {"outcome": "FAILED", "message": "no"},
    }
    if event in reports:
        return world.report(uid, **reports[event]) if world.store_since is not None else None
    job: JobSeen = world.jobs[attempt.name]
    if event == "pod_deleting":
        world.pods[job.name] = PodSeen(exists=True, deleting=True)
    elif event == "pod_gone" and job.suspend:
        world.pod_gone(uid)
    elif not job.suspend and not job.finished:
        changes: dict[str, dict[str, Any]] = {
            "pod_ready": {"ready": 1},
            "job_fails": {"failed": "PodFailurePolicy", "active": 0, "ready": 0, "finished": True},
            "job_gives_up": {"failed": "BackoffLimitExceeded", "active": 0, "ready": 0, "finished": True},
            "job_completes": {"complete": True, "active": 0, "ready": 0, "finished": True},
        }
        if event in changes:
            world.change_job(uid, **changes[event])
        elif event == "job_deleted":
            del world.jobs[job.name]
    return None


def check(world: Any, before: dict[str, Any]) -> None:
    """What must hold after the operator has done all that there is to do."""
    decided = world.last
    loads = [run for run in world.runs.values() if run.writes]
    active = [run for run in loads if run.status.phase not in FINAL and run.status.job and run.status.job.active]
    assert len(active) <= 1, "two runs that write at work"
    claim = world.pipeline.status.active_run
    assert all(claim is not None and claim.uid == run.uid for run in active), "at work without the claim"
    for run in world.runs.values():
        going = [job for job in world.jobs.values() if job.run_uid == run.uid and not job.suspend and not job.finished]
        assert len(going) <= 1, "one run, two Jobs at work"
        holds_slot = run.status.phase in FINAL or run.status.job is None or run.status.job.active
        assert holds_slot >= bool(going), "a Job at work without a slot"
        can_go = run.uid in world.secrets or run.status.phase in FINAL
        assert can_go >= bool(going), "a Job without the Secret that it mounts"
        assert not (run.status.stream and run.status.phase == "SUCCESS"), "a stream has come to its end"
        if run.status.phase in FINAL:
            old = before.get(run.uid)
            if old is not None and old.phase in FINAL:
                same = {"archived": run.status.archived}
                assert run.status == old.model_copy(update=same), "a final status has changed"
        elif decided.wake_at is None:
            running = next(c for c in run.status.conditions if c.type == "Running")
            assert running.reason in WAITS, f"{run.status.phase} for ever: {running.reason}"
    assert decided.wake_at is None or decided.wake_at > world.now


def no_work_for_ended_runs(world: Any) -> None:
    """A plan does nothing for a run that is over but clean up, archive and prune."""
    ended = {run.uid: run.name for run in world.runs.values() if run.status.phase in FINAL}
    steps = world.plan().steps
    deleted = Counter(step.job for step in steps if isinstance(step, DeleteJob))
    assert all(times == 1 for times in deleted.values()), "a Job is deleted twice"
    for step in steps:
        assert not (isinstance(step, CreateJob) and step.run_uid in ended)
        if isinstance(step, ResumeJob):
            assert world.jobs[step.job].run_uid not in ended
        if isinstance(step, SaveRun) and step.uid in ended:
            before = world.runs[step.uid].status
            assert step.status == before.model_copy(update={"archived": True})
        if isinstance(step, EmitEvent):
            assert step.uid not in ended


@settings(max_examples=400, deadline=None)
@given(history=HISTORY)
def test_whatever_happens_runs_stay_apart_and_end(make_world: Any, history: list[tuple[str, int, int | None]]) -> None:
    world = make_world()
    for event, which, dies_after in history:
        happen(world, event, which)
        no_work_for_ended_runs(world)
        if dies_after is not None:
            world.reconcile(dies_after=dies_after)
        before = {uid: run.status for uid, run in world.runs.items()}
        # Settles: after all steps are taken, another plan has none.
        world.reconcile()
        check(world, before)


@settings(max_examples=200, deadline=None)
@given(history=HISTORY)
def test_whatever_happened_everything_ends_when_all_is_well_again(
    make_world: Any, history: list[tuple[str, int, int | None]]
) -> None:
    world = make_world()
    for event, which, _ in history:
        happen(world, event, which)
        world.reconcile()
    world.store_back()
    world.busy_elsewhere = world.streams_elsewhere = 0
    world.source("default")
    world.in_the_way = None
    world.edit_pipeline(suspend=False, source_query="SELECT id FROM films")
    for _ in range(12 * (len(world.runs) + 1)):
        for run in list(world.runs.values()):
            if run.spec.suspend:
                world.edit(run.uid, suspend=False)
            if run.status.phase not in FINAL and run.status.job and run.status.job.name in world.jobs:
                _be_well(world, run.uid)
            if run.status.stream:
                # Nothing else ends it.
                world.edit(run.uid, cancel=True)
        world.wait(1)
        world.reconcile()
    assert all(run.status.phase in FINAL for run in world.runs.values())
    assert world.pipeline.status.active_run is None
    assert not world.secrets, "the Secret of a run that is over was left"
    recorded = {uid: world.history[uid]["phase"] for uid in world.runs}
    assert recorded == {uid: run.status.phase for uid, run in world.runs.items()}


def _be_well(world: Any, uid: str) -> None:
    job = world.job_of(uid)
    if job.suspend:
        world.pod_gone(uid)
    elif not job.finished:
        result = {"source_count": 1, "target_count": 1} if not world.runs[uid].writes else None
        world.report(uid, batches=1, outcome="DONE", result=result)
