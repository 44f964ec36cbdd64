"""The operator as a process: it waits for store and Lease, then looks at pipelines until it is told to end."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import HeadraceError, UnavailableError
from headrace.logs import configure_logs, logger
from headrace.manifests import Manifest
from headrace.store.migrate import migrate_when_ready
from headrace.store.store import Store
from headrace_operator import handlers
from headrace_operator.figures import metrics
from headrace_operator.monitor.threads import OneEach
from headrace_operator.parts import Parts
from headrace_operator.pipelines.reconcile import key_of
from headrace_operator.previews.observe import is_preview
from headrace_operator.probes import Probes
from headrace_operator.queues.workqueue import Handle
from headrace_operator.scheduling.wakes import Change, pipelines_to_wake
from headrace_operator.settings import Settings

FORGET_SECONDS = 30.0
"""How often what was counted of pipelines that are gone is let go."""
BLIND_SECONDS = 300.0
"""Without a complete sweep for so long nobody can say that we see anything."""
# kopf tells of every watched object; the pool names the host with each attempt that fails.
_LIBRARIES = {"kopf": logging.WARNING, "psycopg.pool": logging.CRITICAL}
_log = logger(__name__)


class Operator:
    """All parts, put together; `run` ends when one of them does."""

    def __init__(self, settings: Settings, cluster: Cluster, store: Store) -> None:
        self._settings, self._store = settings, store
        self._parts = Parts(settings, cluster, store, forget=self._forget)
        self._lease = self._parts.lease
        self._probes = Probes(is_alive=self._is_alive, is_ready=self._is_ready)
        self._forgetting: set[asyncio.Task[None]] = set()
        self._works = False
        self._end = asyncio.Event()

    async def run(self) -> None:
        """Runs until a signal ends it; any part that fails ends all."""
        self._take_signals()
        probes = self._probes.run(self._settings.probe_host, self._settings.probe_port)
        await _first_of(probes, self._work(), self._end.wait())

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._end.set)

    async def _work(self) -> None:
        await migrate_when_ready(self._settings.store_dsn.get_secret_value(), wait=True)
        await self._store.open()
        _log.info("waiting for the Lease", identity=self._settings.identity)
        await self._lease.acquire()
        metrics.LEADER.set(1)
        _log.info("this process works now")
        try:
            await _first_of(self._lease.hold(), self._hold())
        finally:
            metrics.LEADER.set(0)
            if self._lease.is_held:
                await self._lease.release()

    async def _hold(self) -> None:
        """What only the holder of the Lease does."""
        await _until_kubernetes_answers(self._parts.monitor.ensure_defaults)
        await _until_kubernetes_answers(self._parts.sweep.first)
        self._parts.index.listen(self._changed)
        self._works = True
        with metrics.exported(self._parts.overview):
            await _first_of(
                handlers.watch(self._settings, self._told, take_signals=self._take_signals),
                self._parts.jobs.run(),
                self._parts.sweep.run(),
                self._parts.poll.run(),
                self._parts.purge.run(),
                self._parts.successes.run(),
                self._parts.monitor.run(),
                self._forget_metrics(),
                *(
                    self._parts.queue.work(self._guarded(self._parts.reconciler.handle))
                    for _ in range(self._settings.workers)
                ),
                *self._parts.scheduler.workers(self._guarded),
                *self._parts.previews.workers(self._guarded),
            )

    async def _forget_metrics(self) -> None:
        """Here and not when somebody reads /metrics: where nobody does, they would grow for ever."""
        while True:
            self._parts.tally.forget_others({known.name for known in self._parts.index.standings.pipelines.values()})
            await asyncio.sleep(FORGET_SECONDS)

    def _guarded(self, handle: Handle) -> Handle:
        """Looks only while we may act."""

        async def guarded(key: str) -> None:
            if self._lease.is_held:
                await handle(key)

        return guarded

    def _told(self, plural: str, kind: str | None, resource: dict[str, Any]) -> None:
        """An event: it only wakes, and only when it is news."""
        uid = resource["metadata"]["uid"]
        before = self._parts.index.get(plural, uid)
        if kind == "DELETED":
            self._parts.index.remove(plural, uid)
            if plural == names.PIPELINE_PLURAL:
                self._forget(resource["metadata"]["name"], uid)
        elif not self._parts.index.put(plural, resource):
            return
        key = key_of(plural, resource)
        if key is not None:
            self._parts.queue.add(key)
        if plural == names.RUN_PLURAL and is_preview(resource):
            self._parts.previews.told(resource)
        if plural == names.PIPELINE_PLURAL:
            # Those of its former name too: a rename frees it.
            for each in (resource, before or resource):
                for name in self._parts.index.namesakes(each):
                    self._parts.queue.add(name)

    def _changed(self, plural: str, before: Manifest | None, after: Manifest | None) -> None:
        """What the index knows has changed, by an event or by our own doing: others than its pipeline may care."""
        self._parts.monitor.told(plural, before, after)
        change = Change(plural, before, after)
        self._parts.scheduler.told(change)
        for name in pipelines_to_wake(change, self._parts.index):
            self._parts.queue.add(name)
        if plural == names.SOURCE_PLURAL and change.is_another:
            # Previews wait there too, and runs whose pipeline names another source by now.
            self._parts.slots.wake_source(next(change.sides)["metadata"]["name"])

    def _forget(self, name: str, uid: str) -> None:
        task = asyncio.get_running_loop().create_task(self._parts.reconciler.forget(name, uid))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    def _is_alive(self) -> str | None:
        silent = self._parts.sweep.age
        return f"no sweep for {silent:.0f} s" if self._works and silent > BLIND_SECONDS else None

    def _is_ready(self) -> str | None:
        """Ready is not the same as leading: a second operator that waits for the Lease is ready."""
        return None if self._works or not self._lease.is_held else "reading what there is"


async def _until_kubernetes_answers(call: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await call()
        except UnavailableError as error:
            _log.warning("waiting for Kubernetes: trying again", error=error.message, notes=error.notes)
            await asyncio.sleep(1)


async def _first_of(*parts: Coroutine[Any, Any, object]) -> None:
    """Runs side by side until the first of them ends or fails; then all end."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def serve(settings: Settings) -> None:
    """Runs the operator with these settings."""
    configure_logs(settings.log_level, least=_LIBRARIES)
    asyncio.get_running_loop().set_default_executor(OneEach())
    cluster = await Cluster.connect(namespace=settings.namespace)
    store = Store(
        settings.store_dsn.get_secret_value(),
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        pool_timeout=settings.db_pool_timeout,
        application_name="headrace-operator",
    )
    cluster.listen(metrics.tell_kubernetes)
    store.listen(metrics.tell_store)
    try:
        await Operator(settings, cluster, store).run()
    except HeadraceError as error:
        _log.error("the operator ends", error=error.message)
        raise SystemExit(1) from error
    finally:
        await cluster.close()
        # kopf cancels every task that was made while it ran, those of the pool too.
        with suppress(asyncio.CancelledError):
            await store.close()
