"""Backfills: runs for the due times of a range, so many at once."""

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import UnavailableError
from headrace.lifecycle.due_runs import Cause, DueTime
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace.model.backfill import BackfillStatus
from headrace.model.conditions import ConditionType, Reason, condition, merge
from headrace.model.times import to_text
from headrace.schedules.backfill import BackfillPlan, is_done, plan_backfill
from headrace.schedules.backfill_seen import BackfillSeen, RunSeen
from headrace.store.store import Store
from headrace_operator.index import Index
from headrace_operator.scheduling.backfill_sights import bounds, read_backfill, runs_seen
from headrace_operator.scheduling.due import RunMaker
from headrace_operator.writes.keeping import Keeper, is_doomed

AWAY_SECONDS = 5.0
"""While the store is away: which due times have a run is its to say."""
_log = logger(__name__)


class Backfills:
    """Looks at backfills."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: Store,
        keeper: Keeper,
        maker: RunMaker,
        index: Index,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster, self._store = cluster, store
        self._keeper, self._maker, self._index, self._clock = keeper, maker, index, clock

    async def look(self, name: str) -> float | None:
        """Makes as many runs as it may; the seconds until more can be done, None: when a run ends."""
        known = self._index.named(names.BACKFILL_PLURAL, name)
        if known is None or self.is_settled(known):
            return None
        backfill = await self._keeper.read_again(names.BACKFILL_PLURAL, known)
        if backfill is None or "deletionTimestamp" in backfill["metadata"]:
            return None
        schedule = self._index.named(names.SCHEDULE_PLURAL, backfill["spec"]["schedule"])
        if schedule is not None:
            if is_doomed(backfill, names.SCHEDULE_KIND, schedule):
                return None
            backfill = await self._keeper.adopt(
                names.BACKFILL_PLURAL, backfill, schedule, owner_plural=names.SCHEDULE_PLURAL
            )
        return await self._look(backfill, schedule)

    def is_settled(self, backfill: Manifest) -> bool:
        """Whether it has ended, as it was listed."""
        return is_done(read_backfill(backfill, None, now=self._clock()))

    async def _look(self, backfill: Manifest, schedule: Manifest | None) -> float | None:
        pipeline = self._pipeline(schedule)
        seen = read_backfill(backfill, schedule, now=self._clock(), has_pipeline=pipeline is not None)
        try:
            seen = dataclasses.replace(seen, runs=await self._runs(backfill, schedule, seen))
        except UnavailableError as error:
            if error.part == "kubernetes":
                raise
            await self._keeper.save(names.BACKFILL_PLURAL, backfill, waiting(seen))
            return AWAY_SECONDS
        decided = await _plan(seen)
        backfill = await self._keeper.save(names.BACKFILL_PLURAL, backfill, decided.status)
        if schedule is None or pipeline is None or not decided.create:
            return None
        after = await self._run(pipeline, schedule, backfill, seen, decided)
        await self._keeper.save(names.BACKFILL_PLURAL, backfill, after.status)
        return 0.0 if after.create else None

    def _pipeline(self, schedule: Manifest | None) -> Manifest | None:
        pipeline = self._index.named(names.PIPELINE_PLURAL, schedule["spec"]["pipeline"]) if schedule else None
        return None if pipeline is None or "deletionTimestamp" in pipeline["metadata"] else pipeline

    async def _runs(self, backfill: Manifest, schedule: Manifest | None, seen: BackfillSeen) -> tuple[RunSeen, ...]:
        """The store is asked last: a run that is pruned meanwhile is in its answer."""
        within = bounds(seen)
        if schedule is None or within is None:
            return ()
        name = schedule["metadata"]["name"]
        there = await self._cluster.list(names.RUN_PLURAL, field_selector=f"spec.schedule={name}")
        stored = await self._store.runs_of_schedule(seen.schedule_uid, *within)
        own = await self._store.runs_of_backfill(seen.uid)
        return runs_seen(backfill, schedule, there.items, stored, own)

    async def _run(
        self, pipeline: Manifest, schedule: Manifest, backfill: Manifest, seen: BackfillSeen, decided: BackfillPlan
    ) -> BackfillPlan:
        """Makes the runs; what is so afterwards."""
        made = []
        for each in decided.create:
            due, cause = DueTime(each.due_at, each.interval_start), Cause(backfill=backfill, retry=each.retry)
            is_new = await self._maker.make(pipeline, schedule, due, now=self._clock(), cause=cause)
            made.append(RunSeen(name=each.name, ours=is_new))
        return await _plan(dataclasses.replace(seen, status=decided.status, runs=(*seen.runs, *made)))


async def _plan(seen: BackfillSeen) -> BackfillPlan:
    """In a thread: of 100,000 due times it takes a second, and schedules are not to wait for that."""
    return await asyncio.to_thread(plan_backfill, seen)


def waiting(seen: BackfillSeen) -> BackfillStatus:
    """The status while the store is away; what was counted before stays."""
    message = "which due times have a run is not known while the store's Postgres can't be reached"
    ready = condition(
        ConditionType.READY,
        None,
        Reason.WAITING_FOR_STORE,
        message,
        now=to_text(seen.now),
        generation=seen.generation,
    )
    others = [each for each in seen.status.conditions if each.type != ready.type]
    return seen.status.model_copy(update={"conditions": [*merge(seen.status.conditions, [ready]), *others]})
