"""Lists everything from time to time: what no event told is found, and a blind watch is noticed."""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from pydantic import ValidationError

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import HeadraceError
from headrace.lifecycle.moves import LONGEST_PAUSE
from headrace.lifecycle.observed import Observed
from headrace.lifecycle.plan import plan
from headrace.lifecycle.readings import owner_uid, read_pipeline, read_run
from headrace.lifecycle.state import FINAL
from headrace.logs import logger
from headrace.manifests import Manifest, selector
from headrace.model.conditions import ConditionType, Reason
from headrace.model.pipeline import destination_name, source_name
from headrace_operator.figures import metrics
from headrace_operator.index import KINDS, Index
from headrace_operator.pipelines.departed import Departed
from headrace_operator.pipelines.observe import ends_of, project_exists
from headrace_operator.pipelines.slots import Slots
from headrace_operator.queues.workqueue import WorkQueue
from headrace_operator.scheduling.scheduler import Scheduler
from headrace_operator.settings import Settings

BLIND_AFTER = 3
"""So many sweeps in a row that find what no event told: the watch is dead, and the process ends."""
SOON_SECONDS = 2 * LONGEST_PAUSE.total_seconds()
_BREATH = 50
"""Pipelines that are planned before others get a turn."""
_HAS_OLDER: dict[str | None, bool] = {Reason.VALID: False, Reason.DUPLICATE_NAME: True}
_MISSING = frozenset({Reason.SOURCE_MISSING, Reason.DESTINATION_MISSING})
_EXISTS: dict[str | None, bool] = {Reason.PROJECT_EXISTS: True, Reason.PROJECT_MISSING: False}
"""What a reason of a condition says."""
_log = logger(__name__)


class BlindError(HeadraceError):
    """Events do not reach us any more: only a new process helps."""


class Previews(Protocol):
    """Runs of no pipeline, which look after themselves."""

    @property
    def at_work(self) -> Mapping[str, str]:
        """Those that have their turn, by uid."""

    def learn(self, runs: Sequence[Manifest]) -> None:
        """Takes note of those that are at work when this process begins."""

    def swept(self, runs: Sequence[Manifest]) -> None:
        """Wakes those that there is something to do about."""


class Sweep:
    """Compares what is there with what was told."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        index: Index,
        slots: Slots,
        queue: WorkQueue,
        settings: Settings,
        forget: Callable[[str, str], None],
        scheduler: Scheduler,
        previews: Previews,
        departed: Departed,
    ) -> None:
        self._cluster, self._index, self._slots, self._queue = cluster, index, slots, queue
        self._settings, self._forget, self._scheduler = settings, forget, scheduler
        self._previews, self._departed = previews, departed
        self._blind = 0
        self._untold: set[tuple[str, str]] = set()
        self.last_success = time.monotonic()

    async def first(self) -> None:
        """Learns all that is there before anything is done: who is at work, who is called what."""
        listed = await self._list()
        for plural, resources in listed.items():
            for resource in resources:
                self._index.put(plural, resource)
        self._slots.learn(listed[names.RUN_PLURAL])
        self._previews.learn(listed[names.RUN_PLURAL])
        # After the runs: what has ended between the two lists is not counted.
        pods = await self._cluster.list_pods(label_selector=selector(self._settings.installation))
        self._departed.learn(pods.items, {*self._slots.runs, *self._previews.at_work})
        await self._enqueue(listed, everything=True)
        self.last_success = time.monotonic()

    async def run(self) -> None:
        """Sweeps for ever; raises BlindError when events do not come any more."""
        while True:
            await asyncio.sleep(self._settings.sweep_seconds)
            try:
                await self.once()
                metrics.SWEEPS.labels("ok").inc()
            except HeadraceError as error:
                if isinstance(error, BlindError):
                    raise
                metrics.SWEEPS.labels("error").inc()
                _log.warning("a sweep failed", error=error.message)

    async def once(self) -> None:
        """One sweep."""
        listed = await self._list()
        self._compare(listed)
        await self._enqueue(listed, everything=False)
        self._slots.wake_waiting()
        self.last_success = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the last complete sweep."""
        return time.monotonic() - self.last_success

    def unsettled(self) -> list[str]:
        """The pipelines, as last seen, of which a run is not over or not archived."""
        pipelines = self._index.all(names.PIPELINE_PLURAL)
        by_name: dict[str, list[Manifest]] = {}
        for run in self._index.all(names.RUN_PLURAL):
            by_name.setdefault(run["spec"].get("pipeline", ""), []).append(run)
        there = ((str(p["metadata"]["name"]), by_name.get(p["metadata"]["name"], [])) for p in pipelines)
        return [name for name, runs in there if not all(run["status"].get("archived") for run in runs)]

    async def _list(self) -> dict[str, list[Manifest]]:
        return {plural: (await self._cluster.list(plural)).items for plural in KINDS}

    def _compare(self, listed: dict[str, list[Manifest]]) -> None:
        """A version that no event had told a whole sweep ago was missed; a deletion likewise."""
        untold: set[tuple[str, str]] = set()
        for plural, resources in listed.items():
            untold.update(self._untold_versions(plural, resources))
            untold.update(self._untold_deletions(plural, {resource["metadata"]["uid"] for resource in resources}))
        missed = untold & self._untold
        metrics.MISSED.inc(len(missed))
        self._blind = self._blind + 1 if missed else 0
        self._untold = untold
        if self._blind >= BLIND_AFTER:
            raise BlindError(f"{len(missed)} changes were not told in {BLIND_AFTER} sweeps")

    def _untold_versions(self, plural: str, resources: list[Manifest]) -> Iterator[tuple[str, str]]:
        for resource in resources:
            uid, version = resource["metadata"]["uid"], resource["metadata"]["resourceVersion"]
            known = self._index.get(plural, uid)
            if known is not None and known["metadata"]["resourceVersion"] == version:
                continue
            if (uid, version) in self._untold:
                self._index.put(plural, resource)
            yield uid, version

    def _untold_deletions(self, plural: str, there: set[str]) -> Iterator[tuple[str, str]]:
        for resource in self._index.all(plural):
            uid, name = resource["metadata"]["uid"], resource["metadata"]["name"]
            if uid in there:
                continue
            if (uid, "") in self._untold:
                self._index.remove(plural, uid)
                if plural == names.PIPELINE_PLURAL:
                    self._forget(name, uid)
            yield uid, ""

    async def _enqueue(self, listed: dict[str, list[Manifest]], *, everything: bool) -> None:
        """Wakes those that a plan from these lists would do something about."""
        self._scheduler.swept(listed, everything=everything)
        by_name: dict[str, list[Manifest]] = {}
        for run in listed[names.RUN_PLURAL]:
            if run["spec"].get("pipeline"):
                by_name.setdefault(run["spec"]["pipeline"], []).append(run)
        self._previews.swept(listed[names.RUN_PLURAL])
        for i, pipeline in enumerate(listed[names.PIPELINE_PLURAL]):
            own = by_name.pop(pipeline["metadata"]["name"], [])
            unsettled = self._is_unsettled(pipeline, own) or self._is_mistaken(pipeline)
            if unsettled or (everything and self._has_work(pipeline, own)):
                self._queue.add(pipeline["metadata"]["name"])
            if i % _BREATH == 0:
                await asyncio.sleep(0)
        for name, orphans in by_name.items():
            if any((run.get("status") or {}).get("phase") not in FINAL for run in orphans):
                self._queue.add(name)

    def _is_unsettled(self, pipeline: Manifest, runs: list[Manifest]) -> bool:
        """Whether to look at it; where all wait, and look for what they wait for soon by themselves, they are let."""
        status, name = pipeline.get("status") or {}, pipeline["metadata"]["name"]
        if status.get("observedGeneration") != pipeline["metadata"].get("generation"):
            return True
        going = [run for run in runs if (run.get("status") or {}).get("phase") not in FINAL]
        if going and all(map(_is_at_rest, going)) and self._queue.is_due_within(name, SOON_SECONDS):
            return False
        return bool(status.get("activeRun") or going)

    def _is_mistaken(self, pipeline: Manifest) -> bool:
        """Whether its conditions tell of other pipelines or of its project what is so no more."""
        conditions = (pipeline.get("status") or {}).get("conditions") or []
        reasons = {c.get("type"): c.get("reason") for c in conditions}
        has_older = _HAS_OLDER.get(reasons.get(ConditionType.READY))
        if has_older is not None and has_older != (self._index.older_namesake(pipeline) is not None):
            return True
        ready = reasons.get(ConditionType.READY)
        if (has_older is False or ready in _MISSING) and (self._missing(pipeline) or Reason.VALID) != ready:
            return True
        exists = _EXISTS.get(reasons.get(ConditionType.PROJECT_FOUND))
        return bool(conditions) and exists != project_exists(self._index, pipeline)

    def _missing(self, pipeline: Manifest) -> Reason | None:
        """Which end of a pipeline is not there."""
        spec = pipeline.get("spec") or {}
        source = self._index.source(source_name(spec.get("source")))
        if source is None or source.deleting:
            return Reason.SOURCE_MISSING
        target = str(spec.get("targetTable") or "")
        destination = self._index.destination(destination_name(spec.get("destination"), target))
        return Reason.DESTINATION_MISSING if destination is None or destination.deleting else None

    def _has_work(self, pipeline: Manifest, runs: list[Manifest]) -> bool:
        uid = pipeline["metadata"]["uid"]
        observed = Observed(now=datetime.now(UTC), limits=self._settings.limits, pipeline=None)
        try:
            observed = dataclasses.replace(
                observed,
                pipeline=read_pipeline(pipeline),
                runs=tuple(read_run(run) for run in runs if owner_uid(run) in {None, uid}),
                older_namesake=self._index.older_namesake(pipeline),
                project_exists=project_exists(self._index, pipeline),
            )
            sources, destinations = ends_of(self._index, observed.pipeline, observed.runs)
            observed = dataclasses.replace(observed, sources=sources, destinations=destinations)
        except ValidationError:
            return True
        decided = plan(observed)
        return bool(decided.steps or decided.needs)


def _is_at_rest(run: Manifest) -> bool:
    """Whether a run has no pod; what has just been made or changed was not looked at yet, and is not known to be so."""
    status = run.get("status") or {}
    is_seen = status.get("observedGeneration") == run["metadata"].get("generation")
    return is_seen and not (status.get("job") or {}).get("active")
