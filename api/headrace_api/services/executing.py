"""Runs on demand: making, starting, cancelling and stopping them; pure decisions, and writes that may happen twice."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from headrace.cluster import Manifest
from headrace.errors import ConflictError, NotFoundError
from headrace.lifecycle.readings import read_pipeline
from headrace.lifecycle.validity import check_params, check_stream
from headrace.lifecycle.views import run_view
from headrace.model.run import RunSpec
from headrace_api.auth.rights import PATCH, PIPELINES, RUNS, Right
from headrace_api.bodies.platform_run import TIMEOUT_SECONDS
from headrace_api.resources import Resources
from headrace_api.services.executions import Executions
from headrace_api.services.running import Starter
from headrace_api.translate.executions import Execution
from headrace_api.translate.runs import run_manifest

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What it takes to start a run, in this order."""

    change: dict[str, Any] = field(default_factory=dict)
    """What to change in its specification."""
    unpause: bool = False
    """Whether its pipeline is paused."""

    def rights(self, execution: Execution) -> list[Right]:
        """What its writes need; asked for before the first one, so that none is left alone."""
        run, pipeline = execution.run or {}, execution.pipeline
        needed = [Right(PATCH, RUNS, run["metadata"]["name"])] if self.change else []
        return [*needed, Right(PATCH, PIPELINES, pipeline["metadata"]["name"])] if self.unpause else needed


def decide_start(execution: Execution, timeout_seconds: int | None) -> Start:
    """Starts a run that waits, lets one that is paused go on; ConflictError for one that is over or cancelled."""
    run = _open(execution)
    view, spec = run_view(run), run["spec"]
    if view.cancel:
        raise ConflictError("Run is being cancelled")
    unpause = view.writes and bool(execution.pipeline["spec"].get("suspend"))
    if not view.suspend:
        return Start(unpause=unpause)
    change: dict[str, Any] = {"suspend": False}
    if view.waits_for_start:
        timeout = timeout_seconds or spec.get("timeoutSeconds") or _default_timeout(execution)
        change |= {"timeoutSeconds": timeout} if timeout != spec.get("timeoutSeconds") else {}
    return Start(change=change, unpause=unpause)


def decide_cancel(execution: Execution, reason: str | None) -> dict[str, Any]:
    """What to change in a run that is to be cancelled; nothing when it is being cancelled; ConflictError when over."""
    if _open(execution)["spec"].get("cancel"):
        return {}
    return {"cancel": True} | ({"cancelReason": reason} if reason else {})


def decide_stop(execution: Execution, seconds: int) -> dict[str, Any]:
    """As `decide_cancel`, with a limit in time: it can be made shorter, not longer."""
    change = decide_cancel(execution, None)
    limit = _open(execution)["spec"].get("stopSeconds")
    return change if limit is not None and limit <= seconds else {**change, "stopSeconds": seconds}


def _open(execution: Execution) -> Manifest:
    """The run's resource; ConflictError when nothing can be changed any more."""
    if execution.is_over:
        raise ConflictError(f"Run is over: {execution.phase.value}")
    if execution.run is None:
        raise ConflictError("Run's resource is gone")
    return execution.run


def _default_timeout(execution: Execution) -> int | None:
    return None if execution.is_stream else TIMEOUT_SECONDS


def run_spec(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller asks of a run, as manifests have it; RequestValidationError for what breaks a field's rule."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        RunSpec.model_validate({"pipeline": "any", **given})
    except ValidationError as error:
        raise RequestValidationError(
            [{**e, "loc": ("body", *e["loc"][:1])} for e in error.errors(include_url=False, include_input=False)]
        ) from None
    return {str(RunSpec.model_fields[name].alias): value for name, value in given.items()}


class Executor:
    """Writes what runs on demand need."""

    def __init__(self, resources: Resources, executions: Executions, starter: Starter, *, installation: str) -> None:
        self._resources = resources
        self._executions = executions
        self._starter = starter
        self._installation = installation

    async def create(self, project_id: str | None, pipeline_id: str, fields: Mapping[str, Any]) -> Execution:
        """Makes a run that waits for its start; InvalidError names what is unknown, missing or too much."""
        params = fields.get("params") or {}
        spec = run_spec(fields)
        project = None if project_id is None else await self._resources.find_project(project_id)
        pipeline = await self._resources.find_in_project(pipeline_id, project)
        seen = read_pipeline(pipeline).spec
        if seen is not None:  # Else the run fails and says why.
            check_params(seen.source_query or "", params)
        name = f"{pipeline['metadata']['uid']}-r{secrets.token_hex(6)}"
        manifest = run_manifest(pipeline, name, {**spec, "suspend": True}, self._installation)
        return await self._executions.made(await self._resources.runs.create(manifest), pipeline)

    async def start(self, run_id: str, timeout_seconds: int | None) -> None:
        """Starts a run, or lets it go on: the run first, then its pipeline. Of two at once the first says how."""
        for _ in range(_ATTEMPTS):
            execution = await self._executions.get(run_id)
            decision = decide_start(execution, timeout_seconds)
            await self._resources.require(*decision.rights(execution))
            with suppress(ConflictError, NotFoundError):  # Changed or pruned: the next look says what it is now.
                if decision.change:
                    await self._resources.runs.patch(_open(execution), {"spec": decision.change}, unchanged=True)
                if decision.unpause:
                    await self._starter.unpause(execution.pipeline_id)
                return
        raise ConflictError("Run is being changed by somebody else; try again")

    async def cancel(self, run_id: str, reason: str | None) -> Execution:
        """Ends a run after the batch in flight."""
        execution = await self._executions.get(run_id)
        return await self._change(execution, decide_cancel(execution, reason))

    async def stop(self, execution_id: str, seconds: int) -> Execution:
        """Ends a stream after the change in flight, or after so many seconds."""
        execution = await self.find_stream(execution_id)
        return await self._change(execution, decide_stop(execution, seconds))

    async def stream(self, pipeline: str, fields: Mapping[str, Any]) -> Execution:
        """Runs a pipeline as a stream; one that is requested or at work is the answer, one that is paused goes on."""
        spec = run_spec(fields)
        found = await self._resources.find_in_project(pipeline, None, field="pipeline")
        seen = read_pipeline(found).spec
        if seen is not None:
            check_stream(seen)
        asked, run_id = await self._starter.stream(found["metadata"]["uid"], {**spec, "stream": True})
        run = next(run for run in asked.runs if run["metadata"]["uid"] == run_id)
        return await self._executions.of(run, asked.pipeline)

    async def find_stream(self, execution_id: str) -> Execution:
        """A stream; NotFoundError, also for a run that is none."""
        try:
            execution = await self._executions.get(execution_id)
        except NotFoundError:
            raise NotFoundError("Stream not found") from None
        if not execution.is_stream:
            raise NotFoundError("Stream not found")
        return execution

    async def _change(self, execution: Execution, change: Mapping[str, Any]) -> Execution:
        if not change:
            return execution
        try:
            written = await self._resources.runs.patch(_open(execution), {"spec": dict(change)})
        except NotFoundError:  # Pruned meanwhile: then it is over.
            execution = await self._executions.get(execution.id)
            raise ConflictError(f"Run is over: {execution.phase.value}") from None
        changed = await self._executions.of(written, execution.pipeline)
        _open(changed)  # It may have ended before the change.
        return changed
