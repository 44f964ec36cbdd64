"""A watchman for each source and destination, as they come and go."""

import asyncio

from headrace.cluster import Cluster
from headrace.errors import HeadraceError, NotGrantedError
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace.store.store import Store
from headrace_operator.index import Index
from headrace_operator.monitor.board import Board
from headrace_operator.monitor.defaults import Defaults
from headrace_operator.monitor.gauge import Gauge
from headrace_operator.monitor.history import History
from headrace_operator.monitor.looks import Looks
from headrace_operator.monitor.recorder import Recorder
from headrace_operator.monitor.subjects import SUBJECTS, Subject
from headrace_operator.monitor.watchman import Post, Refresh, Watchman
from headrace_operator.settings import Settings

RESTART_SECONDS = 5.0
"""After a fault of ours in one of them."""
_log = logger(__name__)


class Monitor:
    """All watchmen; one that fails is replaced, and harms no other."""

    def __init__(
        self, *, cluster: Cluster, store: Store, index: Index, settings: Settings, refresh: Refresh | None = None
    ) -> None:
        """`refresh` brings new credentials to the runs at work; None: nobody does."""
        self.board = Board(interval=settings.wal_interval_seconds)
        self._index, self._settings = index, settings
        self._defaults = Defaults(cluster, dsn_secret=settings.dsn_secret, installation=settings.installation)
        self._history = History(store, (settings.installation, settings.namespace))
        self._post = Post(
            cluster=cluster,
            index=index,
            recorder=Recorder(cluster, index, self._history, self.board),
            refresh=refresh or _nobody,
            interval=settings.wal_interval_seconds,
            dsn_secret=settings.dsn_secret,
        )
        self._watchmen: dict[str, tuple[Watchman, asyncio.Task[None]]] = {}
        self._works = False

    async def ensure_defaults(self) -> None:
        """Before anything is looked at: pipelines may use them. Raises UnavailableError.

        Not for the lack of a right: those that are there already work without it.
        """
        try:
            await self._defaults.ensure()
        except NotGrantedError as error:
            text = "whether the defaults are there is not known: going on without"
            _log.warning(text, error=error.message, notes=error.notes)

    async def run(self) -> None:
        """Watches over all of them, for ever."""
        self._works = True
        try:
            for plural, subject in SUBJECTS.items():
                for resource in self._index.all(plural):
                    self._begin(subject, resource["metadata"]["uid"])
            await self._keep_defaults()
        finally:
            self._works = False
            tasks = [task for _, task in self._watchmen.values()]
            for uid in list(self._watchmen):
                self._end(uid)
            await asyncio.gather(*tasks, return_exceptions=True)

    def told(self, plural: str, before: Manifest | None, after: Manifest | None) -> None:
        """A resource changed; given is how it was and how it is."""
        subject, resource = SUBJECTS.get(plural), after or before
        if subject is None or resource is None or not self._works:
            return
        uid = resource["metadata"]["uid"]
        if after is None:
            self._end(uid)
        elif before is None:
            self._begin(subject, uid)
        if before is None or after is None or _asked(before) != _asked(after):
            # Its name may be another's too, which is valid or not for it.
            names = {(r.get("spec") or {}).get("name") for r in (before, after) if r is not None}
            self._wake(uid, *(self._uids_named(plural, name) for name in names))

    def _uids_named(self, plural: str, name: str | None) -> list[str]:
        return [each["metadata"]["uid"] for each in self._index.find(plural, "spec.name", name)]

    def _wake(self, uid: str, *others: list[str]) -> None:
        for each in {uid, *(other for uids in others for other in uids)}:
            if each in self._watchmen:
                self._watchmen[each][0].wake()

    def _begin(self, subject: Subject, uid: str) -> None:
        if uid in self._watchmen:
            return
        settings = self._settings
        watchman = Watchman(
            subject=subject,
            uid=uid,
            post=self._post,
            looks=Looks(seconds=settings.wal_timeout_seconds, targets=settings.allowed_targets),
            gauge=Gauge(uid=uid, history=self._history, least_seconds=settings.wal_interval_seconds / 2),
        )
        self._watchmen[uid] = (watchman, asyncio.get_running_loop().create_task(self._keep(watchman)))

    def _end(self, uid: str) -> None:
        self.board.take_off(uid)
        if uid in self._watchmen:
            watchman, task = self._watchmen.pop(uid)
            watchman.dismiss()
            task.cancel()

    async def _keep(self, watchman: Watchman) -> None:
        while not watchman.is_dismissed:
            try:
                await watchman.run()
                break
            except Exception:  # noqa: BLE001 - a fault of ours in one must not stop the others
                _log.exception("a fault: looking again", uid=watchman.uid, delay=RESTART_SECONDS)
            await asyncio.sleep(RESTART_SECONDS)

    async def _keep_defaults(self) -> None:
        while True:
            await asyncio.sleep(self._settings.sweep_seconds)
            try:
                await self._defaults.ensure()
            except HeadraceError as error:
                _log.debug("whether the defaults are there is not known now", error=error.message)


async def _nobody(_plural: str, _resource: Manifest) -> None:
    pass


def _asked(resource: Manifest) -> tuple[object, ...]:
    """What is asked for: a change of the status alone wakes nobody."""
    metadata = resource["metadata"]
    return metadata.get("generation"), metadata.get("annotations"), metadata.get("deletionTimestamp")
