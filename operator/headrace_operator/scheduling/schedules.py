"""Schedules: what is due is put on record in the status, and only then run."""

import dataclasses
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import ConflictError
from headrace.lifecycle.due_runs import DueTime
from headrace.manifests import Manifest
from headrace.model.times import from_text
from headrace.schedules.observed import RunOfDue, ScheduleSeen
from headrace.schedules.plan import SchedulePlan, plan_schedule
from headrace_operator.figures import metrics
from headrace_operator.index import Index
from headrace_operator.scheduling.due import RunMaker
from headrace_operator.scheduling.sights import belongs, read_schedule
from headrace_operator.scheduling.skips import Skips
from headrace_operator.writes.keeping import Keeper, is_doomed

_SOONEST = 0.02
"""Seconds: a timer may come a little early."""


class Schedules:
    """Looks at schedules.

    A look at one that nothing is due of asks nobody: it begins with what the watch told. Whatever is decided from that
    is saved first, which fails where the copy is old.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        keeper: Keeper,
        maker: RunMaker,
        skips: Skips,
        index: Index,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster, self._keeper, self._maker = cluster, keeper, maker
        self._skips, self._index, self._clock = skips, index, clock

    async def look(self, name: str) -> float | None:
        """Makes the runs that are due; the seconds until the next one is."""
        schedule = self._index.named(names.SCHEDULE_PLURAL, name)
        if schedule is None or "deletionTimestamp" in schedule["metadata"]:
            return None
        try:
            return await self._look(schedule)
        except ConflictError:
            await self._keeper.read_again(names.SCHEDULE_PLURAL, schedule)
            raise

    def is_settled(self, schedule: Manifest) -> bool:
        """Whether a schedule, as it was listed, waits for nothing but its next due time."""
        status = schedule.get("status") or {}
        next_run_at = from_text(status.get("nextRunAt"))
        return (
            status.get("observedGeneration") == schedule["metadata"].get("generation")
            and not status.get("waiting")
            and (next_run_at is None or next_run_at > self._clock())
        )

    async def _look(self, schedule: Manifest) -> float | None:
        pipeline = self._index.named(names.PIPELINE_PLURAL, schedule["spec"]["pipeline"])
        if pipeline is not None:
            if is_doomed(schedule, names.PIPELINE_KIND, pipeline):
                return None
            schedule = await self._keeper.adopt(
                names.SCHEDULE_PLURAL, schedule, pipeline, owner_plural=names.PIPELINE_PLURAL
            )
        seen, decided = await self._decide(schedule, pipeline)
        saved = await self._keeper.save(names.SCHEDULE_PLURAL, schedule, decided.status)
        await self._skips.tell(schedule, decided.skipped, now=seen.now)
        if decided.create and pipeline is not None:
            if saved is schedule:
                await self._confirm(saved)
            decided = await self._run(pipeline, saved, seen, decided)
            await self._keeper.save(names.SCHEDULE_PLURAL, saved, decided.status)
        if decided.wake_at is None:
            return None
        return max(_SOONEST, (decided.wake_at - self._clock()).total_seconds())

    async def _decide(self, schedule: Manifest, pipeline: Manifest | None) -> tuple[ScheduleSeen, SchedulePlan]:
        """From what the watch told; where that would make a run, from the runs that are there."""
        name = schedule["metadata"]["name"]
        seen = self._seen(schedule, pipeline, self._index.find(names.RUN_PLURAL, "spec.schedule", name))
        decided = plan_schedule(seen)
        if decided.create:
            there = await self._cluster.list(names.RUN_PLURAL, field_selector=f"spec.schedule={name}")
            seen = self._seen(schedule, pipeline, there.items)
            decided = plan_schedule(seen)
        return seen, decided

    def _seen(self, schedule: Manifest, pipeline: Manifest | None, runs: Iterable[Manifest]) -> ScheduleSeen:
        own = [run for run in runs if belongs(run, names.SCHEDULE_LABEL, schedule)]
        return read_schedule(schedule, pipeline, own, now=self._clock())

    async def _confirm(self, schedule: Manifest) -> None:
        """Raises ConflictError where the schedule is not the newest: nothing was saved that would have told."""
        now = await self._cluster.get(names.SCHEDULE_PLURAL, schedule["metadata"]["name"])
        if now is None or now["metadata"]["resourceVersion"] != schedule["metadata"]["resourceVersion"]:
            raise ConflictError("the schedule has moved on")

    async def _run(
        self, pipeline: Manifest, schedule: Manifest, seen: ScheduleSeen, decided: SchedulePlan
    ) -> SchedulePlan:
        """Makes the runs; what is so afterwards."""
        for each in decided.create:
            due = DueTime(each.due_at, each.interval_start)
            if await self._maker.make(pipeline, schedule, due, now=self._clock()):
                lag = self._clock() - due.due_at - seen.delay
                metrics.SCHEDULE_LAG.observe(max(0.0, lag.total_seconds()))
        made = tuple(RunOfDue(due_at=each.due_at) for each in decided.create)
        return plan_schedule(dataclasses.replace(seen, status=decided.status, runs=(*seen.runs, *made)))
