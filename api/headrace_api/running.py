"""Asking for runs, pausing and resuming: one pure decision, and writes that may happen twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import ConflictError, NotFoundError
from headrace.lifecycle.state import RunView
from headrace.lifecycle.views import run_view
from headrace_api import times
from headrace_api.resources import Found, Resources
from headrace_api.translate.runs import next_sequence, run_manifest

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDecision:
    """What `/run` has to do; in this order, so that a death in between loses nothing."""

    cancel: Manifest | None = None
    """The held run that a restart puts an end to."""
    run: Manifest | None = None
    """The run that the caller gets; None: a new one."""
    change: dict[str, Any] = field(default_factory=dict)
    """What to change in that run's specification."""
    unpause: bool = False
    """Whether the pipeline is paused."""


def decide_run(pipeline: Manifest, runs: Sequence[Manifest], *, restart: bool) -> RunDecision:
    """At most one run is asked for at a time: one that is requested, at work or held is the one that goes on."""
    unpause = bool(pipeline.get("spec", {}).get("suspend"))
    chosen = _choose(runs, paused=unpause)
    if chosen is None:
        return RunDecision(unpause=unpause)
    run, view = chosen
    held = (unpause or view.suspend) and not view.at_work
    if restart and held and view.has_begun and not run["spec"].get("restart"):
        return RunDecision(cancel=run, unpause=unpause)
    change = {"suspend": False} if view.suspend else {}
    if restart and held and not view.has_begun and not run["spec"].get("restart"):
        change["restart"] = True
    return RunDecision(run=run, change=change, unpause=unpause)


def _choose(runs: Sequence[Manifest], *, paused: bool) -> tuple[Manifest, RunView] | None:
    pairs = sorted(((run, run_view(run)) for run in runs), key=lambda pair: pair[1].order)
    counted = [
        (run, view)
        for run, view in pairs
        if view.kind == "Load" and not view.is_final and not view.waits_for_start and not view.cancel
    ]
    at_work = [pair for pair in counted if pair[1].at_work]
    free = [pair for pair in counted if paused or not pair[1].suspend]
    return next(iter([*at_work, *free, *counted]), None)


class Starter:
    """Writes what runs and pauses need."""

    def __init__(self, resources: Resources, *, installation: str) -> None:
        self._resources = resources
        self._installation = installation

    async def run(self, pipeline_id: str, *, restart: bool) -> tuple[Found, str]:
        """Asks for a run, or resumes the one that is held; returns what is then there, and the run's id."""
        tried = 0
        for _ in range(_ATTEMPTS):
            found = await self._resources.find(pipeline_id)
            decision = decide_run(found.pipeline, found.runs, restart=restart)
            try:
                found = await self._cancel(found, decision)
                if decision.run is None:
                    sequence = max(next_sequence(found.pipeline, found.runs), tried + 1)
                    run = await self._create(found, sequence, restart=restart)
                    # A name that is taken: another caller's run, which the next look shows, or a stranger's.
                    tried = sequence
                else:
                    run = await self._change(decision.run, decision.change)
            except (NotFoundError, ConflictError):
                continue  # Pruned, or made anew under its name.
            if run is not None:
                found = found.with_run(run)
                return await self._unpause(found, decision), str(run["metadata"]["uid"])
        raise ConflictError("Pipeline's runs are being changed by somebody else; try again")

    async def pause(self, pipeline_id: str) -> Found:
        """Pauses; a pipeline that is paused stays as it is."""
        return await self._suspend(await self._resources.find(pipeline_id), suspend=True)

    async def _cancel(self, found: Found, decision: RunDecision) -> Found:
        if decision.cancel is None:
            return found
        change = {"cancel": True, "cancelReason": "Started over by another run"}
        return found.with_run(await self._resources.patch_run(decision.cancel, change))

    async def _create(self, found: Found, sequence: int, *, restart: bool) -> Manifest | None:
        name = names.run_name(found.id, sequence)
        spec = {"restart": True} if restart else {}
        try:
            return await self._resources.create_run(run_manifest(found.pipeline, name, spec, self._installation))
        except ConflictError:
            return None

    async def _change(self, run: Manifest, change: Mapping[str, Any]) -> Manifest:
        return await self._resources.patch_run(run, change) if change else run

    async def _unpause(self, found: Found, decision: RunDecision) -> Found:
        return await self._suspend(found, suspend=False) if decision.unpause else found

    async def _suspend(self, found: Found, *, suspend: bool) -> Found:
        for _ in range(_ATTEMPTS):
            if bool(found.pipeline["spec"].get("suspend")) == suspend:
                return found
            stamps = {"annotations": {names.STATE_CHANGED_AT_ANNOTATION: times.now()}}
            try:
                written = await self._resources.patch_pipeline(
                    found.pipeline, {"spec": {"suspend": suspend}, "metadata": stamps}, unchanged=False
                )
            except ConflictError:
                found = await self._resources.find(found.id)
                continue
            return found.with_pipeline(written)
        raise ConflictError("Pipeline is being changed by somebody else; try again")
