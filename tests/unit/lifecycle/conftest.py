"""A small world for plans: Kubernetes, store and runner as they would answer, without any of them."""

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.lifecycle.actions import (
    AdoptRun,
    CreateJob,
    DeleteJob,
    DropSecret,
    ExpireJob,
    FinishRun,
    Plan,
    ProvideSecret,
    PruneRun,
    RecordRun,
    ResumeJob,
    SavePipeline,
    SaveRun,
    Step,
    SuspendJob,
)
from headrace.lifecycle.endpoints import EndpointSeen, SourceUse, read_destination, read_source
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
from headrace.lifecycle.plan import plan
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.state import FINAL
from headrace.model.pipeline import PipelineSpec, PipelineStatus
from headrace.model.run import RunSpec, RunStatus
from headrace.runspec import Mode

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PIPELINE_UID = "11111111-1111-1111-1111-111111111111"


@dataclass
class World:
    """What there is; `reconcile` does what the operator does about it."""

    now: datetime = START
    limits: Limits = field(default_factory=lambda: Limits(allowed_targets=("analytics.*", "es:*")))
    pipeline: PipelineSeen | None = None
    runs: dict[str, RunSeen] = field(default_factory=dict)
    jobs: dict[str, JobSeen] = field(default_factory=dict)
    pods: dict[str, PodSeen] = field(default_factory=dict)
    progress: dict[str, ProgressSeen] = field(default_factory=dict)
    history: dict[str, Any] = field(default_factory=dict)
    store_since: datetime | None = START - timedelta(hours=1)
    busy_elsewhere: int = 0
    streams_elsewhere: int = 0
    sources: dict[str, EndpointSeen] = field(default_factory=dict)
    destinations: dict[str, EndpointSeen] = field(default_factory=dict)
    source_use: dict[str, SourceUse] = field(default_factory=dict)
    in_the_way: Problem | None = None
    """What keeps every run that is about to start from its source or destination."""
    secrets: set[str] = field(default_factory=set)
    """The runs that have one."""
    project_exists: bool | None = None
    older_namesake: str | None = None
    epoch: int = 100
    asked: int = 0
    steps: list[Step] = field(default_factory=list)
    last: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        self.source("default")
        self.destination("default")
        self.destination("elasticsearch", type="elasticsearch")
        self.pipeline = PipelineSeen(
            name="films",
            uid=PIPELINE_UID,
            generation=1,
            created_at=START,
            spec=PipelineSpec(name="Films", target_table="analytics.films", source_query="SELECT id FROM films"),
        )

    # What people do.

    def ask(self, name: str | None = None, *, owned: bool = True, **spec: Any) -> str:
        """Creates a run; returns its uid."""
        self.asked += 1
        number = self.asked
        uid = f"00000000-0000-0000-0000-{number:012}"
        self.runs[uid] = RunSeen(
            name=name or f"{PIPELINE_UID}-{number}",
            uid=uid,
            generation=1,
            created_at=self.now + timedelta(microseconds=number),
            owned=owned,
            spec=RunSpec(pipeline="films", **spec),
        )
        return uid

    def source(self, name: str, *, deleting: bool = False, **spec: Any) -> None:
        """Makes or changes an EtlSource."""
        self.sources[name] = read_source(_endpoint(name, deleting, spec))

    def destination(self, name: str, *, deleting: bool = False, **spec: Any) -> None:
        """Makes or changes an EtlDestination."""
        self.destinations[name] = read_destination(_endpoint(name, deleting, spec))

    def edit(self, uid: str, **spec: Any) -> None:
        run = self.runs[uid]
        self.runs[uid] = dataclasses.replace(run, generation=run.generation + 1, spec=run.spec.model_copy(update=spec))

    def edit_pipeline(self, **changes: Any) -> None:
        assert self.pipeline is not None
        spec = {name: value for name, value in changes.items() if name in PipelineSpec.model_fields}
        seen = {name: value for name, value in changes.items() if name in {"suspend", "enabled", "deleting"}}
        assert self.pipeline.spec is not None
        self.pipeline = dataclasses.replace(
            self.pipeline,
            generation=self.pipeline.generation + 1,
            spec=self.pipeline.spec.model_copy(update=spec),
            **seen,
        )

    # What runners and Kubernetes do.

    def job_of(self, uid: str) -> JobSeen:
        job = self.runs[uid].status.job
        assert job is not None
        return self.jobs[job.name]

    def change_job(self, uid: str, **changes: Any) -> None:
        job = self.job_of(uid)
        self.jobs[job.name] = dataclasses.replace(job, **changes)

    def report(self, uid: str, *, batches: int = 0, take_over: bool = False, **changes: Any) -> None:
        """The run's runner tells the store something; its first word is that it has taken the fence."""
        attempt = self.runs[uid].status.job
        assert attempt is not None
        old = self.progress.get(uid, ProgressSeen())
        new_pod = take_over or old.epoch != attempt.epoch or old.holder <= attempt.holder
        values = {
            "epoch": attempt.epoch,
            "holder": old.holder + 1 if new_pod else old.holder,
            "first_seen_at": old.first_seen_at or self.now,
            "seen_at": self.now,
            "batches": old.batches + batches,
            "rows_read": old.rows_read + 1000 * batches,
            "outcome": None,
            **changes,
        }
        self.progress[uid] = dataclasses.replace(old, **values)
        if attempt.name in self.jobs:
            self.change_job(uid, ready=1)

    def pod_gone(self, uid: str) -> None:
        """The pod of a suspended Job has ended."""
        self.change_job(uid, active=0, terminating=0, ready=0, suspended=True)

    def store_away(self) -> None:
        self.store_since = None

    def store_back(self) -> None:
        self.store_since = self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # What the operator does.

    def observed(self) -> Observed:
        store = None
        if self.store_since is not None:
            store = StoreSeen(now=self.now, available_for=self.now - self.store_since, progress=dict(self.progress))
        return Observed(
            now=self.now,
            limits=self.limits,
            pipeline=self.pipeline,
            runs=tuple(self.runs.values()),
            jobs=tuple(self.jobs.values()),
            store=store,
            busy_elsewhere=self.busy_elsewhere,
            streams_elsewhere=self.streams_elsewhere,
            sources=dict(self.sources),
            destinations=dict(self.destinations),
            source_use=dict(self.source_use),
            project_exists=self.project_exists,
            older_namesake=self.older_namesake,
        )

    def plan(self) -> Plan:
        """One plan, with what it needs."""
        observed = self.observed()
        for _ in range(6):
            decided = plan(observed)
            if not decided.needs:
                return decided
            self.epoch += 1
            pods = {name: self._pod(name) for name in decided.needs.pods}
            observed = dataclasses.replace(
                observed,
                epoch=self.epoch if decided.needs.epoch else observed.epoch,
                pods={**observed.pods, **pods},
                ways={**observed.ways, **{way.uid: self._way(way.uid) for way in decided.needs.ways}},
            )
        raise AssertionError("the plan never had enough")

    def _pod(self, job: str) -> PodSeen:
        lacks = self.jobs[job].ready == 0 and self.jobs[job].run_uid not in self.secrets and not self.in_the_way
        return dataclasses.replace(self.pods.get(job, PodSeen()), lacks_secret=lacks)

    def _way(self, uid: str) -> Problem | None:
        return None if uid in self.secrets else self.in_the_way

    def reconcile(self, *, dies_after: int | None = None) -> list[Step]:
        """Plans and acts until there is nothing to do; or dies after some steps of the first plan."""
        taken: list[Step] = []
        for _ in range(8):
            self.last = self.plan()
            for step in self.last.steps[:dies_after]:
                self.take(step)
                taken.append(step)
            if not self.last.steps or dies_after is not None:
                break
        else:
            raise AssertionError(f"never settles: {self.last.steps}")
        self.steps += taken
        return taken

    def take(self, step: Step) -> None:
        match step:
            case SavePipeline(status=status):
                assert self.pipeline is not None
                again = PipelineStatus.model_validate(status.manifest())
                self.pipeline = dataclasses.replace(self.pipeline, status=again)
            case SaveRun(uid=uid, status=status):
                again_run = RunStatus.model_validate(status.manifest())
                self.runs[uid] = dataclasses.replace(self.runs[uid], status=again_run)
            case AdoptRun(uid=uid, labels=labels):
                self.runs[uid] = dataclasses.replace(self.runs[uid], owned=True, labels=labels)
            case RecordRun(uid=uid, status=status, spec=spec):
                assert self.store_since is not None
                before = self.history.get(uid)
                if before is None or before["phase"] not in FINAL:
                    self.history[uid] = {"phase": status.phase, "spec": spec or (before or {}).get("spec")}
            case FinishRun(uid=uid, phase=phase):
                assert self.store_since is not None
                self.history.setdefault(uid, {"phase": phase})
            case PruneRun(uid=uid):
                del self.runs[uid]
                self.secrets.discard(uid)  # It is owned by the run.
            case ProvideSecret(uid=uid):
                self.secrets.add(uid)
            case DropSecret(uid=uid):
                self.secrets.discard(uid)
            case _:
                self._take_job_step(step)

    def _take_job_step(self, step: Step) -> None:
        match step:
            case CreateJob(job=name, run_uid=uid, attempt=attempt):
                others = [job for job in self.jobs.values() if job.run_uid == uid and job.name != name]
                assert all(job.suspend or job.finished for job in others), "one run, two Jobs at work"
                self.secrets.add(uid)
                self.jobs.setdefault(name, JobSeen(name=name, run_uid=uid, attempt=attempt, active=1))
            case SuspendJob(job=name) if name in self.jobs:
                job = self.jobs[name]
                self.jobs[name] = dataclasses.replace(
                    job, suspend=True, suspended=True, active=0, ready=0, terminating=job.active + job.terminating
                )
            case ResumeJob(job=name) if name in self.jobs:
                self.jobs[name] = dataclasses.replace(self.jobs[name], suspend=False, suspended=False, active=1)
            case DeleteJob(job=name):
                self.jobs.pop(name, None)
            case ExpireJob(job=name) if name in self.jobs:
                self.jobs[name] = dataclasses.replace(self.jobs[name], ttl=60)

    # What is to be seen.

    def phase(self, uid: str) -> str | None:
        return self.runs[uid].status.phase

    @property
    def pipeline_phase(self) -> str | None:
        assert self.pipeline is not None
        return self.pipeline.status.phase

    def condition(self, type_: str, uid: str | None = None) -> tuple[str, str, str]:
        assert self.pipeline is not None
        status = self.runs[uid].status if uid else self.pipeline.status
        found = next(c for c in status.conditions if c.type == type_)
        return found.status, found.reason, found.message

    # Short ways to a state.

    def started(self, **spec: Any) -> str:
        """A run that has its Job."""
        uid = self.ask(**spec)
        self.reconcile()
        return uid

    def running(self, **spec: Any) -> str:
        """A run whose runner has reported."""
        uid = self.started(**spec)
        self.wait(2)
        self.report(uid, batches=1)
        self.reconcile()
        return uid

    def streams(self, **spec: Any) -> None:
        """The pipeline is to be a stream."""
        self.edit_pipeline(mode=Mode.STREAMING, incremental_key="updated_at", **spec)

    def streaming(self, **spec: Any) -> str:
        """A stream that is at work, and in step."""
        self.streams()
        uid = self.started(**spec)
        self.wait(2)
        self.catch_up(uid, batches=1)
        self.reconcile()
        return uid

    def catch_up(self, uid: str, *, batches: int = 0, **changes: Any) -> None:
        """A stream's runner finds nothing more to bring."""
        self.report(uid, batches=batches, caught_up_at=self.now, **changes)

    def paused(self) -> str:
        """A run that was paused in the middle."""
        uid = self.running()
        self.edit_pipeline(suspend=True)
        self.reconcile()
        self.pod_gone(uid)
        self.reconcile()
        return uid


def _endpoint(name: str, deleting: bool, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name} | ({"deletionTimestamp": "2026-05-01T12:00:00Z"} if deleting else {})
    return {"metadata": metadata, "spec": {"name": name, "host": f"{name}.example", "database": "films"} | spec}


@pytest.fixture
def world() -> World:
    """A pipeline without runs."""
    return World()


@pytest.fixture(scope="session")
def make_world() -> type[World]:
    """Makes worlds, for tests that need many."""
    return World
