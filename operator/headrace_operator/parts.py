"""The parts of the operator, put together; what is done with them is in `main`."""

from collections.abc import Callable

from headrace import names
from headrace.cluster import Cluster
from headrace.store.store import Store
from headrace_operator.availability import StoreWatch
from headrace_operator.credentials.ends import Ends
from headrace_operator.credentials.rotation import Rotation
from headrace_operator.credentials.secrets import RunSecrets
from headrace_operator.figures.successes import Successes
from headrace_operator.figures.tally import Tally
from headrace_operator.index import Index
from headrace_operator.jobs import JobWatch
from headrace_operator.lease import Lease, Unleased
from headrace_operator.monitor.monitor import Monitor
from headrace_operator.overview import Overview
from headrace_operator.pipelines.departed import Departed
from headrace_operator.pipelines.observe import Observer
from headrace_operator.pipelines.poll import Poll
from headrace_operator.pipelines.reconcile import Reconciler
from headrace_operator.pipelines.slots import Slots
from headrace_operator.previews.previews import Previews
from headrace_operator.purge import Purge
from headrace_operator.queues.workqueue import WorkQueue
from headrace_operator.scheduling.scheduler import Scheduler
from headrace_operator.settings import Settings
from headrace_operator.sweep import Sweep


class Parts:
    """All of them; none does anything yet."""

    def __init__(
        self, settings: Settings, cluster: Cluster, store: Store, *, forget: Callable[[str, str], None]
    ) -> None:
        """`forget` is given name and uid of a pipeline that is gone."""
        self._settings, self._cluster, self._store = settings, cluster, store
        self.index, self.queue = Index(), WorkQueue()
        self.slots = Slots(
            settings.max_concurrent_runs,
            self.queue.add,
            streams=settings.max_streams,
            bound_of=self.index.connections_for_runs,
        )
        self._ends = Ends(cluster, installation=settings.dsn_secret)
        self._secrets = RunSecrets(cluster, self._ends)
        self._departed = Departed(cluster, self.slots, grace_seconds=settings.grace_seconds)
        standings = self.index.standings
        self.tally = Tally(standings.run, per_pipeline=settings.metrics_per_pipeline)
        self.watch = StoreWatch(store, tell=self.tally.note)
        self.reconciler = self._make_reconciler()
        self.scheduler = Scheduler(
            cluster=cluster, store=store, index=self.index, settings=settings, wake=self.queue.add
        )
        self.previews = self._make_previews()
        self.sweep = self._make_sweep(forget)
        every, unsettled = settings.poll_seconds, self.sweep.unsettled
        self.poll = Poll(self.watch, self.slots, self.queue, every=every, unsettled=unsettled)
        self.jobs = JobWatch(cluster, self.queue, settings, previews=self.previews.wake_run)
        self.purge = Purge(cluster, store, settings)
        self.successes = Successes(store, standings)
        rotation = Rotation(self.index, self._ends, self._secrets)
        self.monitor = Monitor(
            cluster=cluster, store=store, index=self.index, settings=settings, refresh=rotation.refresh
        )
        lease = Lease if settings.lease else Unleased
        self.lease = lease(cluster, name=f"headrace-{names.slug(settings.installation)}", identity=settings.identity)
        self.overview = self._make_overview()

    def _make_reconciler(self) -> Reconciler:
        observer = Observer(
            cluster=self._cluster,
            store=self._store,
            watch=self.watch,
            index=self.index,
            limits=self._settings.limits,
            secrets=self._secrets,
        )
        return Reconciler(
            cluster=self._cluster,
            store=self._store,
            observer=observer,
            index=self.index,
            slots=self.slots,
            queue=self.queue,
            settings=self._settings,
            tally=self.tally,
            secrets=self._secrets,
            departed=self._departed,
        )

    def _make_previews(self) -> Previews:
        return Previews(
            cluster=self._cluster,
            store=self._store,
            index=self.index,
            slots=self.slots,
            settings=self._settings,
            ends=self._ends,
            secrets=self._secrets,
        )

    def _make_sweep(self, forget: Callable[[str, str], None]) -> Sweep:
        return Sweep(
            cluster=self._cluster,
            index=self.index,
            slots=self.slots,
            queue=self.queue,
            settings=self._settings,
            forget=forget,
            scheduler=self.scheduler,
            previews=self.previews,
            departed=self._departed,
        )

    def _make_overview(self) -> Overview:
        return Overview(
            standings=self.index.standings,
            tally=self.tally,
            slots=self.slots,
            queue=self.queue,
            watch=self.watch,
            sweep=self.sweep,
            lease=self.lease,
            board=self.monitor.board,
            per_pipeline=self._settings.metrics_per_pipeline,
        )
