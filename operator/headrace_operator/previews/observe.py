"""Observes one preview, live: its EtlRun, its Job, what its runner told the store, and whether there is a way in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import Access, PostgresAccess, SearchAccess
from headrace.errors import ConflictError, InvalidError, UnavailableError
from headrace.lifecycle.ends import check_type
from headrace.lifecycle.observed import JobSeen, Limits, PodSeen, ProgressSeen, RunSeen
from headrace.lifecycle.readings import read_job, read_pods, read_run
from headrace.lifecycle.state import FINAL
from headrace.manifests import Manifest
from headrace.model.connection import ConnectionType
from headrace.runspec import RunSpec
from headrace.target import ELASTICSEARCH
from headrace_operator.availability import StoreWatch
from headrace_operator.credentials.ends import Ends
from headrace_operator.index import Index
from headrace_operator.previews.room import Room
from headrace_operator.previews.seen import Seen
from headrace_operator.previews.specification import destination_of, run_spec, source_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Accesses:
    """To what it reads, and to what it looks at."""

    source: PostgresAccess
    source_uid: str
    connections: int | None
    """So many of the source are for runs and previews; None: it has no bound."""
    destination: Access | None = None
    """None: it shows no target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was observed, its manifest, and what it can begin with."""

    seen: Seen
    manifest: Manifest
    spec: RunSpec | None = None
    accesses: Accesses | None = None
    """None, like `spec`, where it can't or need not begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Reads; what it changes is whose turn it is."""

    cluster: Cluster
    watch: StoreWatch
    index: Index
    ends: Ends
    room: Room
    limits: Limits
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def observe(self, manifest: Manifest) -> Sight:
        """Everything about a preview."""
        run = read_run(manifest)
        job = await self.job(run.uid) if run.status.job is not None else None
        needs_way = job is None and run.status.phase not in FINAL and not run.spec.cancel
        spec, accesses, problem = await self._accesses(run) if needs_way else (None, None, "")
        wait = None
        if spec is not None and accesses is not None and run.status.job is None:
            wait = self.room.take(run.name, run.uid, spec.source, accesses.connections)
        seen = Seen(
            now=self.clock(),
            run=run,
            problem=problem,
            wait=wait,
            job=job,
            pod=await self._pod(job) if job is not None and run.status.phase not in FINAL else None,
            progress=await self._progress(run),
            source=source_of(run),
            destination=destination_of(run),
        )
        return Sight(seen=seen, manifest=manifest, spec=spec, accesses=accesses)

    async def job(self, run_uid: str) -> JobSeen | None:
        """The Job of a preview, while there is one."""
        jobs = await self.cluster.list_jobs(label_selector=f"{names.RUN_LABEL}={run_uid}")
        return next((read_job(job) for job in jobs.items), None)

    async def _accesses(self, run: RunSeen) -> tuple[RunSpec | None, Accesses | None, str]:
        """What it begins with, or why it can't."""
        try:
            spec = run_spec(run, self.limits)
            return spec, await self._resolve(run, spec), ""
        except InvalidError as error:
            return None, None, error.in_full
        except NoWayInError as error:
            return None, None, error.message
        except UnavailableError:
            self.room.step_back(run.name)
            raise

    async def _resolve(self, run: RunSeen, spec: RunSpec) -> Accesses:
        source = await self.ends.source(spec.source)
        known, seen = self.index.named(names.SOURCE_PLURAL, spec.source), self.index.source(spec.source)
        if known is None or seen is None:
            raise ConflictError("the source is there and was not told of yet")
        return Accesses(
            source=source,
            source_uid=known["metadata"]["uid"],
            connections=seen.connections_for_runs,
            destination=await self._destination(destination_of(run), spec),
        )

    async def _destination(self, name: str | None, spec: RunSpec) -> Access | None:
        if name is None:
            return None
        access = await self.ends.destination(name)
        type_ = ConnectionType.ELASTICSEARCH if isinstance(access, SearchAccess) else ConnectionType.POSTGRES
        check_type(type_.value, is_index=spec.target_kind == ELASTICSEARCH, field="destination", name=name)
        return access

    async def _pod(self, job: JobSeen) -> PodSeen | None:
        """Only where it has something to say: why a Job failed, or why its pod is not ready."""
        if not job.failed and job.ready:
            return None
        pods = await self.cluster.list_pods(label_selector=f"batch.kubernetes.io/job-name={job.name}")
        return read_pods(pods.items, [])

    async def _progress(self, run: RunSeen) -> ProgressSeen | None:
        """None: the store is away."""
        if run.status.job is None:
            return ProgressSeen()
        store = await self.watch.observe([run.uid])
        return store.progress.get(run.uid, ProgressSeen()) if store else None


def is_preview(run: Mapping[str, Any]) -> bool:
    """Whether an EtlRun is one."""
    return (run.get("spec") or {}).get("kind") == "Preview"
