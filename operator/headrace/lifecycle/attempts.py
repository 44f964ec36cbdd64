"""Attempts: the first Job of a run, the next one after a failure, and one that was to be created but is not there."""

from headrace import names
from headrace.errors import ConflictError, InvalidError
from headrace.lifecycle.actions import CreateJob, DeleteJob, EmitEvent, Needs, Step
from headrace.lifecycle.case import Case
from headrace.lifecycle.counting import counted
from headrace.lifecycle.moves import Move, changed, ended, record, waits, waits_for_room, waits_for_way
from headrace.lifecycle.specification import run_spec
from headrace.lifecycle.state import RunPhase
from headrace.model.conditions import Reason
from headrace.model.run import RunJob, RunStatus
from headrace.model.times import to_text
from headrace.target import POSTGRES


def start(case: Case) -> Move:
    """The first attempt: it waits for store and slot, then gets its epoch."""
    try:
        spec = run_spec(case.pipeline, case.run, case.limits)
    except (InvalidError, ConflictError) as error:
        return ended(case, RunPhase.FAILED, Reason.INVALID_SPEC, error.in_full)
    if case.store is None:
        return waits(case, Reason.WAITING_FOR_STORE)
    if waiting := waits_for_room(case) or waits_for_way(case):
        return waiting
    if case.epoch is None:
        return waits(case, Reason.RUN_STARTING).but(needs=Needs(epoch=True))
    attempt = _attempt(case, number=1, epoch=case.epoch, fruitless=0)
    status = changed(
        case.status,
        case.now,
        RunPhase.PENDING,
        job=attempt,
        working_since=to_text(case.now),
        source=case.source,
        destination=case.destination,
        target_kind=spec.target_kind,
        stream=case.is_stream,
    )
    steps = (record(case.run, status, spec), create(case, status))
    return Move(status=status, reason=Reason.RUN_STARTING, steps=steps)


def next_attempt(case: Case, reason: Reason, message: str, *, fruitless: int) -> Move:
    """Another Job goes on from the last batch; the old one is deleted, the fence holds off what is left of it."""
    if case.store is None:
        return waits(case, Reason.WAITING_FOR_STORE)
    if waiting := None if case.attempt.active else waits_for_room(case):
        return waiting.but(steps=_end_of_job(case))
    if waiting := waits_for_way(case):
        return _without_way(case, waiting, fruitless=fruitless)
    if case.epoch is None:
        return waits(case, reason, message).but(needs=Needs(epoch=True))
    attempt = _attempt(case, number=case.attempt.attempt + 1, epoch=case.epoch, fruitless=fruitless)
    status = changed(
        case.status,
        case.now,
        case.phase,
        job=attempt,
        source=case.source,
        destination=case.destination,
        progress=counted(case, force=True),
        worked_seconds=case.worked.total_seconds(),
        working_since=to_text(case.now),
        stopping_since=None,
    )
    steps: tuple[Step, ...] = (DeleteJob(job=case.job.name),) if case.job else ()
    steps += (record(case.run, status), create(case, status))
    event = EmitEvent(
        run=case.run.name, uid=case.run.uid, type="Warning", reason=reason.value, message=message or reason.sentence
    )
    return Move(status=status, reason=reason, message=message, steps=steps, events=(event,))


def without_job(case: Case) -> Move:
    """Its Job is not there: we died before creating it, or somebody deleted it."""
    attempt = case.attempt
    reported = case.progress.epoch == attempt.epoch
    if not attempt.active or attempt.suspended or reported:
        return next_attempt(case, Reason.RETRYING, "the run's Job was deleted", fruitless=attempt.fruitless)
    if waiting := waits_for_way(case):
        return _without_way(case, waiting, fruitless=attempt.fruitless)
    if case.store is None:
        return waits(case, Reason.WAITING_FOR_STORE)
    waited, store_up = case.now - case.spell_start, case.store.available_for > case.limits.lost_after
    if waited > case.limits.not_ready_after and store_up:
        return ended(case, RunPhase.FAILED, Reason.POD_NOT_READY, "the run's Job could not be created")
    spec = None
    if attempt.attempt == 1:
        try:
            spec = run_spec(case.pipeline, case.run, case.limits)
        except (InvalidError, ConflictError) as error:
            return ended(case, RunPhase.FAILED, Reason.INVALID_SPEC, error.in_full)
    move = waits(case, Reason.RUN_STARTING)
    # Who died before creating it may not have deleted the one before: that goes first, whether it is there or not.
    before = names.job_name(case.run.uid, attempt.attempt - 1)
    steps: tuple[Step, ...] = (DeleteJob(job=before),) if attempt.attempt > 1 else ()
    return move.but(
        steps=(*steps, record(case.run, move.status, spec), create(case, move.status)),
        wake_at=case.spell_start + case.limits.not_ready_after,
    )


def _without_way(case: Case, waiting: Move, *, fruitless: int) -> Move:
    """It holds neither slot nor connection while it waits, for nobody knows how long; then it asks for both again.

    A first attempt that got no Job is none: the run starts anew, with what is then to be done.
    """
    attempt = case.attempt
    if waiting.needs:
        return waiting
    if not attempt.active:
        return _at_rest(case, waiting)
    may_be_new = (attempt.attempt, case.status.started_at, case.job) == (1, None, None)
    if may_be_new and case.store is None:
        # Nobody knows whether its runner said a word, nor whether its spec was recorded: no second attempt has one.
        return waiting
    never_began = may_be_new and case.progress.epoch != attempt.epoch
    rest = attempt.model_copy(update={"active": False, "fruitless": fruitless})
    status = changed(
        waiting.status,
        case.now,
        RunPhase.PENDING,
        job=None if never_began else rest,
        progress=counted(case, force=True),
        worked_seconds=0.0 if never_began else case.worked.total_seconds(),
        working_since=None,
        stopping_since=None,
    )
    return waiting.but(status=status, steps=(*_end_of_job(case), *_told(case, status)))


def _at_rest(case: Case, waiting: Move) -> Move:
    """It holds nothing: it was paused, or has waited before, and who began that may have died half way."""
    status = changed(waiting.status, case.now, RunPhase.PENDING)
    return waiting.but(status=status, steps=(*_end_of_job(case), *_told(case, status)))


def _end_of_job(case: Case) -> tuple[Step, ...]:
    """Of a runner that fell silent: it would be at work without a slot when it wakes."""
    job = case.job
    return () if job is None or job.failed or job.complete else (DeleteJob(job=job.name),)


def _told(case: Case, status: RunStatus) -> tuple[Step, ...]:
    return (record(case.run, status),) if case.store is not None and status.phase != case.status.phase else ()


def create(case: Case, status: RunStatus) -> CreateJob:
    """The step that creates the Job of the status' attempt."""
    attempt = status.job
    assert attempt is not None
    return CreateJob(
        job=attempt.name,
        run=case.run.name,
        run_uid=case.run.uid,
        attempt=attempt.attempt,
        epoch=attempt.epoch,
        source=case.source,
        destination=case.destination,
        # A run of the version before went to Postgres.
        target_kind=status.target_kind or POSTGRES,
    )


def _attempt(case: Case, *, number: int, epoch: int, fruitless: int) -> RunJob:
    return RunJob(
        name=names.job_name(case.run.uid, number),
        attempt=number,
        epoch=epoch,
        created_at=to_text(case.now),
        active=True,
        batches=case.progress.batches,
        caught_up_at=to_text(caught_up) if (caught_up := case.progress.caught_up_at) else None,
        fruitless=fruitless,
    )
