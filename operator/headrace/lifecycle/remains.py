"""What ended runs leave behind: Jobs, resources beyond the history that is kept, and rows that the store lacks."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from headrace.lifecycle.actions import DeleteJob, DropSecret, ExpireJob, PruneRun, SaveRun, Step
from headrace.lifecycle.moves import record
from headrace.lifecycle.observed import JobSeen, Limits, Observed, RunSeen
from headrace.lifecycle.state import FINAL
from headrace.model.pipeline import RunReference
from headrace.model.run import RunStatus
from headrace.model.times import from_text


def remains(
    observed: Observed, statuses: Mapping[str, RunStatus], active: RunReference | None, taken: Iterable[Step]
) -> tuple[tuple[Step, ...], datetime | None]:
    """Steps that clean up, besides those that are `taken`, and when to look again."""
    runs = {run.uid: run for run in observed.runs}
    gone = {step.job for step in taken if isinstance(step, DeleteJob)}
    steps: list[Step] = []
    wake: datetime | None = None
    for job in observed.jobs:
        if job.run_uid not in runs or job.deleting or job.name in gone:
            continue
        step, later = _left_over(job, statuses[job.run_uid], observed)
        steps += [step] if step else []
        wake = min(wake, later) if wake and later else wake or later
    return (*steps, *_archive(observed, active), *_prune(observed)), wake


def _left_over(job: JobSeen, status: RunStatus, observed: Observed) -> tuple[Step | None, datetime | None]:
    attempt = status.job
    if status.phase not in FINAL:
        older = attempt is not None and job.attempt < attempt.attempt
        return (DeleteJob(job=job.name) if older else None), None
    if job.finished or (job.failed and not job.suspend):
        return (ExpireJob(job=job.name) if job.ttl is None else None), None
    if job.suspend:
        return DeleteJob(job=job.name), None
    # Its pod says good-bye, or it is being deleted; one that stays is ended.
    limits = observed.limits
    deadline = (from_text(status.finished_at) or observed.now) + limits.grace + limits.stop_slack
    if observed.now >= deadline:
        return DeleteJob(job=job.name), None
    return (ExpireJob(job=job.name) if job.ttl is None else None), deadline


def is_archived(run: RunSeen, active: RunReference | None) -> bool:
    """Whether the store holds how the run ended: a load lets go of the pipeline only then."""
    claimed = run.writes and run.status.job is not None
    return run.status.archived or (claimed and (active is None or active.uid != run.uid))


def _archive(observed: Observed, active: RunReference | None) -> list[Step]:
    if observed.store is None:
        return []
    steps: list[Step] = []
    for run in observed.runs:
        if (
            run.status.phase in FINAL
            and not is_archived(run, observed_claim(observed))
            and not is_archived(run, active)
        ):
            status = run.status.model_copy(update={"archived": True})
            drop = [DropSecret(uid=run.uid)] if run.status.job else []
            steps += [record(run, run.status), *drop, SaveRun(run=run.name, uid=run.uid, status=status)]
    return steps


def observed_claim(observed: Observed) -> RunReference | None:
    """Who held the pipeline when it was observed."""
    return observed.pipeline.status.active_run if observed.pipeline else None


def _prune(observed: Observed) -> list[Step]:
    """Only what was archived when it was observed: never in the same breath."""
    steps: list[Step] = []
    for writes in (True, False):
        ended = [run for run in observed.runs if run.writes == writes and run.status.phase in FINAL]
        ended.sort(key=lambda run: (run.status.finished_at or "", run.name), reverse=True)
        old = ended[_kept(observed.limits) :]
        claim = observed_claim(observed)
        steps += [PruneRun(run=run.name, uid=run.uid) for run in old if is_archived(run, claim)]
    return steps


def _kept(limits: Limits) -> int:
    return max(0, limits.history)
