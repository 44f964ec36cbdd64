"""The store as the operator knows it: does it answer, and since when without a break."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from headrace.errors import HeadraceError
from headrace.lifecycle.observed import ProgressSeen, StoreSeen
from headrace.lifecycle.tasks import STAGES
from headrace.logs import logger
from headrace.store.records import RunProgress, key_text
from headrace.store.store import Store

MESSAGE_LIMIT, TEXT_LIMIT, NOTES_LIMIT = 10_000, 1_000, 50
"""A server's message repeats the value that it did not like, which may be larger than what etcd takes."""
_log = logger(__name__)


class StoreWatch:
    """Observes through the store, and remembers when it was away."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
        *,
        tell: Callable[[StoreSeen], None] = lambda _: None,
    ) -> None:
        """`tell` hears of all that is observed."""
        self._store = store
        self._clock = clock
        self._tell = tell
        self._since: float | None = None

    @property
    def is_up(self) -> bool:
        """Whether the store answered when it was last asked."""
        return self._since is not None

    async def observe(self, run_uids: Sequence[str]) -> StoreSeen | None:
        """What the runners of these runs said; None when the store is away."""
        try:
            snapshot = await self._store.observe(run_uids)
        except HeadraceError as error:
            if self._since is not None:
                _log.warning("the store is away", error=error.message)
            self._since = None
            return None
        if self._since is None:
            _log.info("the store answers")
            self._since = self._clock()
        seen = StoreSeen(
            now=snapshot.now,
            available_for=timedelta(seconds=self._clock() - self._since),
            progress={uid: _seen(progress) for uid, progress in snapshot.progress.items()},
        )
        self._tell(seen)
        return seen


def _seen(progress: RunProgress) -> ProgressSeen:
    return ProgressSeen(
        outcome=progress.outcome,
        message=_cut(progress.outcome_message, MESSAGE_LIMIT),
        rows_read=progress.rows_read,
        rows_written=progress.rows_written,
        bad_rows=progress.bad_rows,
        batches=progress.batches,
        bytes_read=progress.bytes_read,
        epoch=progress.reporter_epoch,
        holder=progress.reporter_holder,
        first_seen_at=progress.first_seen_at,
        seen_at=progress.seen_at,
        result=progress.result,
        notes=_cut_notes(progress.notes or {}),
        stages={name: stage for name, stage in progress.stages.items() if name in STAGES},
        caught_up_at=progress.caught_up_at,
        last_key=_cut(key_text(progress.last_key), TEXT_LIMIT),
        last_value=_cut(progress.last_value, TEXT_LIMIT),
        dead_letters=progress.dead_letters,
    )


def _cut(text: str | None, limit: int) -> str | None:
    return text if text is None or len(text) <= limit else text[: limit - 1] + "…"


def _cut_notes(notes: Mapping[str, str]) -> dict[str, str]:
    return {name[:TEXT_LIMIT]: text[:TEXT_LIMIT] for name, text in list(notes.items())[:NOTES_LIMIT]}
