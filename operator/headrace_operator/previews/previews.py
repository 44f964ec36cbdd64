"""Previews put together: a queue of their own, for somebody waits; and a poll that is quicker than that of runs."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.manifests import Manifest
from headrace.store.store import Store
from headrace_operator.availability import StoreWatch
from headrace_operator.credentials.ends import Ends
from headrace_operator.credentials.secrets import RunSecrets
from headrace_operator.index import Index
from headrace_operator.pipelines.slots import Slots
from headrace_operator.previews.hands import Hands
from headrace_operator.previews.observe import Observer, is_preview
from headrace_operator.previews.previewer import Previewer
from headrace_operator.previews.room import Room
from headrace_operator.queues.keys import Looked, key
from headrace_operator.queues.lookers import Lookers
from headrace_operator.queues.workqueue import Handle, WorkQueue
from headrace_operator.settings import Settings

WORKERS = 2
"""Each look is short."""
POLL_SECONDS = 0.5


class Previews:
    """All parts of it; `workers` do the work."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: Store,
        index: Index,
        slots: Slots,
        settings: Settings,
        ends: Ends,
        secrets: RunSecrets,
    ) -> None:
        self._index, self._queue, self._room = index, WorkQueue(), Room(slots)
        self._watch = StoreWatch(store)
        self._marks: dict[str, tuple[str | None, bool]] = {}
        observer = Observer(
            cluster=cluster, watch=self._watch, index=index, ends=ends, room=self._room, limits=settings.limits
        )
        hands = Hands(
            cluster=cluster,
            store=store,
            index=index,
            secrets=secrets,
            room=self._room,
            settings=settings,
            wake_waiting=self.wake_waiting,
        )
        self._previewer = Previewer(observer=observer, hands=hands, cluster=cluster, index=index)
        slots.listen(self._queue.add)

    def wake_run(self, run_uid: str) -> None:
        """Looks at a preview, by its uid: its Job has changed."""
        run = self._index.get(names.RUN_PLURAL, run_uid)
        if run is not None and is_preview(run):
            self.told(run)

    def wake_waiting(self) -> None:
        """Looks at all that have not begun: there is room for one more."""
        for run in self._index.all(names.RUN_PLURAL):
            if is_preview(run) and (run.get("status") or {}).get("phase") in {None, "PENDING"}:
                self.told(run)

    def told(self, run: Manifest) -> None:
        """An EtlRun of kind Preview was made, changed or deleted."""
        self._queue.add(key(Looked.PREVIEW, run["metadata"]["name"]))

    @property
    def at_work(self) -> dict[str, str]:
        """Those that have their turn, by uid: the `metadata.name` of each."""
        return self._room.at_work

    def learn(self, runs: Iterable[Manifest]) -> None:
        """Keeps who is at work, from all runs as they were listed when this process began."""
        for run in filter(is_preview, runs):
            status = run.get("status") or {}
            if status.get("job") and not status.get("archived"):
                source = (run["spec"].get("preview") or {}).get("source") or names.DEFAULT_SOURCE
                self._room.hold(run["metadata"]["name"], run["metadata"]["uid"], source)

    def swept(self, runs: Iterable[Manifest]) -> None:
        """Wakes all there are: they are few, and each is removed soon after its end."""
        for run in filter(is_preview, runs):
            self.told(run)

    def workers(self, guarded: Callable[[Handle], Handle]) -> list[Coroutine[Any, Any, None]]:
        """All workers, which work for ever; `guarded` lets a look begin only where we may act."""
        handle = guarded(Lookers(self._queue, {Looked.PREVIEW: self._previewer}).handle)
        return [*(self._queue.work(handle) for _ in range(WORKERS)), self._poll()]

    async def _poll(self) -> None:
        while True:
            await self._ask()
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(self) -> None:
        """One query for all that are at work, and none while there is none."""
        at_work = self._room.at_work
        self._marks = {uid: mark for uid, mark in self._marks.items() if uid in at_work}
        seen = await self._watch.observe(sorted(at_work)) if at_work else None
        for uid, progress in seen.progress.items() if seen else ():
            mark = (progress.outcome, progress.first_seen_at is not None)
            if uid in at_work and self._marks.get(uid) != mark:
                self._marks[uid] = mark
                self._queue.add(key(Looked.PREVIEW, at_work[uid]))
