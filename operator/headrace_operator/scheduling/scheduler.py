"""Schedules, backfills and projects put together: what wakes them, and who looks at them.

Schedules have a queue of their own, so that whatever is slow elsewhere (pipelines, a store that does not answer) leaves
their due times alone, and a thousand of them that are due at once leave pipelines alone.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.manifests import Manifest
from headrace.store.store import Store
from headrace_operator.index import Index
from headrace_operator.queues.keys import LOOKED_AT, Looked, key, read_key
from headrace_operator.queues.lookers import Looker, Lookers
from headrace_operator.queues.workqueue import Handle, WorkQueue
from headrace_operator.scheduling.backfills import Backfills
from headrace_operator.scheduling.due import RunMaker
from headrace_operator.scheduling.projects import Projects
from headrace_operator.scheduling.schedules import Schedules
from headrace_operator.scheduling.skips import Skips
from headrace_operator.scheduling.wakes import Change, wakes
from headrace_operator.settings import Settings
from headrace_operator.writes.events import Teller
from headrace_operator.writes.keeping import Keeper

OTHER_WORKERS = 2
"""For backfills and projects: nobody waits for them by the second."""


class Scheduler:
    """All parts of it; `workers` do the work."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: Store,
        index: Index,
        settings: Settings,
        wake: Callable[[str], None],
    ) -> None:
        """`wake` is given the names of pipelines that have a new run."""
        self._index, self._settings = index, settings
        keeper = Keeper(cluster, index)
        maker = RunMaker(cluster, index, installation=settings.installation, wake=wake)
        self._schedules = Schedules(
            cluster=cluster, keeper=keeper, maker=maker, skips=Skips(Teller(cluster)), index=index
        )
        self._backfills = Backfills(cluster=cluster, store=store, keeper=keeper, maker=maker, index=index)
        self._projects = Projects(keeper, index)
        self._due, self._others = WorkQueue(), WorkQueue()

    def told(self, change: Change) -> None:
        """A resource changed: those that it may matter to are woken."""
        for each in wakes(change, self._index):
            self._add(each)

    def swept(self, listed: Mapping[str, Sequence[Manifest]], *, everything: bool) -> None:
        """Wakes what a list shows to be behind; with `everything` all schedules, whose timers are not set yet."""
        is_settled = {
            names.SCHEDULE_PLURAL: self._schedules.is_settled,
            names.BACKFILL_PLURAL: self._backfills.is_settled,
            names.PROJECT_PLURAL: self._projects.is_settled,
        }
        for plural, looked in LOOKED_AT.items():
            for resource in listed[plural]:
                if (everything and looked == Looked.SCHEDULE) or not is_settled[plural](resource):
                    self._add(key(looked, resource["metadata"]["name"]))

    def workers(self, guarded: Callable[[Handle], Handle]) -> list[Coroutine[Any, Any, None]]:
        """All workers, which work for ever; `guarded` lets a look begin only where we may act."""
        due = guarded(Lookers(self._due, {Looked.SCHEDULE: self._schedules}).handle)
        others: dict[Looked, Looker] = {Looked.BACKFILL: self._backfills, Looked.PROJECT: self._projects}
        rest = guarded(Lookers(self._others, others).handle)
        return [
            *(self._due.work(due) for _ in range(self._settings.schedule_workers)),
            *(self._others.work(rest) for _ in range(OTHER_WORKERS)),
        ]

    def _add(self, text: str) -> None:
        (self._due if read_key(text)[0] == Looked.SCHEDULE else self._others).add(text)
