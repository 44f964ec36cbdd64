"""One run as the plan looks at it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.lifecycle.observed import (
    JobSeen,
    Limits,
    Observed,
    PipelineSeen,
    PodSeen,
    ProgressSeen,
    RunSeen,
    StoreSeen,
)
from headrace.lifecycle.state import RunPhase
from headrace.model.run import RunJob, RunStatus
from headrace.model.times import from_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run with its Job, and what bears on it."""

    now: datetime
    limits: Limits
    pipeline: PipelineSeen
    run: RunSeen
    job: JobSeen | None
    pod: PodSeen | None
    """None: it was not looked at."""
    progress: ProgressSeen
    store: StoreSeen | None
    held: bool
    """It is not to be at work: its own spec.suspend, or for one that writes that of its pipeline."""
    slot: bool
    """There is room for one more run, or stream, at work."""
    epoch: int | None
    is_stream: bool = False
    """It goes on until it is stopped."""

    @property
    def status(self) -> RunStatus:
        """The run's status as it was observed."""
        return self.run.status

    @property
    def attempt(self) -> RunJob:
        """The current attempt; only for runs that have one."""
        assert self.status.job is not None
        return self.status.job

    @property
    def phase(self) -> RunPhase:
        """Where the run stands."""
        return RunPhase(self.status.phase or RunPhase.PENDING)

    @property
    def is_fresh(self) -> bool:
        """Whether the current pod of the current attempt has reported."""
        attempt = self.status.job
        return attempt is not None and (self.progress.epoch, self.progress.holder) > (attempt.epoch, attempt.holder)

    @property
    def spell_start(self) -> datetime:
        """When the current pod was asked for."""
        return from_text(self.status.working_since) or from_text(self.attempt.created_at) or self.now

    @property
    def worked(self) -> timedelta:
        """How long the run has been at work, without pauses."""
        earlier = timedelta(seconds=self.status.worked_seconds)
        return earlier + (self.now - self.spell_start if self.status.working_since else timedelta())


def case_of(observed: Observed, pipeline: PipelineSeen, run: RunSeen, *, slot: bool) -> Case:
    """Collects what bears on a run."""
    job = observed.job(run.status.job.name) if run.status.job else None
    return Case(
        now=observed.now,
        limits=observed.limits,
        pipeline=pipeline,
        run=run,
        job=job,
        pod=observed.pods.get(job.name) if job else None,
        progress=observed.progress(run.uid),
        store=observed.store,
        held=run.spec.suspend or (run.writes and pipeline.suspend),
        slot=slot,
        epoch=observed.epoch if run.writes else (run.status.job.attempt if run.status.job else 0) + 1,
        is_stream=run.is_stream_of(pipeline),
    )
