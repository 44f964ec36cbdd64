"""How runs went, in figures: the store's counts, and the runs that it does not have yet."""

from collections.abc import Sequence
from typing import Any

from headrace.lifecycle.state import RunPhase
from headrace.lifecycle.views import run_view
from headrace.store.listings import Scope
from headrace.store.store import Store
from headrace_api.found import Found
from headrace_api.services.executions import unsettled_runs


async def run_figures(store: Store, scope: Scope, found: Sequence[Found]) -> dict[str, Any]:
    """Of the runs of these pipelines: `total_runs`, `runs_by_state`, `success_rate`, `average_run_seconds`.

    Where the store is a moment behind the resources, so are the figures.
    """
    stored = await store.statistics(scope, pipeline_uids=[one.id for one in found])
    unsettled = await unsettled_runs(store, found)
    known = await store.known_runs(list(unsettled)) if unsettled else set()
    by_state = {phase.value: stored.runs_by_state.get(phase.value, 0) for phase in RunPhase}
    for uid, (_, run) in unsettled.items():
        if uid not in known:
            by_state[run_view(run).phase.value] += 1
    return {
        "total_runs": sum(by_state.values()),
        "runs_by_state": by_state,
        "success_rate": _rounded(stored.success_rate, 6),
        "average_run_seconds": _rounded(stored.average_run_seconds, 3),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
