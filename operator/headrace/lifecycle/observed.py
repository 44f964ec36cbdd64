"""What the operator sees of one pipeline at one moment: all that a plan is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headrace import names
from headrace.lifecycle.endpoints import EndpointSeen, SourceUse
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.validity import is_stream
from headrace.model.pipeline import PipelineSpec, PipelineStatus
from headrace.model.run import ONLY_READS, RunSpec, RunStatus
from headrace.target import ELASTICSEARCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the installation was told: bounds in space and time."""

    installation: str = "default"
    namespace: str = "headrace"
    allowed_targets: tuple[str, ...] = ()
    max_concurrent_runs: int = 10
    max_streams: int = 50
    """So many streams may be at work, besides the runs that end by themselves."""
    lost_after: timedelta = timedelta(seconds=90)
    """A runner that is silent for so long, and whose pod is being deleted, is lost; after 3 times that in any case."""
    explain_after: timedelta = timedelta(seconds=60)
    """A pod that is not ready for so long is looked at, to say why."""
    not_ready_after: timedelta = timedelta(minutes=10)
    """A run whose pod is not ready for so long fails."""
    grace: timedelta = timedelta(seconds=120)
    """What a pod is given to finish its batch: its terminationGracePeriodSeconds."""
    stop_slack: timedelta = timedelta(seconds=60)
    """A Job that has not stopped for so long after the grace period is deleted."""
    progress_every: timedelta = timedelta(seconds=10)
    """Progress alone is written to a resource at most so often."""
    pipeline_missing: timedelta = timedelta(seconds=30)
    """How long a run waits for a pipeline that is not there: `kubectl apply -f` of a folder has no order."""
    max_takeovers: int = 5
    """So many takeovers of the fence without a committed batch fail a run; also so many attempts."""
    history: int = 20
    """So many ended runs of a pipeline stay as resources; the store keeps all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSeen:
    """An EtlPipeline."""

    name: str
    uid: str
    generation: int
    created_at: datetime
    deleting: bool = False
    spec: PipelineSpec | None
    """None when it can't be read; `problem` says why."""
    problem: str = ""
    suspend: bool = False
    enabled: bool = True
    updated_at: datetime | None = None
    """When the API last changed the configuration."""
    state_changed_at: datetime | None = None
    """When the API last paused or resumed it."""
    status: PipelineStatus = field(default_factory=PipelineStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeen:
    """An EtlRun that belongs to the pipeline, or names it and has no owner yet."""

    name: str
    uid: str
    generation: int
    created_at: datetime
    deleting: bool = False
    owned: bool = True
    """Its owner reference and labels are there."""
    labels: Mapping[str, str] = field(default_factory=dict)
    spec: RunSpec
    """Without the fields that can't be read."""
    problem: str = ""
    """Why some of it can't be read."""
    status: RunStatus = field(default_factory=RunStatus)

    @property
    def writes(self) -> bool:
        """Whether it writes to the target, and so needs the claim."""
        return self.spec.kind not in ONLY_READS

    def is_stream_of(self, pipeline: PipelineSeen) -> bool:
        """Whether it goes on until it is stopped: as it was when it started, or as it would start now."""
        if self.status.job is not None or pipeline.spec is None:
            return self.status.stream
        return is_stream(pipeline.spec, self.spec.kind, self.spec.stream)

    def source_of(self, pipeline: PipelineSeen) -> str:
        """The EtlSource that it reads from: as it was when it started, or as it would be now."""
        if self.status.job is None and pipeline.spec is not None:
            return pipeline.spec.source_name
        return self.status.source or names.DEFAULT_SOURCE

    def destination_of(self, pipeline: PipelineSeen) -> str:
        """The EtlDestination that it writes to, likewise."""
        if self.status.job is None and pipeline.spec is not None:
            return pipeline.spec.destination_name
        is_index = self.status.target_kind == ELASTICSEARCH
        return self.status.destination or (names.DEFAULT_SEARCH if is_index else names.DEFAULT_DESTINATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeen:
    """A Job of one of the pipeline's runs."""

    name: str
    run_uid: str
    attempt: int
    suspend: bool = False
    """It was asked to have no pods."""
    suspended: bool = False
    """The Job controller has acted on that."""
    active: int = 0
    terminating: int = 0
    ready: int = 0
    complete: bool = False
    failed: str | None = None
    """The reason of its condition Failed or FailureTarget: the latter is there before its pods are gone."""
    failure_message: str = ""
    finished: bool = False
    """Complete or Failed: Kubernetes does nothing more with it."""
    deleting: bool = False
    ttl: int | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether it is suspended and has no pod left."""
        return self.suspend and self.suspended and not self.active and not self.terminating


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen:
    """What is known of a Job's newest pod, or of why there is none."""

    exists: bool = False
    deleting: bool = False
    started_at: datetime | None = None
    """When its container last started."""
    reason: str = ""
    """Why it is not running, in words: image, Secret, quota, no node."""
    lacks_secret: bool = False
    """The Secret that it waits for is gone, and can be made again."""
    exit_code: int | None = None
    outcome: str | None = None
    """DONE, FAILED or STOPPED, from the termination message."""
    message: str = ""
    """The runner's last word, from the termination message; or how it was ended."""
    rows_read: int = 0
    rows_written: int = 0
    bad_rows: int = 0
    batches: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSeen:
    """What the runner of one run last said to the store."""

    outcome: str | None = None
    message: str | None = None
    rows_read: int = 0
    rows_written: int = 0
    bad_rows: int = 0
    batches: int = 0
    bytes_read: int = 0
    epoch: int = 0
    """0: no report yet."""
    holder: int = 0
    first_seen_at: datetime | None = None
    seen_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What was extracted, transformed and loaded, and when; by stage."""
    caught_up_at: datetime | None = None
    """Of a stream, by the store's clock: all that was committed in the source until then is in the target."""
    last_key: str | None = None
    last_value: str | None = None
    dead_letters: int | None = None
    """Those of the pipeline, once the run has an outcome."""

    @property
    def is_done(self) -> bool:
        """Whether all rows are there: whichever attempt said so, it committed under the fence."""
        return self.outcome == "DONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSeen:
    """The store, when it answers."""

    now: datetime
    """Its clock, by which silence is measured."""
    available_for: timedelta
    """How long it has answered without a break: silence while it was away says nothing about a runner."""
    progress: Mapping[str, ProgressSeen] = field(default_factory=dict)
    """By run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One pipeline with all that belongs to it."""

    now: datetime
    limits: Limits
    pipeline: PipelineSeen | None
    """None: there is none, but runs name it."""
    runs: tuple[RunSeen, ...] = ()
    jobs: tuple[JobSeen, ...] = ()
    store: StoreSeen | None = None
    """None: it can't be reached."""
    busy_elsewhere: int = 0
    """Runs at work of other pipelines, without streams."""
    streams_elsewhere: int = 0
    """Streams at work of other pipelines."""
    sources: Mapping[str, EndpointSeen] = field(default_factory=dict)
    """By metadata.name those that there are, of the ones that the pipeline and its runs read from."""
    destinations: Mapping[str, EndpointSeen] = field(default_factory=dict)
    """Likewise those that they write to."""
    source_use: Mapping[str, SourceUse] = field(default_factory=dict)
    """By source."""
    ways: Mapping[str, Problem | None] = field(default_factory=dict)
    """By run, of those that an earlier plan wanted to know about: what keeps it from source or destination."""
    project_exists: bool | None = None
    """Whether the project is there that the pipeline names; None: it names none."""
    older_namesake: str | None = None
    """`metadata.name` of an older pipeline with the same spec.name."""
    epoch: int | None = None
    """A fresh epoch, when an earlier plan needed one."""
    pods: Mapping[str, PodSeen] = field(default_factory=dict)
    """By Job, for those that an earlier plan wanted to know about."""

    def run(self, uid: str) -> RunSeen | None:
        """The run of that uid."""
        return next((run for run in self.runs if run.uid == uid), None)

    def job(self, name: str) -> JobSeen | None:
        """The Job of that name."""
        return next((job for job in self.jobs if job.name == name), None)

    def progress(self, run_uid: str) -> ProgressSeen:
        """What the run's runner said; nothing when the store is away."""
        return self.store.progress.get(run_uid, ProgressSeen()) if self.store else ProgressSeen()
