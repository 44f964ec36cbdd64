"""How far streams are behind their sources, by the store's clock."""

from collections.abc import Sequence

from headrace.lifecycle.state import RunPhase
from headrace.store.store import Store
from headrace_api.translate.executions import Execution
from headrace_api.translate.streams import caught_up_at, lag_seconds


async def lags(store: Store, streams: Sequence[Execution]) -> dict[str, float | None]:
    """Seconds of each that is at work, by id; None for one that has not caught up yet."""
    at_work = {stream.id: stream for stream in streams if stream.phase == RunPhase.RUNNING}
    if not at_work:
        return {}
    snapshot = await store.observe(list(at_work))
    said = {uid: progress.caught_up_at for uid, progress in snapshot.progress.items()}
    return {uid: lag_seconds(snapshot.now, said.get(uid) or caught_up_at(one)) for uid, one in at_work.items()}
