"""A pipeline's runs: the store's rows, and the resources that it lacks."""

from dataclasses import dataclass
from typing import Any

from headrace.errors import NotFoundError, UnavailableError
from headrace.lifecycle.views import run_view
from headrace.store.records import RunRecord
from headrace.store.store import Store
from headrace_api.found import Found
from headrace_api.translate import runs as translate


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and how long the list is."""

    items: list[dict[str, Any]]
    total: int


async def list_runs(store: Store, found: Found, *, limit: int, offset: int) -> Page:
    """One page of the pipeline's runs, newest first; without reconciles."""
    resources = {run["metadata"]["uid"]: run for run in translate.that_write(found.runs)}
    known = (await store.observe(list(resources))).progress if resources else {}
    unknown = [uid for uid in resources if uid not in known]
    start = max(0, offset - len(unknown))
    window = await store.list_runs(found.id, limit=offset + limit - start, offset=start)
    total = await store.count_runs(found.id)
    # The operator may have saved one since the store was asked for it.
    saved = {record.run_id for record in window}
    lacking = [resources[uid] for uid in unknown if uid not in saved]
    rows = translate.merge_page(window, start, lacking, limit=limit, offset=offset)
    return Page([_shown(row, resources, found.id) for row in rows], total + len(lacking))


async def get_run(store: Store, found: Found, run_id: str) -> dict[str, Any]:
    """One run of any kind; NotFoundError. The store is only needed for what the resource does not tell."""
    run = next((run for run in found.runs if run["metadata"]["uid"] == run_id), None)
    record = None
    if run is None or not run_view(run).is_final:
        try:
            record = await store.get_run(run_id, pipeline_uid=found.id)
        except UnavailableError:
            if run is None:
                raise
    shown = translate.show_detail(run, found.id, record)
    if shown is None:
        raise NotFoundError("Run not found")
    return shown


def _shown(row: RunRecord | dict[str, Any], resources: dict[str, dict[str, Any]], pipeline_id: str) -> dict[str, Any]:
    if isinstance(row, RunRecord):
        resource = resources.get(row.run_id)
        return translate.show_resource(resource, pipeline_id, row) if resource else translate.show_record(row)
    return translate.show_resource(row, pipeline_id, None)
