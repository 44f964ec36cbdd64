"""Watches our Jobs, which the server selects by label, and wakes their pipelines, or their previews."""

import asyncio
from collections.abc import Callable

from headrace import names
from headrace.cluster import Cluster, Manifest
from headrace.errors import ConflictError, HeadraceError, UnavailableError
from headrace.logs import logger
from headrace.manifests import selector
from headrace_operator.manifests import PIPELINE_NAME_ANNOTATION
from headrace_operator.queues.workqueue import WorkQueue
from headrace_operator.settings import Settings

RETRY_SECONDS = 1.0
_log = logger(__name__)


class JobWatch:
    """Keeps nothing: a Job that changed only wakes."""

    def __init__(
        self,
        cluster: Cluster,
        queue: WorkQueue,
        settings: Settings,
        *,
        previews: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`previews` is given the uid of the run of a Job that is of no pipeline."""
        self._cluster, self._queue, self._previews = cluster, queue, previews
        self._selector = selector(settings.installation)

    async def run(self) -> None:
        """Watches for ever; after a break it lists again, so that nothing is missed."""
        while True:
            try:
                listing = await self._cluster.list_jobs(label_selector=self._selector)
                for job in listing.items:
                    self._wake(job)
                await self._follow(listing.resource_version)
            except ConflictError:
                _log.info("the watch of Jobs is too old: listing again")
            except UnavailableError as error:
                _log.warning("Jobs can't be watched", error=error.message)
                await asyncio.sleep(RETRY_SECONDS)
            except HeadraceError as error:
                _log.error("Jobs can't be watched", error=error.message)
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, version: str) -> None:
        """One watch after the other, each from where the last one ended."""
        while True:
            async for kind, job in self._cluster.watch_jobs(label_selector=self._selector, resource_version=version):
                version = job["metadata"]["resourceVersion"]
                if kind != "BOOKMARK":
                    self._wake(job)

    def _wake(self, job: Manifest) -> None:
        name = (job["metadata"].get("annotations") or {}).get(PIPELINE_NAME_ANNOTATION)
        if name:
            self._queue.add(name)
        elif run := (job["metadata"].get("labels") or {}).get(names.RUN_LABEL):
            self._previews(run)
