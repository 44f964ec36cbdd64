"""What comes of a look: a status, Events, metrics, and measurements in the store."""

from headrace.cluster import Cluster
from headrace.errors import ConflictError
from headrace.manifests import Manifest
from headrace_operator.index import Index
from headrace_operator.monitor.board import Board, Shown
from headrace_operator.monitor.events import news
from headrace_operator.monitor.history import History
from headrace_operator.monitor.statuses import Outcome, is_due, status_after
from headrace_operator.monitor.subjects import EndStatus, Subject
from headrace_operator.writes.events import Teller
from headrace_operator.writes.keeping import Keeper

_MOST_TRIES = 3
"""Somebody may write to the resource between our looks at it; more than that is not likely."""


class Recorder:
    """Shared by all that look."""

    def __init__(self, cluster: Cluster, index: Index, history: History, board: Board) -> None:
        self._index, self._history, self._board = index, history, board
        self._keeper, self._teller = Keeper(cluster, index), Teller(cluster)

    async def record(self, subject: Subject, uid: str, outcome: Outcome) -> None:
        """Records it, where the resource is still there; the store comes last, for it may be away."""
        resource = self._index.get(subject.plural, uid)
        if resource is None:
            return
        name = str(resource["metadata"]["name"])
        self._board.show(uid, _shown(subject, name, outcome))
        await self._save(subject, uid, outcome)
        if outcome.wal is not None:
            await self._history.add(uid, name, outcome.wal)

    async def _save(self, subject: Subject, uid: str, outcome: Outcome) -> None:
        for _ in range(_MOST_TRIES):
            resource = self._index.get(subject.plural, uid)
            if resource is None:
                return
            before = subject.read_status(resource)
            after = status_after(before, outcome)
            if not is_due(before, after, outcome.at):
                return
            try:
                await self._keeper.save(subject.plural, resource, after)
            except ConflictError:
                await self._keeper.read_again(subject.plural, resource)
            else:
                await self._tell(subject, resource, before, after, outcome)
                return

    async def _tell(
        self, subject: Subject, resource: Manifest, before: EndStatus, after: EndStatus, outcome: Outcome
    ) -> None:
        for each in news(before, after):
            await self._teller.tell(
                resource, subject.kind, type_=each.type, reason=each.reason, message=each.message, now=outcome.at
            )


def _shown(subject: Subject, name: str, outcome: Outcome) -> Shown:
    return Shown(
        plural=subject.plural,
        name=name,
        is_up=outcome.failure is None,
        at=outcome.at,
        connection=outcome.connection,
        generation=outcome.generation,
        wal=outcome.wal,
    )
