"""Takes the steps of a preview's plan; each may be taken again after a crash."""

import asyncio
from collections.abc import Callable

from headrace import names
from headrace.cluster import Cluster
from headrace.cluster.patches import merge_patch
from headrace.errors import ConflictError, NotFoundError
from headrace.logs import logger
from headrace.manifests import Manifest, labels
from headrace.manifests import owner as reference_to
from headrace.model.run import RunStatus
from headrace.model.times import from_text
from headrace.store.records import RunRecord
from headrace.store.store import Store
from headrace_operator.credentials.secrets import Owner, RunSecrets
from headrace_operator.index import Index
from headrace_operator.pipelines.pods import has_pods
from headrace_operator.previews.job import job
from headrace_operator.previews.observe import Sight
from headrace_operator.previews.plan import EPOCH, GONE_WITHIN, Plan, Step
from headrace_operator.previews.room import Room
from headrace_operator.settings import Settings
from headrace_operator.writes.gone import ignoring_gone

_log = logger(__name__)


class Hands:
    """Acts on previews as they were seen: one that has moved on since refuses."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: Store,
        index: Index,
        secrets: RunSecrets,
        room: Room,
        settings: Settings,
        wake_waiting: Callable[[], None],
    ) -> None:
        self._cluster, self._store, self._index, self._secrets = cluster, store, index, secrets
        self._room, self._settings, self._wake_waiting = room, settings, wake_waiting
        self._let_go_at: dict[str, float] = {}
        """By uid those that were deleted: until when their pods are waited for, by the loop's clock."""

    async def take(self, sight: Sight, decided: Plan) -> None:
        """Saves the status and takes the step. Raises ConflictError when what was seen is old."""
        match decided.step:
            case Step.NOTHING:
                await self._save(sight.manifest, decided.status)
            case Step.START:
                seen = await self._save(await self._adopt(sight), decided.status)
                await self._start(sight, seen["metadata"]["name"], decided.status)
            case Step.SUSPEND:
                assert sight.seen.job is not None
                await ignoring_gone(self._cluster.patch_job(sight.seen.job.name, {"spec": {"suspend": True}}))
            case Step.RELEASE:
                await self._release(sight, decided.status)
                await self._save(sight.manifest, decided.status)
            case Step.REMOVE:
                run = sight.seen.run
                await ignoring_gone(self._cluster.delete(names.RUN_PLURAL, run.name, uid=run.uid))

    async def _save(self, seen: Manifest, status: RunStatus) -> Manifest:
        patch = merge_patch(seen.get("status") or {}, status.manifest())
        return await self._patch(seen, {"status": patch}, status=True) if patch else seen

    async def _adopt(self, sight: Sight) -> Manifest:
        """Gives one that was made by hand its labels, and the source that it goes with."""
        metadata, accesses = sight.manifest["metadata"], sight.accesses
        own = labels(self._settings.installation)
        has_labels = own.items() <= (metadata.get("labels") or {}).items()
        if (metadata.get("ownerReferences") and has_labels) or accesses is None:
            return sight.manifest
        reference = reference_to(names.SOURCE_KIND, sight.seen.source, accesses.source_uid, controller=False)
        patch = {"metadata": {"labels": own, "ownerReferences": metadata.get("ownerReferences") or [reference]}}
        return await self._patch(sight.manifest, patch, status=False)

    async def _patch(self, seen: Manifest, patch: Manifest, *, status: bool) -> Manifest:
        metadata = seen["metadata"]
        try:
            saved = await self._cluster.patch(
                names.RUN_PLURAL, metadata["name"], patch, resource_version=metadata["resourceVersion"], status=status
            )
        except NotFoundError as error:
            raise ConflictError(error.message) from error
        self._index.put(names.RUN_PLURAL, saved)
        return saved

    async def _start(self, sight: Sight, name: str, status: RunStatus) -> None:
        assert sight.spec is not None
        assert sight.accesses is not None
        spec, accesses = sight.spec, sight.accesses
        self._room.hold(name, spec.run_id, spec.source)
        owner = Owner(name=name, uid=spec.run_id, labels=labels(self._settings.installation))
        await asyncio.gather(
            self._store.save_run(self._record(sight, status), spec),
            self._secrets.ensure(owner, source=accesses.source, destination=accesses.destination),
        )
        try:
            await self._cluster.create_job(job(name, spec, self._settings))
        except ConflictError:
            _log.info("the Job is there already", run=name)

    def _record(self, sight: Sight, status: RunStatus) -> RunRecord:
        run = sight.seen.run
        return RunRecord(
            run_id=run.uid,
            installation=self._settings.installation,
            namespace=self._settings.namespace,
            pipeline_uid=run.uid,
            pipeline_name="",
            run_name=run.name,
            kind=run.spec.kind.value,
            status=status.phase or "PENDING",
            attempt=1,
            epoch=EPOCH,
            created_at=run.created_at,
            params=run.spec.params,
        )

    async def _release(self, sight: Sight, status: RunStatus) -> None:
        run = sight.seen.run
        self._free(run.name)
        if status.job is None:
            return  # It never began.
        await ignoring_gone(self._cluster.delete_job(status.job.name))
        await self._secrets.drop(run.uid)
        finished_at = from_text(status.finished_at) or sight.seen.now
        await self._store.finish_run(
            run.uid, status=str(status.phase), finished_at=finished_at, error_message=status.error_message
        )

    async def let_go(self, name: str) -> bool:
        """One that was deleted has no turn any more, once its pod has ended or was waited for long; whether so."""
        uid, now = self._room.uid(name), asyncio.get_running_loop().time()
        if uid is not None:
            until = self._let_go_at.setdefault(uid, now + GONE_WITHIN.total_seconds())
            if now < until and await has_pods(self._cluster, uid):
                return False
            self._let_go_at.pop(uid, None)
        self._free(name)
        return True

    def _free(self, name: str) -> None:
        if self._room.free(name):
            self._wake_waiting()
