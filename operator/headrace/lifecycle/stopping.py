"""Stopping a run: for a pause, a cancel, or because its time is over; and letting it go on."""

from datetime import timedelta
from enum import StrEnum

from headrace.lifecycle.actions import DeleteJob, ResumeJob, SuspendJob
from headrace.lifecycle.case import Case
from headrace.lifecycle.counting import counted
from headrace.lifecycle.moves import Move, changed, ended, record, waits, waits_for_room
from headrace.lifecycle.state import RunPhase
from headrace.model.conditions import Reason
from headrace.model.times import from_text, to_text

GONE_SOON = timedelta(seconds=10)
"""A deleted Job is gone by then; nobody tells us about its last pod."""

DEAF_FOR = timedelta(seconds=20)
"""A container's first process ignores SIGTERM until it has a handler, and nobody sends it again: so a pod that was just
asked for is stopped when it has reported, or after that long."""


class Stop(StrEnum):
    """Why a run is to stop."""

    CANCEL = "cancel"
    TIMEOUT = "timeout"
    HOLD = "hold"


def stop_reason(case: Case) -> Stop | None:
    """Why the run is to stop, if it is."""
    if case.run.spec.cancel:
        return Stop.CANCEL
    allowed = case.run.spec.timeout_seconds
    if allowed is not None and case.attempt.active and case.worked >= timedelta(seconds=allowed):
        return Stop.TIMEOUT
    return Stop.HOLD if case.held else None


def stopping(case: Case, stop: Stop) -> Move:
    """The Job is suspended; when its pod is gone the run has stopped, and when that takes too long it is deleted."""
    job = case.job
    if job is None:
        return stopped(case, stop)
    if job.deleting:
        return waits(case, Reason.STOPPING).but(wake_at=case.now + GONE_SOON)
    if job.is_quiet:
        return stopped(case, stop)
    since = from_text(case.status.stopping_since) or case.now
    deadline, hears_at = since + _patience(case, stop), case.spell_start + DEAF_FOR
    if not job.suspend and not case.is_fresh and case.now < min(hears_at, deadline):
        # A bound that somebody set counts from when it was asked for, heard or not.
        asked = to_text(since) if _stop_seconds(case, stop) is not None else case.status.stopping_since
        return waits(case, Reason.STOPPING, stopping_since=asked).but(wake_at=min(hears_at, deadline))
    attempt = case.attempt.model_copy(update={"suspended": True, "active": True})
    progress = counted(case, force=False)
    move = waits(case, Reason.STOPPING, job=attempt, stopping_since=to_text(since), progress=progress)
    if case.now >= deadline:
        return move.but(steps=(DeleteJob(job=job.name),), wake_at=case.now + GONE_SOON)
    return move.but(steps=() if job.suspend else (SuspendJob(job=job.name),), wake_at=deadline)


def _patience(case: Case, stop: Stop) -> timedelta:
    """For how long its batch may go on: as long as a pod is given, or less where somebody says so."""
    allowed = _stop_seconds(case, stop)
    if allowed is None:
        return case.limits.grace + case.limits.stop_slack
    return min(case.limits.grace, timedelta(seconds=allowed))


def _stop_seconds(case: Case, stop: Stop) -> int | None:
    return case.run.spec.stop_seconds if stop == Stop.CANCEL else None


def stopped(case: Case, stop: Stop) -> Move:
    """No pod of the run is left."""
    if stop == Stop.CANCEL:
        return ended(case, RunPhase.CANCELLED, Reason.RUN_CANCELLED, case.run.spec.cancel_reason)
    if stop == Stop.TIMEOUT:
        text = f"the run took longer than timeoutSeconds ({case.run.spec.timeout_seconds} s)"
        return ended(case, RunPhase.FAILED, Reason.TIMED_OUT, text)
    if not case.attempt.active and case.phase == RunPhase.PAUSED:
        return waits(case, Reason.PAUSED)
    # It may have reported and been stopped between two looks.
    reported = case.progress.first_seen_at
    status = changed(
        case.status,
        case.now,
        RunPhase.PAUSED,
        # Also when it was paused again before it was seen at work: the pipeline's state changes now.
        last_transition_time=to_text(case.now),
        started_at=case.status.started_at or (to_text(reported) if reported else None),
        job=case.attempt.model_copy(update={"active": False, "suspended": True}),
        worked_seconds=case.worked.total_seconds(),
        working_since=None,
        stopping_since=None,
        progress=counted(case, force=True),
    )
    steps = (record(case.run, status),) if case.store else ()
    return Move(status=status, reason=Reason.PAUSED, steps=steps)


def resuming(case: Case) -> Move:
    """The Job is suspended, and is to go on: as soon as its old pod is gone."""
    job, attempt = case.job, case.attempt
    assert job is not None
    if attempt.active and not attempt.suspended:
        return waits(case, Reason.RUN_STARTING).but(
            steps=(ResumeJob(job=job.name),), wake_at=case.spell_start + case.limits.not_ready_after
        )
    if not job.is_quiet:
        since = from_text(case.status.stopping_since) or case.spell_start
        deadline = since + case.limits.grace + case.limits.stop_slack
        if case.now >= deadline:
            return waits(case, Reason.STOPPING).but(steps=(DeleteJob(job=job.name),), wake_at=case.now + GONE_SOON)
        return waits(case, Reason.STOPPING).but(wake_at=deadline)
    if case.store is None:
        return waits(case, Reason.WAITING_FOR_STORE)
    if waiting := None if attempt.active else waits_for_room(case):
        return waiting
    return _resumed(case)


def _resumed(case: Case) -> Move:
    attempt, seen = case.attempt, case.progress
    holder = seen.holder if seen.epoch == attempt.epoch else -1
    progress = counted(case, force=True)
    status = changed(
        case.status,
        case.now,
        case.phase,
        job=attempt.model_copy(update={"active": True, "suspended": False, "holder": holder}),
        worked_seconds=case.worked.total_seconds(),
        working_since=to_text(case.now),
        stopping_since=None,
        # A pause between two batches is not a takeover without a batch.
        progress=progress.model_copy(update={"takeovers": 0}) if progress else None,
    )
    assert case.job is not None
    return Move(status=status, reason=Reason.RUN_STARTING, steps=(ResumeJob(job=case.job.name),))
