"""Reconciles: a run that counts, and a short wait for its result."""

import asyncio
import secrets
from typing import Any

from headrace.cluster import Manifest
from headrace.errors import NotFoundError, RefusedError, UnavailableError
from headrace.lifecycle.state import RunPhase
from headrace.lifecycle.views import run_view
from headrace.runspec import RunKind
from headrace_api.resources import Resources
from headrace_api.translate.runs import run_manifest, show_result

_POLL_SECONDS = 0.25


class Reconciler:
    """Asks for reconciles and waits for them."""

    def __init__(self, resources: Resources, *, installation: str, wait_seconds: float) -> None:
        self._resources = resources
        self._installation = installation
        self._wait_seconds = wait_seconds

    async def start(self, pipeline_id: str) -> Manifest:
        """Asks for a reconcile; each call makes one of its own."""
        pipeline = await self._resources.pipelines.find(pipeline_id)
        name = f"{pipeline_id}-reconcile-{secrets.token_hex(4)}"
        spec = {"kind": RunKind.RECONCILE.value}
        return await self._resources.runs.create(run_manifest(pipeline, name, spec, self._installation))

    async def result(self, run: Manifest, pipeline_id: str) -> dict[str, Any] | None:
        """What it found, or None when it is not over in time; RefusedError says why it failed."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                ended = await self._ended(run)
        except TimeoutError:
            return None
        status = ended.get("status") or {}
        if status.get("phase") != RunPhase.SUCCESS:
            reason = status.get("errorMessage") or "it was cancelled"
            raise RefusedError(f"Reconcile failed: {reason}")
        return show_result(status.get("result"), pipeline_id)

    async def _ended(self, run: Manifest) -> Manifest:
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                seen = await self._resources.runs.named(run["metadata"]["name"])
            except UnavailableError:
                continue  # The run was asked for; where it is found, the answer will say.
            if seen is None:
                raise NotFoundError("Run not found")
            if run_view(seen).is_final:
                return seen
