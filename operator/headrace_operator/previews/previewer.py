"""One look at one preview: observe, plan, save the status, take the step, and say when to look again."""

from headrace import names
from headrace.cluster import Cluster
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace_operator.index import Index
from headrace_operator.previews.hands import Hands
from headrace_operator.previews.observe import Observer, Sight, is_preview
from headrace_operator.previews.plan import Plan, Step, plan

GONE_SECONDS = 1.0
_AT_ONCE = frozenset({Step.START, Step.RELEASE})
"""What comes after them can be planned from what they left."""
_log = logger(__name__)


class Previewer:
    """Looks at previews by name."""

    def __init__(self, *, observer: Observer, hands: Hands, cluster: Cluster, index: Index) -> None:
        self._observer, self._hands, self._cluster, self._index = observer, hands, cluster, index

    async def look(self, name: str) -> float | None:
        """Looks at one; after how many seconds to look again, None: when something wakes it."""
        manifest = await self._run(name)
        is_gone = manifest is None or "deletionTimestamp" in manifest["metadata"]
        # Its Job goes with it; one that was made anew under its name waits for that.
        if (is_gone or self._is_another(name, manifest)) and not await self._hands.let_go(name):
            return GONE_SECONDS
        if manifest is None or is_gone:
            return None
        self._index.put(names.RUN_PLURAL, manifest)
        if not is_preview(manifest):
            return None
        sight = await self._observer.observe(manifest)
        decided = plan(sight.seen)
        await self._hands.take(sight, decided)
        _tell(sight, decided)
        if decided.step in _AT_ONCE:
            return 0.0
        return max(0.0, (decided.wake_at - sight.seen.now).total_seconds()) if decided.wake_at else None

    def _is_another(self, name: str, manifest: Manifest | None) -> bool:
        """Whether it is not the one of that name that has its turn."""
        at_work = self._observer.room.uid(name)
        return manifest is not None and at_work is not None and at_work != manifest["metadata"]["uid"]

    async def _run(self, name: str) -> Manifest | None:
        """As a list of one: the operator lists runs in any case, and so needs no other right."""
        listing = await self._cluster.list(names.RUN_PLURAL, field_selector=f"metadata.name={name}")
        return next(iter(listing.items), None)


def _tell(sight: Sight, decided: Plan) -> None:
    before, after = sight.seen.run.status, decided.status
    if decided.step != Step.NOTHING or before.phase != after.phase:
        step = decided.step.name.lower()
        _log.info("preview", run_id=sight.seen.run.uid, step=step, phase=after.phase, message=after.error_message)
