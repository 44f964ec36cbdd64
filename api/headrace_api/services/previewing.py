"""Previews: a run that looks at a source, and a short wait for what it saw."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import ConflictError, HeadraceError, InvalidError, LateError, UnavailableError
from headrace.lifecycle.ends import check_ends
from headrace.lifecycle.state import RunPhase
from headrace.lifecycle.views import run_view
from headrace.model.pipeline import PipelineSpec
from headrace.model.preview import PreviewSpec
from headrace.store.listings import Scope
from headrace.store.store import Store
from headrace_api.auth.rights import DESTINATIONS, GET, SOURCES, Right
from headrace_api.cleanups import carry_through
from headrace_api.resources import Resources
from headrace_api.translate.changes import updated_at
from headrace_api.translate.preview_failures import Ends, failure
from headrace_api.translate.previews import (
    check_asked,
    is_shared,
    pipeline_like,
    preview_manifest,
    rows_preview,
    show_rows,
    why_waiting,
)

_POLL_SECONDS = 0.2
FRESH = timedelta(seconds=60)
"""So old may a list of tables be: paging through it looks at the source once."""
Left = Callable[[], Awaitable[bool]]
"""Whether the caller is there no more."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A preview, as it was asked for."""

    run: Manifest
    ends: Ends


class Previewer:
    """Asks for previews and waits for them."""

    def __init__(
        self,
        resources: Resources,
        store: Store,
        *,
        scope: Scope,
        allowed: tuple[str, ...],
        wait_seconds: float,
    ) -> None:
        self._resources = resources
        self._store = store
        self._scope = scope
        self._allowed = allowed
        self._wait_seconds = wait_seconds

    async def tables(self, source_id: str, *, refresh: bool, left: Left) -> Mapping[str, Any]:
        """The source's tables, at most a minute old unless `refresh`; NotFoundError, and what `_seen` raises."""
        source = await self._resources.sources.find(source_id)
        name = str(source["metadata"]["name"])
        since = max(datetime.now(UTC) - FRESH, updated_at(source))
        if not refresh:
            known = await self._store.latest_tables(self._scope, name, since)
            if known is not None:
                return known
        run = None if refresh else await self._shared(name, since)
        if run is None:
            run = await self._ask(source, PreviewSpec(source=name))
        asked = _Asked(run, Ends(source))
        # Whoever leaves does not end it: others may wait for the same, and the list is kept.
        return await self._seen(asked, await self._ended(asked, left))

    async def rows(self, asked: Mapping[str, Any], left: Left) -> dict[str, Any]:
        """The first rows, and the target; InvalidError, RefusedError, and what `_seen` raises."""
        spec = pipeline_like(asked)
        refused, has_target = check_asked(spec, asked, self._allowed), asked.get("target_table") is not None
        destination = await self._destination(asked.get("destination_id"), spec, is_shown=has_target)
        source = await self._source(asked.get("source_id"))
        if refused:
            raise refused
        if has_target:
            await self._resources.freshen_references()
            check_ends(spec, source, destination or self._resources.ends_of(spec)[1])
        name = None if destination is None else destination["metadata"]["name"]
        preview = rows_preview(asked, source=source["metadata"]["name"], destination=name)
        run = await self._ask(source, preview, asked.get("params"))
        made = _Asked(run, Ends(source, destination))
        return show_rows(await self._seen(made, await self._ended_or_cancelled(made, left)))

    async def _source(self, source_id: str | None) -> Manifest:
        if source_id is not None:
            return await self._resources.find_source(source_id)
        await self._resources.require(Right(GET, SOURCES, names.DEFAULT_SOURCE))
        source = await self._resources.sources.named(names.DEFAULT_SOURCE)
        if source is None:
            raise InvalidError("source_id is needed: the installation has no default source", field="source_id")
        return source

    async def _destination(self, destination_id: str | None, spec: PipelineSpec, *, is_shown: bool) -> Manifest | None:
        """The one that is named. None: the default one, of which the caller sees the target if it `is_shown`."""
        if destination_id is not None:
            return await self._resources.find_destination(destination_id)
        if is_shown:
            await self._resources.require(Right(GET, DESTINATIONS, spec.destination_name))
        return None

    async def _shared(self, source: str, since: datetime) -> Manifest | None:
        """A preview that somebody else waits for already."""
        await self._resources.runs.freshen()
        return next((run for run in self._resources.runs.with_key("") if is_shared(run, source, since)), None)

    async def _ask(self, source: Manifest, preview: PreviewSpec, params: Mapping[str, Any] | None = None) -> Manifest:
        return await self._resources.runs.create(preview_manifest(source, preview, self._scope[0], params))

    async def _seen(self, asked: _Asked, ended: Manifest) -> Mapping[str, Any]:
        """What the preview saw.

        RefusedError says why it saw nothing, also in the database's words; LateError and UnavailableError what may
        pass by itself; ConflictError that somebody ended it.
        """
        result = await self._store.preview_result(asked.run["metadata"]["uid"])
        if (ended.get("status") or {}).get("phase") == RunPhase.FAILED:
            raise failure(ended, asked.ends, result)
        if result is None:
            raise ConflictError("The preview was cancelled, or removed, by somebody else; try again")
        return result

    async def _ended_or_cancelled(self, asked: _Asked, left: Left) -> Manifest:
        """As `_ended`; whatever ends the wait before the preview is over, it is not left at work for nobody."""
        try:
            return await self._ended(asked, left)
        except BaseException:
            # Also where this request was itself cancelled, and may be again.
            await carry_through(self._cancel(asked.run))
            raise

    async def _ended(self, asked: _Asked, left: Left) -> Manifest:
        seen: Manifest | None = asked.run
        try:
            async with asyncio.timeout(self._wait_seconds):
                while seen is not None and not run_view(seen).is_final:
                    await asyncio.sleep(_POLL_SECONDS)
                    if await left():
                        raise LateError("The caller has left")
                    seen = await self._look(asked.run)
        except TimeoutError:
            raise LateError(asked.ends.in_words(self._why_late(seen))) from None
        return seen or {}

    def _why_late(self, seen: Manifest | None) -> str:
        why = why_waiting(seen)
        late = f"The preview was not done within {self._wait_seconds:g} s"
        return f"{late}: {why}" if why else f"{late}; try again later, or with a query that takes less time"

    async def _look(self, run: Manifest) -> Manifest | None:
        """The run as it is now; None when it is gone. From the mirror while that is up to date."""
        runs, metadata = self._resources.runs, run["metadata"]
        if runs.mirror.current:
            return runs.known(metadata["uid"])
        try:
            return await runs.named(metadata["name"])
        except UnavailableError:
            return run  # It was asked for; the next look may tell.

    async def _cancel(self, run: Manifest) -> None:
        """Nobody waits any more. Where the caller may not end it, it ends by itself, for it is limited in time."""
        change = {"cancel": True, "cancelReason": "Nobody waits for it any more"}
        with suppress(HeadraceError):
            await self._resources.runs.patch(run, {"spec": change})
