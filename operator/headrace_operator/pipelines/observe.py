"""Observes one pipeline, live: its resource, its runs, their Jobs, and what their runners told the store."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import HeadraceError, UnavailableError
from headrace.lifecycle.actions import Needs, Way
from headrace.lifecycle.endpoints import EndpointSeen
from headrace.lifecycle.observed import Limits, Observed, PipelineSeen, PodSeen, RunSeen
from headrace.lifecycle.readings import owner_uid, read_job, read_pipeline, read_pods, read_run
from headrace.lifecycle.state import FINAL
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace.store.store import Store
from headrace_operator.availability import StoreWatch
from headrace_operator.credentials.secrets import RunSecrets
from headrace_operator.index import Index

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was observed, and the manifests it was read from, by uid."""

    observed: Observed
    pipeline: Manifest | None
    runs: dict[str, Manifest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Reads; never writes, but for drawing an epoch."""

    cluster: Cluster
    store: Store
    watch: StoreWatch
    index: Index
    limits: Limits
    secrets: RunSecrets
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def observe(self, name: str) -> Sight:
        """Everything about the pipeline of that name, whether it exists or not."""
        pipeline, listing = await asyncio.gather(
            self.cluster.get(names.PIPELINE_PLURAL, name),
            self.cluster.list(names.RUN_PLURAL, field_selector=f"spec.pipeline={name}"),
        )
        uid = pipeline["metadata"]["uid"] if pipeline else None
        manifests = {run["metadata"]["uid"]: run for run in listing.items if owner_uid(run) in (None, uid)}
        for plural, resource in self._seen(pipeline, manifests):
            self.index.put(plural, resource)
        runs = tuple(_readable(manifests.values()))
        jobs = await self.cluster.list_jobs(label_selector=f"{names.PIPELINE_LABEL}={uid}") if uid and runs else None
        store = await self.watch.observe(_interesting(pipeline, runs))
        seen = read_pipeline(pipeline) if pipeline else None
        sources, destinations = ends_of(self.index, seen, runs)
        observed = Observed(
            now=self.clock(),
            limits=self.limits,
            pipeline=seen,
            runs=runs,
            jobs=tuple(read_job(job) for job in jobs.items) if jobs else (),
            store=store,
            older_namesake=await self._older_namesake(pipeline) if pipeline else None,
            project_exists=project_exists(self.index, pipeline) if pipeline else None,
            sources=sources,
            destinations=destinations,
        )
        return Sight(observed, pipeline, manifests)

    async def _older_namesake(self, pipeline: Manifest) -> str | None:
        """Asked live where the index knows one: it may be gone, renamed, or an earlier life of this very pipeline."""
        name = self.index.older_namesake(pipeline)
        other = await self.cluster.get(names.PIPELINE_PLURAL, name) if name is not None else None
        if other is None or "deletionTimestamp" in other["metadata"]:
            return None
        is_other = other["metadata"]["uid"] != pipeline["metadata"]["uid"]
        return name if is_other and other["spec"].get("name") == pipeline["spec"].get("name") else None

    async def find_out(self, observed: Observed, needs: Needs) -> Observed:
        """Adds what a plan needs to know besides."""
        pods = dict(observed.pods)
        for job in needs.pods:
            pod = await self._pods(job)
            lacks = pod.exists and await self._lacks_secret(observed, job)
            pods[job] = dataclasses.replace(pod, lacks_secret=lacks)
        ways = {way.uid: await self.secrets.in_the_way(way) for way in needs.ways}
        epoch, store = observed.epoch, observed.store
        if needs.epoch and observed.pipeline is not None:
            limits = self.limits
            try:
                epoch = await self.store.draw_epoch(limits.installation, limits.namespace, observed.pipeline.name)
            except UnavailableError:
                store = None
        return dataclasses.replace(observed, pods=pods, ways={**observed.ways, **ways}, epoch=epoch, store=store)

    async def _lacks_secret(self, observed: Observed, job: str) -> bool:
        """Whether what a Job's pod waits for is gone, as when somebody deleted it, and could be made again.

        The rest of the look does without an answer: false where nobody can tell.
        """
        seen, pipeline = observed.job(job), observed.pipeline
        if seen is None or seen.ready or seen.failed or seen.complete or seen.finished:
            return False
        run = observed.run(seen.run_uid)
        if run is None or pipeline is None:
            return False
        way = Way(uid=run.uid, source=run.source_of(pipeline), destination=run.destination_of(pipeline))
        try:
            return await self.secrets.is_to_be_made(way)
        except HeadraceError as error:
            _log.debug("whether a run's Secret is gone could not be asked", run=run.name, error=error.message)
            return False

    async def _pods(self, job: str) -> PodSeen:
        pods = await self.cluster.list_pods(label_selector=f"batch.kubernetes.io/job-name={job}")
        if pods.items:
            return read_pods(pods.items, [])
        failures = await self.cluster.list_events(
            field_selector=f"involvedObject.kind=Job,involvedObject.name={job},reason=FailedCreate"
        )
        return read_pods([], failures.items)

    @staticmethod
    def _seen(pipeline: Manifest | None, runs: dict[str, Manifest]) -> Iterable[tuple[str, Manifest]]:
        if pipeline:
            yield names.PIPELINE_PLURAL, pipeline
        for run in runs.values():
            yield names.RUN_PLURAL, run


def ends_of(
    index: Index, pipeline: PipelineSeen | None, runs: Iterable[RunSeen]
) -> tuple[dict[str, EndpointSeen], dict[str, EndpointSeen]]:
    """The sources and destinations that there are, of those that a pipeline and its runs use, by `metadata.name`."""
    if pipeline is None:
        return {}, {}
    going = [run for run in runs if run.status.phase not in FINAL]
    sources = {run.source_of(pipeline) for run in going}
    destinations = {run.destination_of(pipeline) for run in going}
    if pipeline.spec is not None:
        sources.add(pipeline.spec.source_name)
        destinations.add(pipeline.spec.destination_name)
    return _found(index.source, sources), _found(index.destination, destinations)


def _found(find: Callable[[str], EndpointSeen | None], wanted: Iterable[str]) -> dict[str, EndpointSeen]:
    found = {name: find(name) for name in sorted(wanted)}
    return {name: seen for name, seen in found.items() if seen is not None}


def project_exists(index: Index, pipeline: Manifest) -> bool | None:
    """Whether the project is there that a pipeline names; None: it names none."""
    name = (pipeline.get("spec") or {}).get("project")
    return index.project_named(name) if name else None


def _readable(manifests: Iterable[Manifest]) -> Iterable[RunSeen]:
    for manifest in manifests:
        if "deletionTimestamp" in manifest["metadata"]:
            continue
        try:
            yield read_run(manifest)
        except ValidationError as error:
            _log.error("a run can't be read", run=manifest["metadata"]["name"], error=error.errors()[0]["msg"])


def _interesting(pipeline: Manifest | None, runs: Iterable[RunSeen]) -> list[str]:
    """The runs that the store is asked about: those that are not over, and the holder of the pipeline."""
    uids = {run.uid for run in runs if run.status.phase not in FINAL}
    active = ((pipeline or {}).get("status") or {}).get("activeRun")
    return sorted(uids | ({active["uid"]} if active else set()))
