"""What is done about a preview, for each state it can be found in: also by a process that has just begun."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.lifecycle.observed import JobSeen, PodSeen, ProgressSeen, RunSeen
from headrace.model.conditions import Reason
from headrace.model.preview import PreviewSpec
from headrace.model.run import RunJob, RunSpec, RunStatus
from headrace.model.times import to_text
from headrace.runspec import RunKind
from headrace_operator.previews.plan import KEPT, Plan, Step, plan
from headrace_operator.previews.seen import Seen, Wait

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UID = "0b0e7a3c-0000-0000-0000-000000000001"
JOB = f"etl-{UID}-a1"
WAIT = Wait(Reason.WAITING_FOR_SOURCE, "all connections to the source 'films' are in use")
AT_WORK = JobSeen(name=JOB, run_uid=UID, attempt=1, active=1, ready=1)
ENDED = JobSeen(name=JOB, run_uid=UID, attempt=1, complete=True, finished=True)
STOPPED = JobSeen(name=JOB, run_uid=UID, attempt=1, suspend=True, suspended=True)
BROKEN = JobSeen(name=JOB, run_uid=UID, attempt=1, failed="BackoffLimitExceeded", failure_message="Job has failed")
TOO_LONG = JobSeen(name=JOB, run_uid=UID, attempt=1, failed="DeadlineExceeded")
SEEN = ProgressSeen(first_seen_at=NOW - timedelta(seconds=1))


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def look(
    *, phase: str | None = None, begun: float | None = None, ended: float | None = None, archived: bool = False,
    age: float = 0, cancel: bool = False, **seen: object,
) -> Plan:  # fmt: skip
    """A plan for a preview: asked for `age`, begun and ended so many seconds ago."""
    job = RunJob(name=JOB, attempt=1, epoch=1, created_at=to_text(NOW - seconds(begun))) if begun is not None else None
    finished_at = to_text(NOW - seconds(ended)) if ended is not None else None
    run = RunSeen(
        name="films",
        uid=UID,
        generation=1,
        created_at=NOW - seconds(age),
        spec=RunSpec(kind=RunKind.PREVIEW, preview=PreviewSpec(), cancel=cancel, cancel_reason="the caller is gone"),
        status=RunStatus(phase=phase, job=job, finished_at=finished_at, archived=archived),
    )
    return plan(Seen(now=NOW, run=run, source="films", **{"progress": ProgressSeen(), **seen}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "step", "phase", "error"),
    [
        pytest.param({}, Step.START, "PENDING", None, id="it begins when it has its turn"),
        pytest.param({"wait": WAIT}, Step.NOTHING, "PENDING", None, id="it waits for its turn"),
        pytest.param(
            {"wait": WAIT, "age": 20}, Step.NOTHING, "FAILED", f"{WAIT.message}, for 20 s", id="it waits no longer"
        ),
        pytest.param({"problem": "no such source"}, Step.NOTHING, "FAILED", "no such source", id="nothing to see"),
        pytest.param({"problem": "x", "cancel": True}, Step.NOTHING, "CANCELLED", None, id="cancelled before it began"),
    ],
)
def test_before_it_begins(seen: dict[str, object], step: Step, phase: str, error: str | None) -> None:
    decided = look(**seen)  # type: ignore[arg-type]
    assert (decided.step, decided.status.phase, decided.status.error_message) == (step, phase, error)


def test_what_a_preview_begins_with_is_saved_before_anything_is_made() -> None:
    status = look().status
    assert status.job is not None
    assert (status.job.name, status.job.attempt, status.job.active) == (JOB, 1, True)
    # By these another password finds it.
    assert (status.source, status.destination) == ("films", None)


def test_why_it_waits_is_said_in_its_conditions_and_it_is_looked_at_when_it_may_wait_no_longer() -> None:
    decided = look(wait=WAIT, age=5)
    running = next(c for c in decided.status.conditions if c.type == "Running")
    assert (running.status, running.reason, running.message) == ("False", "WaitingForSource", WAIT.message)
    assert decided.wake_at == NOW + seconds(15)
    assert decided.status.job is None


@pytest.mark.parametrize(
    ("seen", "step", "phase", "error"),
    [
        pytest.param({}, Step.START, None, None, id="what was begun and not made is made"),
        pytest.param(
            {"begun": 75},
            Step.NOTHING, "FAILED", "its Job could not be made, or was removed before it had ended", id="no Job",
        ),
        pytest.param(
            {"begun": 75, "progress": None},
            Step.NOTHING, "FAILED", "the store's Postgres can't be reached", id="no Job for want of the store",
        ),
        pytest.param({"problem": "gone"}, Step.NOTHING, "FAILED", "gone", id="no way in after all"),
        pytest.param({"job": AT_WORK}, Step.NOTHING, None, None, id="its pod starts"),
        pytest.param({"job": AT_WORK, "progress": SEEN}, Step.NOTHING, "RUNNING", None, id="its runner is seen"),
        pytest.param({"job": AT_WORK, "progress": None}, Step.NOTHING, None, None, id="the store is away"),
        pytest.param(
            {"job": AT_WORK, "progress": ProgressSeen(outcome="DONE")}, Step.NOTHING, "SUCCESS", None, id="done"
        ),
        pytest.param(
            {"job": None, "progress": ProgressSeen(outcome="DONE")}, Step.NOTHING, "SUCCESS", None, id="done, no Job"
        ),
        pytest.param(
            {"job": AT_WORK, "progress": ProgressSeen(outcome="FAILED", message="no such table")},
            Step.NOTHING, "FAILED", "no such table", id="failed",
        ),
        pytest.param(
            {"job": TOO_LONG, "pod": PodSeen(reason="ImagePullBackOff")},
            Step.NOTHING, "FAILED", "it took longer than 60 s: ImagePullBackOff", id="too long",
        ),
        pytest.param(
            {"job": BROKEN, "pod": PodSeen(message="the source is away")},
            Step.NOTHING, "FAILED", "the source is away", id="the pod's last word",
        ),
        pytest.param({"job": BROKEN}, Step.NOTHING, "FAILED", "Job has failed", id="the Job's word"),
        pytest.param(
            {"job": ENDED}, Step.NOTHING, "FAILED", "the runner ended without a word", id="it ended without a word"
        ),
        pytest.param({"job": ENDED, "progress": None}, Step.NOTHING, None, None, id="its word may be in the store"),
        pytest.param(
            {"job": ENDED, "progress": None, "begun": 75},
            Step.NOTHING, "FAILED", "nothing was heard of its runner for 75 s: its pod has ended", id="never heard",
        ),
        pytest.param({"job": AT_WORK, "cancel": True}, Step.NOTHING, "CANCELLED", None, id="cancelled"),
    ],
)  # fmt: skip
def test_while_it_is_at_work(seen: dict[str, object], step: Step, phase: str | None, error: str | None) -> None:
    decided = look(**{"begun": 1, **seen})  # type: ignore[arg-type]
    assert (decided.step, decided.status.phase, decided.status.error_message) == (step, phase, error)


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        pytest.param({}, Step.RELEASE, id="there is no Job"),
        pytest.param({"job": ENDED}, Step.RELEASE, id="its Job has ended"),
        pytest.param({"job": STOPPED}, Step.RELEASE, id="its pod was stopped"),
        pytest.param({"job": AT_WORK}, Step.NOTHING, id="its runner ends by itself"),
        pytest.param({"job": AT_WORK, "ended": 15}, Step.SUSPEND, id="it does not end by itself"),
        pytest.param({"job": AT_WORK, "phase": "CANCELLED"}, Step.SUSPEND, id="cancelled"),
        pytest.param({"job": AT_WORK, "phase": "FAILED"}, Step.SUSPEND, id="failed, its runner said nothing"),
        pytest.param(
            {"job": AT_WORK, "phase": "FAILED", "progress": ProgressSeen(outcome="FAILED")},
            Step.NOTHING, id="failed, as its runner said",
        ),
        pytest.param({"job": AT_WORK, "ended": 60}, Step.RELEASE, id="it does not end at all"),
        pytest.param({"archived": True, "ended": 599}, Step.NOTHING, id="it is kept to be looked at"),
        pytest.param({"archived": True, "ended": 600}, Step.REMOVE, id="nobody looks any more"),
    ],
)  # fmt: skip
def test_when_it_is_over(seen: dict[str, object], step: Step) -> None:
    decided = look(**{"phase": "SUCCESS", "begun": 5, "ended": 1, **seen})  # type: ignore[arg-type]
    assert decided.step == step
    assert decided.status.archived == (step == Step.RELEASE or bool(seen.get("archived")))


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"begun": None, "problem": "no such source"}, "RunFailed"),
        ({"progress": ProgressSeen(outcome="FAILED", message="no such table")}, "RunFailed"),
        ({"job": BROKEN, "progress": None, "pod": PodSeen(outcome="FAILED", message="no such table")}, "RunFailed"),
        ({"begun": None, "wait": WAIT, "age": 20}, "WaitingForSource"),
        ({"begun": None, "wait": Wait(Reason.WAITING_FOR_SLOT, "others are at work"), "age": 20}, "WaitingForSlot"),
        ({"job": TOO_LONG}, "TimedOut"),
        ({"begun": 75, "progress": None}, "WaitingForStore"),
        ({"begun": 75}, "RunnerLost"),
        ({"job": BROKEN}, "RunnerLost"),
        ({"job": BROKEN, "pod": PodSeen(message="Giving up: the store is away")}, "RunnerLost"),
        ({"job": ENDED}, "RunnerLost"),
        ({"job": ENDED, "progress": None, "begun": 75}, "RunnerLost"),
    ],
)
def test_whether_another_try_may_help_is_told_by_the_reason(seen: dict[str, object], reason: str) -> None:
    decided = look(**{"begun": 1, **seen})  # type: ignore[arg-type]
    (failed,) = (c for c in decided.status.conditions if c.type == "Failed")
    assert (failed.status, failed.reason) == ("True", reason)


def test_it_is_looked_at_again_when_it_is_to_be_removed() -> None:
    assert look(phase="SUCCESS", begun=5, ended=100, archived=True).wake_at == NOW - seconds(100) + KEPT


def test_an_end_that_was_told_stays_whatever_is_seen_later() -> None:
    decided = look(phase="FAILED", begun=5, ended=1, cancel=True, job=ENDED, progress=ProgressSeen(outcome="DONE"))
    assert decided.status.phase == "FAILED"
