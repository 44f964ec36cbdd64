"""Runs for due times of the past: the last so many at once, and those of a range by an EtlBackfill."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import ConflictError, InvalidError, NotFoundError
from headrace.lifecycle.due_runs import DueTime, due_run
from headrace.lifecycle.readings import created_at
from headrace.manifests import owner
from headrace.model.backfill import BackfillSpec, Order
from headrace.model.times import to_text
from headrace.schedules.due import last_due, previous_due
from headrace.store.store import Store
from headrace_api import times
from headrace_api.auth.rights import CREATE, RUNS, Right
from headrace_api.manifests import new_manifest
from headrace_api.resources import Resources
from headrace_api.services.schedules import FoundSchedule, Schedules
from headrace_api.translate.schedules import check_runs, fields_of, timing

_AT_ONCE = 10
_ATTEMPTS = 5
_INSTANT = timedelta(microseconds=1)
_NAME_LENGTH, _RETRY_LIMIT = 54, 100


class Backfiller:
    """Asks for runs for due times of the past. A due time that has a run gets no second one."""

    def __init__(
        self,
        resources: Resources,
        store: Store,
        *,
        installation: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._resources = resources
        self._schedules = Schedules(resources, installation=installation)
        self._store = store
        self._installation = installation
        self._clock = clock

    async def last(self, schedule_id: str, count: int) -> list[dict[str, Any]]:
        """Runs for the last `count` due times before now, oldest first. To call it again is harmless."""
        await self._resources.require(Right(CREATE, RUNS))
        found = await self._schedules.find(schedule_id)
        pipeline = _runnable(found)
        due_times = await asyncio.to_thread(_last, found.schedule, self._clock(), count)
        has = await self._runs_of(found.schedule, due_times)
        made = await self._create(pipeline, found.schedule, [due for due in due_times if due.due_at not in has])
        return [
            {
                "due_at": times.show(due.due_at),
                "run_id": has.get(due.due_at) or made[due.due_at][0],
                "created": due.due_at in made and made[due.due_at][1],
            }
            for due in due_times
        ]

    async def between(self, schedule_id: str, asked: Mapping[str, Any]) -> tuple[Manifest, str]:
        """Makes an EtlBackfill for a range; returns it and the schedule's id."""
        found = await self._schedules.find(schedule_id)
        pipeline = _runnable(found)
        start, end = _range(asked)
        spec = BackfillSpec(
            schedule=found.name,
            from_=to_text(start),
            to=to_text(end),
            order=Order(asked["order"]),
            parallelism=asked["parallelism"],
            rerun=asked["rerun"],
        )
        name = f"{names.slug(pipeline['spec']['name'])[:_NAME_LENGTH].strip('-') or 'b'}-{secrets.token_hex(4)}"
        body = new_manifest(names.BACKFILL_KIND, name, spec.manifest(), self._installation)
        owned_by = found.schedule["metadata"]
        body["metadata"]["ownerReferences"] = [owner(names.SCHEDULE_KIND, owned_by["name"], owned_by["uid"])]
        return await self._resources.backfills.create(body), found.id

    async def all(self, schedule_id: str) -> list[Manifest]:
        """The schedule's backfills of ranges; NotFoundError."""
        found = await self._schedules.find(schedule_id)
        await self._resources.backfills.freshen()
        return [b for b in self._resources.backfills.with_key(found.name) if _is_owned_by(b, found.schedule)]

    async def find(self, schedule_id: str, backfill_id: str) -> Manifest:
        """One of them, live; NotFoundError."""
        found = await self._schedules.find(schedule_id)
        backfill = await self._resources.backfills.find(backfill_id)
        if backfill["spec"]["schedule"] != found.name or not _is_owned_by(backfill, found.schedule):
            raise NotFoundError(self._resources.backfills.missing)
        return backfill

    async def change(self, schedule_id: str, backfill_id: str, sent: Mapping[str, Any]) -> Manifest:
        """Changes the fields that were sent; NotFoundError."""
        backfill = await self.find(schedule_id, backfill_id)
        if sent.get("retry", _RETRY_LIMIT) < backfill["spec"].get("retry", 0):
            raise InvalidError("retry can only be raised", field="retry")
        return await self._resources.backfills.patch(backfill, {"spec": dict(sent)}) if sent else backfill

    async def _runs_of(self, schedule: Manifest, due_times: Iterable[DueTime]) -> dict[datetime, str]:
        """The id of the latest run of each of these due times that has one.

        The store is asked last: it knows what was pruned, also what is pruned between the two questions.
        """
        wanted = {due.due_at for due in due_times}
        runs = await self._resources.runs.where("spec.schedule", schedule["metadata"]["name"])
        rows = await self._store.runs_due(schedule["metadata"]["uid"], sorted(wanted))
        has = {row.due_at: row.run_id for row in rows}
        for run in sorted(runs, key=created_at):
            due_at = times.parse(run["spec"].get("dueAt"))
            if due_at in wanted and due_at is not None and _is_of(run, schedule):
                has[due_at] = run["metadata"]["uid"]
        return has

    async def _create(
        self, pipeline: Manifest, schedule: Manifest, due_times: list[DueTime]
    ) -> dict[datetime, tuple[str, bool]]:
        """The id of the run of each, and whether it was made here; the oldest is there before any other."""
        made: dict[datetime, tuple[str, bool]] = {}
        moments = _moments(self._clock)

        async def work(waiting: Iterator[DueTime]) -> None:
            for due in waiting:
                body = due_run(pipeline, schedule, due, installation=self._installation, now=next(moments))
                made[due.due_at] = await self._ask(body)

        await work(iter(due_times[:1]))
        waiting = iter(due_times[1:])
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(work(waiting))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return made

    async def _ask(self, body: Manifest) -> tuple[str, bool]:
        """The id of the run, and whether it was made here: where its name is taken the due time has it."""
        for _ in range(_ATTEMPTS):
            try:
                return str((await self._resources.runs.create(body))["metadata"]["uid"]), True
            except ConflictError:
                run = await self._resources.runs.named(body["metadata"]["name"])
                if run is not None:
                    return str(run["metadata"]["uid"]), False
                # It was removed in between.
        raise ConflictError("Schedule's runs are being changed by somebody else; try again")


def _last(schedule: Manifest, now: datetime, count: int) -> list[DueTime]:
    due_times = last_due(timing(schedule), now, count)
    if not due_times:
        return []
    starts = (previous_due(timing(schedule), due_times[0]), *due_times)
    return [DueTime(due_at, start) for due_at, start in zip(due_times, starts, strict=False)]


def _moments(clock: Callable[[], datetime]) -> Iterator[datetime]:
    """The present, again and again, always later: runs are begun in the order in which they were asked for."""
    moment = clock()
    while True:
        yield moment
        moment = max(clock(), moment + _INSTANT)


def _runnable(found: FoundSchedule) -> Manifest:
    """The pipeline; what it or its query has become since may leave nothing to run."""
    if found.pipeline is None:
        raise ConflictError("Cannot run it: the schedule's pipeline does not exist")
    check_runs(fields_of(found.schedule), found.pipeline)
    return found.pipeline


def _is_owned_by(backfill: Manifest, schedule: Manifest) -> bool:
    """Not left over from a namesake that was deleted."""
    owners = backfill["metadata"].get("ownerReferences") or []
    uids = {reference["uid"] for reference in owners if reference.get("kind") == names.SCHEDULE_KIND}
    return not uids or schedule["metadata"]["uid"] in uids


def _is_of(run: Manifest, schedule: Manifest) -> bool:
    """Not of a namesake that was deleted."""
    labels = run["metadata"].get("labels") or {}
    uid = str(schedule["metadata"]["uid"])
    return bool(labels.get(names.SCHEDULE_LABEL, uid) == uid)


def _range(asked: Mapping[str, Any]) -> tuple[datetime, datetime]:
    start, end = asked["from_"], asked["to"]
    for name, moment in (("from", start), ("to", end)):
        if moment is None:
            raise InvalidError(f"{name} is missing: give from and to, or count", field=name)
    if start >= end:
        raise InvalidError("to must be after from", field="to")
    return start, end
