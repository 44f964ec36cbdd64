"""Takes the steps of a plan, in their order; each may be taken again after a crash."""

from collections.abc import Mapping
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.cluster.patches import merge_patch
from headrace.connections.problem import NoWayInError
from headrace.errors import ConflictError, InvalidError, NotFoundError
from headrace.lifecycle.actions import (
    AdoptRun,
    CreateJob,
    DeleteJob,
    DropSecret,
    EmitEvent,
    ExpireJob,
    FinishRun,
    ProvideSecret,
    PruneRun,
    RecordRun,
    ResumeJob,
    SavePipeline,
    SaveRun,
    Step,
    SuspendJob,
    Way,
)
from headrace.lifecycle.state import FINAL
from headrace.logs import logger
from headrace.manifests import Manifest, labels
from headrace.model.run import RunStatus
from headrace.runspec import RunKind
from headrace.store.store import Store
from headrace_operator import manifests
from headrace_operator.credentials.secrets import Owner, RunSecrets
from headrace_operator.figures import metrics
from headrace_operator.figures.tally import Tally
from headrace_operator.index import Index
from headrace_operator.pipelines import history
from headrace_operator.pipelines.observe import Sight
from headrace_operator.settings import Settings
from headrace_operator.writes.gone import ignoring_gone

_log = logger(__name__)


class Hands:
    """Acts on one pipeline as it was seen: a resource that has moved on since refuses."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        index: Index,
        settings: Settings,
        sight: Sight,
        *,
        tally: Tally,
        secrets: RunSecrets,
    ) -> None:
        self._cluster, self._store, self._index, self._settings = cluster, store, index, settings
        self._tally, self._secrets = tally, secrets
        self._observed = sight.observed
        self._pipeline = sight.pipeline
        self._runs = dict(sight.runs)

    async def take(self, step: Step) -> None:
        """Takes one step. Raises ConflictError when what was seen is old, UnavailableError when a part is away."""
        match step:
            case SavePipeline() | SaveRun() | AdoptRun() | PruneRun():
                await self._resource(step)
            case RecordRun() | FinishRun():
                await self._history(step)
            case EmitEvent():
                await self._tell(step)
            case ProvideSecret(run=run, uid=uid):
                await self._make_again(run, uid)
            case DropSecret(uid=uid):
                await self._secrets.drop(uid)
            case _:
                await self._job(step)
        metrics.STEPS.labels(type(step).__name__).inc()

    async def _resource(self, step: SavePipeline | SaveRun | AdoptRun | PruneRun) -> None:
        match step:
            case SavePipeline(status=status):
                assert self._pipeline is not None
                self._pipeline = await self._save(names.PIPELINE_PLURAL, self._pipeline, status.manifest())
            case SaveRun(uid=uid, status=status):
                before = self._runs[uid]
                self._runs[uid] = await self._save(names.RUN_PLURAL, before, status.manifest())
                if status.phase in FINAL and (before.get("status") or {}).get("phase") not in FINAL:
                    # Once for each run, whoever works: a version that was seen before can't be saved again.
                    self._ended(uid, before["spec"], status)
            case AdoptRun(run=run, uid=uid, labels=own):
                assert self._observed.pipeline is not None
                pipeline = self._observed.pipeline
                patch = manifests.adoption(pipeline.name, pipeline.uid, self._settings, own)
                version = self._runs[uid]["metadata"]["resourceVersion"]
                adopted = await self._cluster.patch(names.RUN_PLURAL, run, patch, resource_version=version)
                self._runs[uid] = adopted
                self._index.put(names.RUN_PLURAL, adopted)
            case PruneRun(run=run, uid=uid):
                await ignoring_gone(self._cluster.delete(names.RUN_PLURAL, run, uid=uid))

    def _ended(self, uid: str, spec: Mapping[str, Any], status: RunStatus) -> None:
        kind = str(spec.get("kind") or RunKind.LOAD.value)
        self._tally.end(str(spec["pipeline"]), uid, kind, status)
        if status.worked_seconds:
            outcome = str(status.phase).lower()
            metrics.RUN_SECONDS.labels(kind, outcome).observe(status.worked_seconds)

    async def _save(self, plural: str, seen: Manifest, status: Mapping[str, Any]) -> Manifest:
        patch = merge_patch(seen.get("status") or {}, status)
        if not patch:
            return seen
        metadata = seen["metadata"]
        saved = await self._cluster.patch(
            plural, metadata["name"], {"status": patch}, resource_version=metadata["resourceVersion"], status=True
        )
        if saved["metadata"]["uid"] != metadata["uid"]:
            raise ConflictError("the resource was deleted and made again")
        self._index.put(plural, saved)
        return saved

    async def _history(self, step: RecordRun | FinishRun) -> None:
        match step:
            case RecordRun():
                pipeline, run = self._observed.pipeline, self._observed.run(step.uid)
                assert pipeline is not None
                assert run is not None
                await self._store.save_run(history.run_record(step, pipeline, run, self._settings), step.spec)
            case FinishRun():
                await self._store.finish_run(
                    step.uid, status=step.phase, finished_at=step.finished_at, error_message=step.error_message
                )

    async def _job(self, step: CreateJob | SuspendJob | ResumeJob | DeleteJob | ExpireJob) -> None:
        match step:
            case CreateJob():
                await self._create(step)
            case SuspendJob(job=job):
                await ignoring_gone(self._cluster.patch_job(job, {"spec": {"suspend": True}}))
            case ResumeJob(job=job):
                await self._renew(job)
                await ignoring_gone(self._cluster.patch_job(job, {"spec": {"suspend": False}}))
            case DeleteJob(job=job):
                await ignoring_gone(self._cluster.delete_job(job))
            case ExpireJob(job=job):
                patch = {"spec": {"ttlSecondsAfterFinished": self._settings.job_ttl_seconds}}
                await ignoring_gone(self._cluster.patch_job(job, patch))

    async def _create(self, step: CreateJob) -> None:
        pipeline = self._observed.pipeline
        assert pipeline is not None
        way = Way(uid=step.run_uid, source=step.source, destination=step.destination)
        await self._secrets.provide(self._owner(step.run, step.run_uid), way)
        body = manifests.job(step, pipeline_name=pipeline.name, pipeline_uid=pipeline.uid, settings=self._settings)
        try:
            await self._cluster.create_job(body)
        except ConflictError:
            _log.info("the Job is there already", job=step.job)

    async def _renew(self, job: str) -> None:
        """A run that goes on after a pause gets the logins of now."""
        seen = self._observed.job(job)
        run = self._observed.run(seen.run_uid) if seen else None
        if run is None:
            return
        try:
            await self._provide(run.name, run.uid)
        except NoWayInError as error:
            # The Job of the version before has none, and needs none.
            _log.warning("a run goes on without its Secret", run=run.name, error=error.message)

    async def _make_again(self, name: str, uid: str) -> None:
        """What is in the way now was not when it was looked: the next look asks again."""
        try:
            await self._provide(name, uid)
        except NoWayInError as error:
            _log.warning("a run's Secret is gone and can't be made again now", run=name, error=error.message)

    async def _provide(self, name: str, uid: str) -> None:
        pipeline, run = self._observed.pipeline, self._observed.run(uid)
        if pipeline is not None and run is not None:
            way = Way(uid=uid, source=run.source_of(pipeline), destination=run.destination_of(pipeline))
            await self._secrets.provide(self._owner(name, uid), way)

    def _owner(self, run: str, uid: str) -> Owner:
        assert self._observed.pipeline is not None
        own = labels(self._settings.installation, self._observed.pipeline.uid) | {names.RUN_LABEL: uid}
        return Owner(name=run, uid=uid, labels=own)

    async def _tell(self, step: EmitEvent) -> None:
        name = self._observed.pipeline.name if self._observed.pipeline else ""
        body = manifests.event(step, pipeline_name=name, namespace=self._settings.namespace, now=self._observed.now)
        try:
            await self._cluster.create_event(body)
        except (ConflictError, InvalidError, NotFoundError) as error:
            _log.debug("an Event was not made", reason=step.reason, error=error.message)
