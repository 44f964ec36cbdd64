"""What is to be done about one preview, from what is seen of it. Pure: no client, no clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from headrace import names
from headrace.lifecycle.moves import Move, changed
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.run_reporting import with_conditions
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.model.conditions import Reason
from headrace.model.run import RunJob, RunStatus
from headrace.model.times import from_text, to_text
from headrace.store.progress import DONE, FAILED
from headrace_operator.previews.result import Result, for_status
from headrace_operator.previews.seen import Seen, Wait

TURN_SECONDS = 20
"""How long it waits for its turn: whoever asked by REST has gone after 25 s."""
WORK_SECONDS = 60
"""The Job's activeDeadlineSeconds. A statement is ended after 20 s, so that a slow pod leaves time enough."""
HEARD_WITHIN = timedelta(seconds=WORK_SECONDS + 15)
"""When the Job ought to have ended, and nobody has said so."""
ENDS_WITHIN = timedelta(seconds=15)
"""A runner that has said how it ended is given so long to end; then its pod is stopped."""
GONE_WITHIN = timedelta(seconds=60)
"""After that the connection is given to others, whatever is left of the pod."""
KEPT = timedelta(minutes=10)
EPOCH = 1
"""It takes no fence, and has one attempt."""
_WORDLESS = "the runner ended without a word"


class Step(Enum):
    """What is done. Each may be done twice."""

    NOTHING = auto()
    START = auto()
    """Write it into the store, and make its Secret and its Job."""
    SUSPEND = auto()
    """Have its pod ended."""
    RELEASE = auto()
    """Write its end into the store, remove Job and Secret, and give its turn and its connection to others."""
    REMOVE = auto()
    """Delete the EtlRun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A status, a step, and when to look again."""

    status: RunStatus
    """To be saved before the step is taken; for RELEASE after it."""
    step: Step = Step.NOTHING
    wake_at: datetime | None = None


def plan(seen: Seen) -> Plan:
    """What is to be done now."""
    run = seen.run
    if run.status.phase in FINAL:
        return _over(seen)
    if run.spec.cancel:
        return _ended(seen, RunPhase.CANCELLED, Reason.RUN_CANCELLED, run.spec.cancel_reason or "")
    return _waiting(seen) if run.status.job is None else _at_work(seen, run.status.job)


def _waiting(seen: Seen) -> Plan:
    if seen.problem:
        return _failed(seen, _of_what_was_asked(seen.problem))
    if seen.wait is None:
        job = RunJob(name=names.job_name(seen.run.uid, 1), attempt=1, epoch=EPOCH, created_at=to_text(seen.now))
        status = _status(seen, RunPhase.PENDING, Reason.RUN_ACTIVE, "its runner starts", job=job, **_ends(seen))
        return Plan(status=status, step=Step.START)
    until = seen.run.created_at + timedelta(seconds=TURN_SECONDS)
    if seen.now >= until:
        return _failed(seen, Problem(seen.wait.reason, f"{seen.wait.message}, for {TURN_SECONDS} s"))
    return Plan(status=_pending(seen, seen.wait), wake_at=until)


def _at_work(seen: Seen, job: RunJob) -> Plan:
    said = seen.progress
    if said is not None and said.outcome == DONE:
        return _ended(seen, RunPhase.SUCCESS, Reason.SUCCEEDED, started_at=_started_at(seen), preview=_found(seen))
    if said is not None and said.outcome == FAILED:
        why = _of_what_was_asked(said.message or "the runner failed and did not say why")
        return _failed(seen, why, preview=_found(seen))
    asked_at = from_text(job.created_at) or seen.run.created_at
    late = seen.now >= asked_at + HEARD_WITHIN
    if seen.job is None:
        lost = _why_without_job(seen, is_late=late)
        return _failed(seen, lost) if lost else Plan(status=seen.run.status, step=Step.START)
    failure = _why_failed(seen, is_late=late)
    if failure:
        return _failed(seen, failure)
    wake_at = asked_at + HEARD_WITHIN
    if said is None or said.first_seen_at is None:
        return Plan(status=seen.run.status, wake_at=wake_at)
    running = _status(seen, RunPhase.RUNNING, Reason.RUN_ACTIVE, started_at=_started_at(seen))
    return Plan(status=running, wake_at=wake_at)


def _of_what_was_asked(message: str) -> Problem:
    """The same preview would fail again; for every other reason another one may do better."""
    return Problem(Reason.RUN_FAILED, message)


def _why_without_job(seen: Seen, *, is_late: bool) -> Problem | None:
    """None: it may still be made."""
    if not is_late:
        return _of_what_was_asked(seen.problem) if seen.problem else None
    if seen.progress is None:
        return Problem(Reason.WAITING_FOR_STORE, "the store's Postgres can't be reached")
    return Problem(Reason.RUNNER_LOST, "its Job could not be made, or was removed before it had ended")


def _why_failed(seen: Seen, *, is_late: bool) -> Problem | None:
    """Why nothing will be heard of it any more; None while something may."""
    assert seen.job is not None
    said = seen.pod.message or seen.pod.reason if seen.pod is not None else ""
    if seen.job.failed == "DeadlineExceeded":
        return Problem(Reason.TIMED_OUT, f"it took longer than {WORK_SECONDS} s" + (f": {said}" if said else ""))
    if seen.job.failed and seen.pod is not None and seen.pod.outcome == FAILED:
        # While the store is away it is said by the pod alone.
        return _of_what_was_asked(said or _WORDLESS)
    if seen.job.failed:
        return Problem(Reason.RUNNER_LOST, said or seen.job.failure_message or _WORDLESS)
    # What the runner of a complete Job said is in the store: while that is away it may still come.
    if seen.job.complete and seen.progress is not None:
        return Problem(Reason.RUNNER_LOST, _WORDLESS)
    if is_late:
        silent = f"nothing was heard of its runner for {HEARD_WITHIN.seconds} s: {said or 'its pod has ended'}"
        return Problem(Reason.RUNNER_LOST, silent)
    return None


def _over(seen: Seen) -> Plan:
    status = seen.run.status
    ended_at = from_text(status.finished_at) or seen.now
    if status.archived:
        remove_at = ended_at + KEPT
        step = Step.REMOVE if seen.now >= remove_at else Step.NOTHING
        return Plan(status=status, step=step, wake_at=remove_at)
    if _is_quiet(seen) or seen.now >= ended_at + GONE_WITHIN:
        job = status.job.model_copy(update={"active": False}) if status.job else None
        return Plan(status=status.model_copy(update={"archived": True, "job": job}), step=Step.RELEASE)
    has_said = status.phase == RunPhase.SUCCESS or (seen.progress is not None and seen.progress.outcome is not None)
    ends_at = ended_at + (ENDS_WITHIN if has_said else timedelta())
    assert seen.job is not None
    if seen.job.suspend or seen.now < ends_at:
        return Plan(status=status, wake_at=min(max(ends_at, seen.now + timedelta(seconds=1)), ended_at + GONE_WITHIN))
    return Plan(status=status, step=Step.SUSPEND, wake_at=ended_at + GONE_WITHIN)


def _is_quiet(seen: Seen) -> bool:
    """Whether it has no pod any more, and so no connection."""
    job = seen.job
    return job is None or job.is_quiet or (job.finished and not job.active and not job.terminating)


def _ends(seen: Seen) -> dict[str, str | None]:
    """By which the runs are found whose logins change."""
    return {"source": seen.source, "destination": seen.destination}


def _pending(seen: Seen, wait: Wait) -> RunStatus:
    return _status(seen, RunPhase.PENDING, wait.reason, wait.message)


def _failed(seen: Seen, why: Problem, **update: object) -> Plan:
    return _ended(seen, RunPhase.FAILED, why.reason, why.message, started_at=_started_at(seen), **update)


def _ended(seen: Seen, phase: RunPhase, reason: Reason, message: str = "", **update: object) -> Plan:
    error = message if phase == RunPhase.FAILED else None
    status = _status(seen, phase, reason, message, finished_at=to_text(seen.now), error_message=error, **update)
    return Plan(status=status, wake_at=seen.now)


def _found(seen: Seen) -> Result | None:
    """What everybody may read who may read runs, where that was asked for."""
    preview, said = seen.run.spec.preview, seen.progress
    if preview is None or not preview.show or said is None or said.result is None:
        return None
    return for_status(said.result)


def _started_at(seen: Seen) -> str | None:
    first_seen = seen.progress.first_seen_at if seen.progress else None
    return seen.run.status.started_at or (to_text(first_seen) if first_seen else None)


def _status(seen: Seen, phase: RunPhase, reason: Reason, message: str = "", **update: object) -> RunStatus:
    status = changed(seen.run.status, seen.now, phase, **update)
    return with_conditions(seen.run, Move(status=status, reason=reason, message=message), seen.now)
