"""Asking for runs, pausing and resuming: one pure decision, and writes that may happen twice."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import ConflictError, NotFoundError
from headrace.lifecycle.readings import read_pipeline
from headrace.lifecycle.state import RunView
from headrace.lifecycle.validity import check_kind
from headrace.lifecycle.views import run_view
from headrace.query.parameters import parameter_names
from headrace.runspec import RunKind
from headrace.store.store import Store
from headrace_api import times
from headrace_api.auth.rights import CREATE, PATCH, PIPELINES, RUNS, Right
from headrace_api.found import Found
from headrace_api.resources import Resources
from headrace_api.translate.executions import is_stream
from headrace_api.translate.runs import next_sequence, run_manifest

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDecision:
    """What `/run` has to do; in this order, so that a death in between loses nothing."""

    cancel: Manifest | None = None
    """The held run that a restart puts an end to."""
    run: Manifest | None = None
    """The run that the caller gets; None: a new one."""
    kind: str = RunKind.LOAD
    """Of a new one."""
    change: dict[str, Any] = field(default_factory=dict)
    """What to change in that run's specification."""
    unpause: bool = False
    """Whether the pipeline is paused."""

    def rights(self, pipeline: Manifest) -> list[Right]:
        """What its writes need; asked for before the first one, so that none is left alone."""
        needed = [] if self.cancel is None else [Right(PATCH, RUNS, self.cancel["metadata"]["name"])]
        if self.run is None:
            needed.append(Right(CREATE, RUNS))
        elif self.change:
            needed.append(Right(PATCH, RUNS, self.run["metadata"]["name"]))
        return [*needed, Right(PATCH, PIPELINES, pipeline["metadata"]["name"])] if self.unpause else needed


def decide_run(pipeline: Manifest, runs: Sequence[Manifest], *, restart: bool) -> RunDecision:
    """At most one run is asked for at a time: one that is requested, at work or held is the one that goes on."""
    unpause = bool(pipeline.get("spec", {}).get("suspend"))
    chosen = _choose(_counted(runs), paused=unpause)
    if chosen is None:
        return RunDecision(unpause=unpause)
    run, view = chosen
    held = (unpause or view.suspend) and not view.at_work
    if restart and held and view.has_begun and not run["spec"].get("restart"):
        # What replaces dead letters is a load; a rebuild stays one.
        kind = RunKind.REBUILD if view.kind == RunKind.REBUILD else RunKind.LOAD
        return RunDecision(cancel=run, kind=kind, unpause=unpause)
    change = {"suspend": False} if view.suspend else {}
    if restart and held and not view.has_begun and not run["spec"].get("restart"):
        change["restart"] = True
    return RunDecision(run=run, change=change, unpause=unpause)


def decide_stream(pipeline: Manifest, runs: Sequence[Manifest], *, restart: bool) -> RunDecision:
    """As `decide_run`, among the pipeline's streams: a new one waits until what else is at work has ended."""
    return decide_run(pipeline, [run for run in runs if is_stream(pipeline, run)], restart=restart)


def decide_start(pipeline: Manifest, runs: Sequence[Manifest], kind: RunKind) -> RunDecision:
    """As `decide_run`, for one kind of run; ConflictError while one of another kind has the pipeline."""
    unpause = bool(pipeline.get("spec", {}).get("suspend"))
    counted = _counted(runs)
    chosen = _choose([pair for pair in counted if pair[1].kind == kind], paused=unpause)
    if chosen is not None:
        run, view = chosen
        return RunDecision(run=run, change={"suspend": False} if view.suspend else {}, unpause=unpause)
    ahead = _choose(counted, paused=unpause)
    if ahead is not None:
        view = ahead[1]
        raise ConflictError(f"{kind.value} can't start: a {view.kind} of the pipeline ({view.uid}) has to end first")
    return RunDecision(kind=kind, unpause=unpause)


_Pair = tuple[Manifest, RunView]


def _counted(runs: Sequence[Manifest]) -> list[_Pair]:
    """Those that have the pipeline, or wait for it, in their order."""
    pairs = sorted(((run, run_view(run)) for run in runs), key=lambda pair: pair[1].order)
    return [
        (run, view)
        for run, view in pairs
        if view.writes and not view.is_final and not view.waits_for_start and not view.cancel
    ]


def _choose(counted: Sequence[_Pair], *, paused: bool) -> _Pair | None:
    at_work = [pair for pair in counted if pair[1].at_work]
    free = [pair for pair in counted if paused or not pair[1].suspend]
    return next(iter([*at_work, *free, *counted]), None)


class Starter:
    """Writes what runs and pauses need."""

    def __init__(self, resources: Resources, store: Store, *, installation: str) -> None:
        self._resources = resources
        self._store = store
        self._installation = installation

    async def run(self, pipeline_id: str, *, restart: bool) -> tuple[Found, str]:
        """Asks for a run, or resumes the one that is held; returns what is then there, and the run's id."""

        async def decide(found: Found) -> RunDecision:
            return decide_run(found.pipeline, found.runs, restart=restart)

        return await self._ask(pipeline_id, decide, {"restart": True} if restart else {})

    async def stream(self, pipeline_id: str, spec: Mapping[str, Any]) -> tuple[Found, str]:
        """As `run`, for a stream; `spec` is what a new one is made with."""

        async def decide(found: Found) -> RunDecision:
            return decide_stream(found.pipeline, found.runs, restart=bool(spec.get("restart")))

        return await self._ask(pipeline_id, decide, spec)

    async def start(self, pipeline_id: str, kind: RunKind) -> tuple[Found, str]:
        """As `run`, for a kind of its own; ConflictError says why there can be none."""

        async def decide(found: Found) -> RunDecision:
            decision = decide_start(found.pipeline, found.runs, kind)
            if decision.run is None:
                await self._check(found, kind)
            return decision

        return await self._ask(pipeline_id, decide, {})

    async def _check(self, found: Found, kind: RunKind) -> None:
        spec = read_pipeline(found.pipeline).spec
        if spec is None:
            return  # The run fails and says why.
        check_kind(spec, kind)
        if kind != RunKind.REPLAY:
            return
        if not await self._store.count_dead_letters(found.id):
            raise ConflictError("There is nothing to replay: the pipeline has no dead letters")
        parameters = sorted(parameter_names(spec.source_query or ""))
        if parameters:
            raise ConflictError(
                f"The query has parameters (%({parameters[0]})s): replay with an EtlRun of kind Replay that has params"
            )

    async def _ask(
        self, pipeline_id: str, decide: Callable[[Found], Awaitable[RunDecision]], spec: Mapping[str, Any]
    ) -> tuple[Found, str]:
        tried = 0
        for _ in range(_ATTEMPTS):
            found = await self._resources.find(pipeline_id)
            decision = await decide(found)
            await self._resources.require(*decision.rights(found.pipeline))
            try:
                found = await self._cancel(found, decision)
                if decision.run is None:
                    sequence = max(next_sequence(found.pipeline, found.runs), tried + 1)
                    run = await self._create(found, sequence, {"kind": str(decision.kind), **spec})
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

    async def unpause(self, pipeline_id: str) -> None:
        """Lets the pipeline's runs go on; one that is not paused stays as it is."""
        await self._suspend(await self._resources.find(pipeline_id), suspend=False)

    async def _cancel(self, found: Found, decision: RunDecision) -> Found:
        if decision.cancel is None:
            return found
        change = {"cancel": True, "cancelReason": "Started over by another run"}
        return found.with_run(await self._resources.runs.patch(decision.cancel, {"spec": change}))

    async def _create(self, found: Found, sequence: int, spec: Mapping[str, Any]) -> Manifest | None:
        name = names.run_name(found.id, sequence)
        try:
            return await self._resources.runs.create(run_manifest(found.pipeline, name, spec, self._installation))
        except ConflictError:
            return None

    async def _change(self, run: Manifest, change: Mapping[str, Any]) -> Manifest:
        return await self._resources.runs.patch(run, {"spec": change}) if change else run

    async def _unpause(self, found: Found, decision: RunDecision) -> Found:
        return await self._suspend(found, suspend=False) if decision.unpause else found

    async def _suspend(self, found: Found, *, suspend: bool) -> Found:
        for _ in range(_ATTEMPTS):
            if bool(found.pipeline["spec"].get("suspend")) == suspend:
                return found
            stamps = {"annotations": {names.STATE_CHANGED_AT_ANNOTATION: times.now()}}
            try:
                written = await self._resources.pipelines.patch(
                    found.pipeline, {"spec": {"suspend": suspend}, "metadata": stamps}
                )
            except ConflictError:
                found = await self._resources.find(found.id)
                continue
            return found.with_pipeline(written)
        raise ConflictError("Pipeline is being changed by somebody else; try again")
