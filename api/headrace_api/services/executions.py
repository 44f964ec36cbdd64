"""Runs of all pipelines: the store's rows, and the resources that decide or that it lacks."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from headrace.cluster import Manifest
from headrace.errors import HeadraceError, NotFoundError, UnavailableError
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.lifecycle.views import run_view
from headrace.runspec import RunKind
from headrace.store.listings import Scope
from headrace.store.records import RunRecord
from headrace.store.store import Store
from headrace_api.found import Found
from headrace_api.merging import Row, Window, merge_page
from headrace_api.resources import Resources
from headrace_api.translate.executions import Execution

SORTABLE = (
    "created_at", "started_at", "finished_at", "state", "status", "pipeline_id", "rows_read", "rows_written", "id",
)  # fmt: skip
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs a list is to hold, and which part of it."""

    pipeline: str | None = None
    """An id or a name; one that is nobody's gives an empty list, as an unknown project does."""
    project_id: str | None = None
    state: RunPhase | None = None
    streams: bool = False
    """Only what goes on until it is stopped."""
    sort: str
    limit: int
    offset: int

    def takes_pipeline(self, found: Found) -> bool:
        """Whether runs of this pipeline are meant."""
        if self.pipeline is not None and self.pipeline not in (found.id, found.pipeline["spec"]["name"]):
            return False
        return self.project_id is None or found.references(found.pipeline).project_id == self.project_id

    def takes(self, execution: Execution) -> bool:
        """Whether this run of such a pipeline is meant."""
        if self.streams and not execution.is_stream:
            return False
        return self.state is None or execution.phase == self.state


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and how long the list is."""

    items: list[Execution]
    total: int


class Executions:
    """Reads runs, whatever their pipeline."""

    def __init__(self, resources: Resources, store: Store, *, scope: Scope) -> None:
        self._resources = resources
        self._store = store
        self._scope = scope

    async def get(self, run_id: str) -> Execution:
        """One run of any kind; NotFoundError, also when its pipeline is gone."""
        missing: HeadraceError = NotFoundError("Run not found")
        if not _UUID.fullmatch(run_id):
            raise missing
        if self._resources.runs.known(run_id) is not None:
            with suppress(NotFoundError):  # Pruned a moment ago.
                return await self._live(run_id)
        record = None
        try:
            record = await self._store.find_run(self._scope, run_id)
        except UnavailableError as error:
            missing = error
        if record is not None and record.status in FINAL:
            return await self._stored(record)
        try:
            return await self._live(run_id)
        except NotFoundError:
            if record is not None:
                return await self._stored(record)
            raise missing from None

    async def of(self, run: Manifest, pipeline: Manifest) -> Execution:
        """A resource, with what the store has beside it while it is not over: a store that is away is left out."""
        record = None
        if not run_view(run).is_final:
            with suppress(UnavailableError):
                record = await self._store.find_run(self._scope, run["metadata"]["uid"])
        return replace(await self.made(run, pipeline), record=record)

    async def made(self, run: Manifest, pipeline: Manifest) -> Execution:
        """A resource that was made a moment ago: the store has nothing of it, and need not answer."""
        await self._resources.projects.freshen()
        project_id = self._resources.project_of(pipeline)
        return Execution(pipeline=pipeline, project_id=project_id, run=run, record=None)

    async def list(self, wanted: Wanted) -> Page:
        """One page, without reconciles. Where a run is not settled its resource decides what and where it is."""
        pipelines = {found.id: found for found in await self._resources.all() if wanted.takes_pipeline(found)}
        unsettled = await unsettled_runs(self._store, pipelines.values())
        seen = (_execution(found, run, None) for found, run in unsettled.values())
        live = [execution for execution in seen if wanted.takes(execution)]
        window = Window.around(limit=wanted.limit, offset=wanted.offset, live=len(live))
        rows, total = await self._rows(wanted, list(pipelines), list(unsettled), window)
        page = merge_page(rows, window, live=live, sort=wanted.sort, limit=wanted.limit, offset=wanted.offset)
        records = await self._records([row.id for row in page if isinstance(row, Execution)])
        return Page(list(_executions(page, pipelines, records)), total + len(live))

    async def _live(self, run_id: str) -> Execution:
        run, pipeline = await self._resources.find_run(run_id)
        if run["spec"].get("kind") == RunKind.PREVIEW:
            raise NotFoundError("Run not found")  # Of no pipeline: whoever asked for it has its answer.
        if pipeline is None:  # Gone, or made a moment ago by way of another process.
            await self._resources.pipelines.named(run["spec"]["pipeline"])
            pipeline = self._resources.pipeline_of(run)
        if pipeline is None:
            raise NotFoundError("Run not found")
        return await self.of(run, pipeline)

    async def _stored(self, record: RunRecord) -> Execution:
        await asyncio.gather(self._resources.pipelines.freshen(), self._resources.projects.freshen())
        pipeline = self._resources.pipelines.known(record.pipeline_uid)
        if pipeline is None:
            raise NotFoundError("Run not found")
        project_id = self._resources.project_of(pipeline)
        return Execution(pipeline=pipeline, project_id=project_id, run=None, record=record)

    async def _records(self, run_ids: Sequence[str]) -> dict[str, RunRecord]:
        records = await self._store.get_runs(self._scope, run_ids) if run_ids else []
        return {record.run_id: record for record in records}

    async def _rows(
        self, wanted: Wanted, pipelines: Sequence[str], unsettled: Sequence[str], window: Window
    ) -> tuple[Sequence[RunRecord], int]:
        """The store's rows of the window, and how many it has; nothing of what is not settled.

        Of these pipelines, also where all are meant: rows of one that is gone are not always marked yet.
        """
        asked: dict[str, Any] = {
            "pipeline_uids": pipelines,
            "status": wanted.state,
            "streams": wanted.streams,
            "without": unsettled,
        }
        return await asyncio.gather(
            self._store.list_all_runs(self._scope, **asked, sort=wanted.sort, limit=window.limit, offset=window.start),
            self._store.count_all_runs(self._scope, **asked),
        )


async def unsettled_runs(store: Store, pipelines: Iterable[Found]) -> dict[str, tuple[Found, Manifest]]:
    """The resources, by their runs' ids, of which the store does not have the last word; without reconciles."""
    runs = {
        run["metadata"]["uid"]: (found, run)
        for found in pipelines
        for run in found.runs
        if run["spec"].get("kind") != RunKind.RECONCILE
    }
    told = [uid for uid, (found, run) in runs.items() if _is_told(found, run)]
    # A store that came back from a backup may lack them all the same.
    settled = await store.known_runs(told) if told else set()
    return {uid: pair for uid, pair in runs.items() if uid not in settled}


def _is_told(found: Found, run: Manifest) -> bool:
    """Whether the store was told how the run ended: a load lets go of its pipeline only then."""
    status, claim = run.get("status") or {}, (found.pipeline.get("status") or {}).get("activeRun") or {}
    had_claim = status.get("phase") in FINAL and status.get("job") and claim.get("uid") != run["metadata"]["uid"]
    return bool(status.get("archived") or had_claim)


def _execution(found: Found, run: Manifest | None, record: RunRecord | None) -> Execution:
    project_id = found.references(found.pipeline).project_id
    return Execution(pipeline=found.pipeline, project_id=project_id, run=run, record=record)


def _executions(
    page: Iterable[Row], pipelines: Mapping[str, Found], records: Mapping[str, RunRecord]
) -> Iterator[Execution]:
    """With what the store has of each."""
    for row in page:
        if isinstance(row, Execution):
            yield replace(row, record=records.get(row.id))
        else:
            found = pipelines[row.pipeline_uid]
            run = next((run for run in found.runs if run["metadata"]["uid"] == row.run_id), None)
            yield _execution(found, run, row)
