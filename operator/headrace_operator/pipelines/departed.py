"""Runs that were deleted while at work: their pods have a connection to the source until they have ended."""

import asyncio
from collections.abc import Collection

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import HeadraceError
from headrace.logs import logger
from headrace_operator.pipelines.slots import Slots

LOOK_SECONDS = 1.0
SLACK_SECONDS = 60.0
"""What Kubernetes is given, besides the grace period, to remove a Job and its pods after their run."""
_ENDED = frozenset({"Succeeded", "Failed"})
_log = logger(__name__)


class Departed:
    """Keeps the connections of such runs from others, as long as they are used."""

    def __init__(self, cluster: Cluster, slots: Slots, *, grace_seconds: float) -> None:
        self._cluster, self._slots = cluster, slots
        self._longest = grace_seconds + SLACK_SECONDS
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, pipeline: str, there: Collection[str]) -> None:
        """Of the pipeline's runs with a connection those count that are not `there`; to be called before `settle`."""
        for uid, source in self._slots.connections_of(pipeline).items():
            if uid not in there and self._slots.is_bound(source):
                self._slots.hold_source(source, _key(uid))
                task = asyncio.get_running_loop().create_task(self._follow(uid, source))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _follow(self, uid: str, source: str) -> None:
        try:
            async with asyncio.timeout(self._longest):
                await self._until_ended(uid)
        except TimeoutError:
            _log.warning("a run was deleted, and its pod does not end", run_id=uid, source=source)
        finally:
            self._slots.free_source(source, _key(uid))

    async def _until_ended(self, uid: str) -> None:
        while True:
            if not await self._has_pods(uid):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _has_pods(self, uid: str) -> bool:
        """Or may get one; where that is not to be known it has."""
        of_run = f"{names.RUN_LABEL}={uid}"
        try:
            if (await self._cluster.list_jobs(label_selector=of_run)).items:
                return True
            pods = (await self._cluster.list_pods(label_selector=of_run)).items
        except HeadraceError:
            return True
        return any((pod.get("status") or {}).get("phase") not in _ENDED for pod in pods)


def _key(uid: str) -> str:
    return f"departed/{uid}"
