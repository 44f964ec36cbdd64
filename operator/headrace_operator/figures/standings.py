"""Where all pipelines and runs stand, as their resources last said: what metrics are made of, never decisions.

Changed in the event loop, and read from other threads too: what iterates does so over a copy.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sys import intern

from headrace import names
from headrace.lifecycle.readings import owner_uid
from headrace.lifecycle.state import Phase, RunPhase
from headrace.manifests import Manifest
from headrace.model.times import from_text
from headrace.runspec import Mode, RunKind
from headrace.store.records import Success

_LOADS = frozenset({RunKind.LOAD.value, RunKind.REBUILD.value})
"""The kinds of runs after which the target holds what the query gave."""


@dataclass(frozen=True, slots=True)
class PipelineStanding:
    """A pipeline."""

    name: str
    """`metadata.name`."""
    phase: str
    is_incremental: bool
    is_held: bool
    """Paused, or disabled."""


@dataclass(frozen=True, slots=True)
class RunStanding:
    """A run. Times are Unix seconds."""

    pipeline: str
    """The pipeline's `metadata.name`."""
    owner: str | None
    """The pipeline's uid; None for a run that nobody has adopted yet."""
    kind: str
    phase: str
    started_at: float | None
    finished_at: float | None
    is_stream: bool = False
    """It goes on until it is stopped."""


class Standings:
    """Pipelines and runs by uid; little of each, for there may be many."""

    def __init__(self) -> None:
        self._pipelines: dict[str, PipelineStanding] = {}
        self._runs: dict[str, RunStanding] = {}
        self._runs_of: dict[str, set[str]] = {}
        self._successes: dict[str, tuple[float, float]] = {}
        """By pipeline: beginning and end of the load that succeeded last; it outlives its resource."""
        self._failures: dict[str, int] = {}
        """What was counted before and is still so."""
        self._told: set[str] = set()
        """The pipelines that the store was asked about."""

    def put(self, plural: str, resource: Manifest) -> None:
        """Takes note of a resource as it is now."""
        uid = resource["metadata"]["uid"]
        if plural == names.PIPELINE_PLURAL:
            self._pipelines[uid] = _pipeline(resource)
            return
        run = _run(resource)
        if run.kind == RunKind.PREVIEW:
            return  # It is of no pipeline, and gone soon.
        self._runs[uid] = run
        if run.owner is None:
            return
        self._runs_of.setdefault(run.owner, set()).add(uid)
        self._failures.pop(run.owner, None)
        if run.phase == RunPhase.SUCCESS and run.kind in _LOADS:
            self._succeeded(run.owner, run.started_at, run.finished_at)

    def remove(self, plural: str, uid: str) -> None:
        """Takes note of a deletion."""
        if plural == names.PIPELINE_PLURAL:
            self._pipelines.pop(uid, None)
            for known in (self._successes, self._failures, self._runs_of):
                known.pop(uid, None)
            self._told.discard(uid)
            return
        run = self._runs.pop(uid, None)
        if run is not None and run.owner is not None:
            siblings = self._runs_of.get(run.owner, set())
            siblings.discard(uid)
            self._failures.pop(run.owner, None)
            if not siblings and run.owner not in self._pipelines:
                # Put after its pipeline was removed: a look at it was on its way.
                self._runs_of.pop(run.owner, None)
                self._successes.pop(run.owner, None)

    def learn(self, pipelines: Sequence[str], successes: Mapping[str, Success]) -> None:
        """Takes what the store told about these pipelines."""
        self._told.update(uid for uid in pipelines if uid in self._pipelines)
        for uid, success in successes.items():
            if uid in self._pipelines:
                self._failures.pop(uid, None)
                self._succeeded(uid, success.started_at.timestamp(), success.finished_at.timestamp())

    def untold(self) -> list[str]:
        """The pipelines without a success that the store was not asked about."""
        return [uid for uid in self._pipelines if uid not in self._successes and uid not in self._told]

    @property
    def pipelines(self) -> dict[str, PipelineStanding]:
        """All pipelines, by uid."""
        return self._pipelines.copy()

    def run(self, uid: str) -> RunStanding | None:
        """One run."""
        return self._runs.get(uid)

    def pipeline_phases(self) -> dict[str, int]:
        """How many pipelines are in each phase."""
        count = Counter(pipeline.phase for pipeline in list(self._pipelines.values()))
        return {phase.value: count[phase.value] for phase in Phase}

    def run_phases(self) -> dict[str, int]:
        """How many runs are in each phase."""
        count = Counter(run.phase for run in list(self._runs.values()))
        return {phase.value: count[phase.value] for phase in RunPhase}

    def success(self, pipeline: str) -> tuple[float, float] | None:
        """Beginning and end of the load that succeeded last."""
        return self._successes.get(pipeline)

    def failures(self, pipeline: str) -> int:
        """How many loads failed since then, as far as their resources are there."""
        count = self._failures.get(pipeline)
        if count is None:
            since = self._successes.get(pipeline, (0.0, 0.0))[1]
            known = (self._runs.get(uid) for uid in list(self._runs_of.get(pipeline, ())))
            runs = [run for run in known if run is not None]
            # A stream that is at work is as good as a load that succeeded: it never says so.
            since = max([since, *(run.started_at or 0.0 for run in runs if _streams(run))])
            count = sum(_has_failed(run, since) for run in runs)
            self._failures[pipeline] = count
        return count

    def _succeeded(self, pipeline: str, started_at: float | None, finished_at: float | None) -> None:
        if started_at is None or finished_at is None:
            return
        known = self._successes.get(pipeline)
        if known is None or known[1] < finished_at:
            self._successes[pipeline] = (started_at, finished_at)


def _pipeline(resource: Manifest) -> PipelineStanding:
    spec, status = resource.get("spec") or {}, resource.get("status") or {}
    return PipelineStanding(
        name=resource["metadata"]["name"],
        phase=intern(str(status.get("phase") or Phase.IDLE.value)),
        is_incremental=spec.get("mode", "full") == Mode.INCREMENTAL,
        is_held=bool(spec.get("suspend")) or not spec.get("enabled", True),
    )


def _run(resource: Manifest) -> RunStanding:
    spec, status = resource.get("spec") or {}, resource.get("status") or {}
    return RunStanding(
        pipeline=str(spec.get("pipeline", "")),
        owner=owner_uid(resource),
        kind=intern(str(spec.get("kind") or RunKind.LOAD.value)),
        phase=intern(str(status.get("phase") or RunPhase.PENDING.value)),
        started_at=_seconds(status.get("startedAt")),
        finished_at=_seconds(status.get("finishedAt")),
        is_stream=bool(status.get("stream")),
    )


def _seconds(text: str | None) -> float | None:
    moment = from_text(text)
    return None if moment is None else moment.timestamp()


def _has_failed(run: RunStanding, since: float) -> bool:
    return run.phase == RunPhase.FAILED and run.kind in _LOADS and (run.finished_at or 0.0) > since


def _streams(run: RunStanding) -> bool:
    return run.is_stream and run.phase == RunPhase.RUNNING
