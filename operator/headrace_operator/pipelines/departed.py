"""Pods that outlive what is known of their run: each has a connection to the source until it has ended."""

import asyncio
from collections.abc import Collection, Iterable

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import HeadraceError
from headrace.lifecycle.holds import Holds
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace_operator.manifests import SOURCE_ANNOTATION
from headrace_operator.pipelines.pods import has_ended, has_pods
from headrace_operator.pipelines.slots import Slots

LOOK_SECONDS = 1.0
SLACK_SECONDS = 60.0
"""What Kubernetes is given, besides the grace period, to remove a Job and its pods after their run."""
_Hold = tuple[str, str]
"""The run's uid, and the source."""
_log = logger(__name__)


class Departed:
    """Keeps the connections of such runs from others, as long as they are used: they were deleted, killed, given up."""

    def __init__(self, cluster: Cluster, slots: Slots, *, grace_seconds: float) -> None:
        self._cluster, self._slots = cluster, slots
        self._longest = grace_seconds + SLACK_SECONDS
        self._followed: dict[_Hold, asyncio.Task[None]] = {}
        self._until: dict[_Hold, float] = {}
        """How long each is followed at most, by the loop's clock."""

    def keep(self, pipeline: str, holds: Holds) -> None:
        """Of the pipeline's connections those count on that a plan gave up unseen; to be called before `settle`."""
        for uid, source in self._slots.connections_of(pipeline).items():
            if uid not in holds.connections and uid not in holds.quiet:
                self._hold(uid, source)

    def learn(self, pods: Iterable[Manifest], at_work: Collection[str]) -> None:
        """When this process begins: those whose run is not `at_work` count. The version before's name no source."""
        for pod in pods:
            metadata = pod["metadata"]
            uid = (metadata.get("labels") or {}).get(names.RUN_LABEL)
            source = (metadata.get("annotations") or {}).get(SOURCE_ANNOTATION)
            if uid and source and uid not in at_work and not has_ended(pod):
                self._hold(uid, source)

    def _hold(self, uid: str, source: str) -> None:
        if not self._slots.is_bound(source):
            return
        loop, hold = asyncio.get_running_loop(), (uid, source)
        # One that is followed already was at work again meanwhile, between two looks at it: its time begins anew.
        self._until[hold] = loop.time() + self._longest
        if hold in self._followed:
            return
        self._slots.hold_source(source, _key(uid))
        self._followed[hold] = loop.create_task(self._follow(hold))

    async def _follow(self, hold: _Hold) -> None:
        uid, source = hold
        try:
            while not self._is_at_work(uid, source) and await self._may_have_pods(uid):
                if asyncio.get_running_loop().time() >= self._until[hold]:
                    _log.warning("a run is over or gone, and its pod does not end", run_id=uid, source=source)
                    break
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            del self._followed[hold], self._until[hold]
            self._slots.free_source(source, _key(uid))

    def _is_at_work(self, uid: str, source: str) -> bool:
        """Again, and counts as such."""
        pipeline = self._slots.runs.get(uid)
        return pipeline is not None and self._slots.connections_of(pipeline).get(uid) == source

    async def _may_have_pods(self, uid: str) -> bool:
        try:
            return await has_pods(self._cluster, uid)
        except HeadraceError:
            return True


def _key(uid: str) -> str:
    return f"departed/{uid}"
