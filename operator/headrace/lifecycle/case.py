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
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.state import RunPhase
from headrace.model.run import RunJob, RunStatus
from headrace.model.times import from_text


@dataclass(frozen=True, slots=True)
class Room:
    """What there is for a run."""

    slot: bool = True
    """It may be at work, as far as the installation's bounds go."""
    connection: bool = True
    """It may have a connection to its source."""


NO_ROOM = Room(slot=False, connection=False)


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
    room: Room
    """What there is for it to be at work."""
    source: str
    """The EtlSource that it reads from, or is to read from."""
    destination: str
    """The EtlDestination, likewise."""
    max_connections: int | None
    """Those that the source may have."""
    way_known: bool
    """It was looked whether both can be reached."""
    in_the_way: Problem | None
    """What keeps it from one of them."""
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


def case_of(observed: Observed, pipeline: PipelineSeen, run: RunSeen, *, room: Room) -> Case:
    """Collects what bears on a run."""
    job = observed.job(run.status.job.name) if run.status.job else None
    source = observed.sources.get(run.source_of(pipeline))
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
        room=room,
        source=run.source_of(pipeline),
        destination=run.destination_of(pipeline),
        max_connections=source.max_connections if source else None,
        way_known=run.uid in observed.ways,
        in_the_way=observed.ways.get(run.uid),
        epoch=observed.epoch if run.writes else (run.status.job.attempt if run.status.job else 0) + 1,
        is_stream=run.is_stream_of(pipeline),
    )
