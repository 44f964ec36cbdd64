"""A run that has an attempt: what follows from what is wanted of it and what is seen of it."""

from datetime import datetime, timedelta

from headrace.lifecycle.actions import Needs, ProvideSecret
from headrace.lifecycle.attempts import next_attempt, without_job
from headrace.lifecycle.case import Case
from headrace.lifecycle.counting import counted
from headrace.lifecycle.moves import Move, changed, earliest, ended, killed, record, waits
from headrace.lifecycle.outcome import (
    failure_message,
    has_advanced,
    has_given_up,
    has_said_why,
    is_done,
    is_permanent,
)
from headrace.lifecycle.silence import is_lost, must_look, next_look
from headrace.lifecycle.state import RunPhase
from headrace.lifecycle.stopping import GONE_SOON, Stop, resuming, stop_reason, stopped, stopping
from headrace.model.conditions import Reason
from headrace.model.times import from_text, to_text

LOOK_AT_POD_AGAIN = timedelta(seconds=30)


def advance(case: Case) -> Move:
    """What is to be done about a run that has an attempt and is not over."""
    job = case.job
    if is_done(case):
        return _done(case)
    stop = stop_reason(case)
    if has_given_up(case) or (job is not None and (job.failed or job.complete)):
        return _failed(case, stop)
    if stop is not None:
        return stopping(case, stop)
    if job is None:
        return without_job(case)
    if job.deleting:
        return waits(case, Reason.RETRYING, "the run's Job is being deleted").but(wake_at=case.now + GONE_SOON)
    if job.suspend:
        return resuming(case)
    return _working(case)


def _done(case: Case) -> Move:
    # The Job's word alone has no counts: the pod may have left them.
    if not case.progress.is_done and case.pod is None and case.job is not None:
        return _looks(case)
    return ended(case, RunPhase.SUCCESS, Reason.SUCCEEDED)


def _looks(case: Case) -> Move:
    assert case.job is not None
    return waits(case, _current_reason(case)).but(needs=Needs(pods=frozenset({case.job.name})))


def _failed(case: Case, stop: Stop | None) -> Move:
    """The Job has given up (or a reconcile completed without a result, or a stream at all)."""
    if not has_said_why(case) and case.pod is None and case.job is not None:
        return _looks(case)
    if stop == Stop.CANCEL:
        return stopped(case, stop)
    message = failure_message(case)
    if is_permanent(case):
        return ended(case, RunPhase.FAILED, Reason.RUN_FAILED, message)
    if case.store is None:
        return waits(case, Reason.WAITING_FOR_STORE)
    # Runners that could not reach the store failed for that.
    excused = case.store.available_for < case.limits.lost_after
    if not has_advanced(case) and not excused:
        return ended(case, RunPhase.FAILED, Reason.RUN_FAILED, message)
    if stop is not None:
        return stopped(case, stop)
    return next_attempt(case, Reason.RETRYING, message, fruitless=case.attempt.fruitless if excused else 0)


def _working(case: Case) -> Move:
    """The Job is to have a pod: it may have reported, be silent, or not be ready."""
    if must_look(case):
        return _looks(case)
    if is_lost(case):
        return _lost(case)
    if not case.is_fresh:
        return _starting(case)
    progress = counted(case, force=case.phase != RunPhase.RUNNING)
    if progress is not None and progress.takeovers > case.limits.max_takeovers and not _lasts(case):
        return _worn_out(case)
    status = changed(
        case.status,
        case.now,
        RunPhase.RUNNING,
        started_at=case.status.started_at or to_text(case.progress.first_seen_at or case.now),
        job=case.attempt.model_copy(update={"suspended": False, "active": True}),
        stopping_since=None,
        progress=progress,
    )
    steps = (record(case.run, status),) if case.store and status.phase != case.status.phase else ()
    wake = earliest(
        next_look(case), _progress_due(case, unchanged=status.progress == case.status.progress), _time_over(case)
    )
    return Move(status=status, reason=Reason.RUN_ACTIVE, steps=steps, wake_at=wake)


def _lasts(case: Case) -> bool:
    """A stream that was in step once waits for its servers as long as it takes; each attempt takes the fence."""
    return case.is_stream and case.progress.caught_up_at is not None


def _progress_due(case: Case, *, unchanged: bool) -> datetime | None:
    old = case.status.progress
    if not unchanged or old is None or (old.rows_read, old.batches) == (case.progress.rows_read, case.progress.batches):
        return None
    since = from_text(old.updated_at)
    return since + case.limits.progress_every if since else None


def _time_over(case: Case) -> datetime | None:
    allowed = case.run.spec.timeout_seconds
    return case.now + timedelta(seconds=allowed) - case.worked if allowed else None


def _starting(case: Case) -> Move:
    """No report yet of the current pod."""
    waited = case.now - case.spell_start
    limits = case.limits
    ready = case.job is not None and case.job.ready > 0
    attempt = case.attempt.model_copy(update={"suspended": False, "active": True})
    if ready or waited <= limits.explain_after:
        move = waits(case, _current_reason(case), _current_message(case), job=attempt, stopping_since=None)
        due = case.spell_start + limits.explain_after if waited <= limits.explain_after else None
        return move.but(wake_at=earliest(due, next_look(case), _time_over(case)))
    if case.pod is None:
        return _looks(case)
    why = case.pod.reason or "its pod is not ready"
    store_up = case.store is not None and case.store.available_for > limits.lost_after
    if waited > limits.not_ready_after and store_up:
        minutes = int(limits.not_ready_after.total_seconds() // 60)
        return killed(case, Reason.POD_NOT_READY, f"not ready after {minutes} minutes: {why}")
    move = waits(case, Reason.POD_NOT_READY, why, job=attempt, stopping_since=None)
    again = earliest(case.spell_start + limits.not_ready_after, case.now + LOOK_AT_POD_AGAIN)
    steps = (ProvideSecret(run=case.run.name, uid=case.run.uid),) if case.pod.lacks_secret else ()
    return move.but(wake_at=max(again or case.now, case.now + GONE_SOON), steps=steps)


def _current_reason(case: Case) -> Reason:
    if case.is_fresh:
        return Reason.RUN_ACTIVE
    return Reason.RETRYING if case.attempt.attempt > 1 else Reason.RUN_STARTING


def _current_message(case: Case) -> str:
    """What the last attempt ended with stays to be read until the next one reports."""
    if _current_reason(case) != Reason.RETRYING:
        return ""
    return next((c.message for c in case.status.conditions if c.type == "Running" and c.reason == Reason.RETRYING), "")


def _lost(case: Case) -> Move:
    # Counted once: an attempt that was written off while its next one could not begin is not at work any more.
    fruitless = 0 if has_advanced(case) else case.attempt.fruitless + case.attempt.active
    if fruitless >= case.limits.max_takeovers:
        text = f"{fruitless} runners in a row fell silent without committing a batch"
        return killed(case, Reason.RUNNER_LOST, text)
    return next_attempt(case, Reason.RETRYING, "the runner fell silent and was given up", fruitless=fruitless)


def _worn_out(case: Case) -> Move:
    without = " or catching up" if case.is_stream else ""
    text = f"{case.limits.max_takeovers} runners in a row started without committing a batch{without}"
    if case.progress.message:
        text += f"; the last one said: {case.progress.message}"
    return killed(case, Reason.RUN_FAILED, text)
