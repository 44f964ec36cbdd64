"""The operator's clock is stepped: what was due runs once, whatever the clock says afterwards.

On a real API server, in a namespace without an operator: the test looks at the schedule itself, by a clock of its own.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.e2e.scheduling.books import books

from headrace.cluster import Cluster
from headrace.errors import ConflictError
from headrace.names import PIPELINE_PLURAL, RUN_PLURAL, SCHEDULE_PLURAL
from headrace_operator.index import Index
from headrace_operator.scheduling.due import RunMaker
from headrace_operator.scheduling.schedules import Schedules
from headrace_operator.scheduling.skips import Skips
from headrace_operator.writes.events import Teller
from headrace_operator.writes.keeping import Keeper


@dataclass
class Site:
    """A namespace, and operators that look when they are told to."""

    cluster: Cluster
    now: datetime = field(default_factory=lambda: datetime.fromisoformat("2000-01-01T00:00:00Z"))

    def operator(self) -> tuple[Schedules, Index]:
        """An operator as it is after its start, before any event."""
        index = Index()
        keeper, maker = (
            Keeper(self.cluster, index),
            RunMaker(self.cluster, index, installation="default", wake=lambda _: None),
        )
        skips = Skips(Teller(self.cluster))
        looks = Schedules(
            cluster=self.cluster, keeper=keeper, maker=maker, skips=skips, index=index, clock=lambda: self.now
        )
        return looks, index

    async def learn(self, index: Index) -> None:
        """What a first sweep does."""
        for plural in (PIPELINE_PLURAL, RUN_PLURAL, SCHEDULE_PLURAL):
            for resource in (await self.cluster.list(plural)).items:
                index.put(plural, resource)

    async def schedule(self, **spec: Any) -> str:
        """A pipeline with a schedule of 10 s intervals; the clock stands at its creation."""
        name = f"s-{uuid.uuid4().hex[:8]}"
        pipeline = {"name": name, "targetTable": "analytics.t", "sourceQuery": "SELECT 1 AS id"}
        await self.cluster.create(PIPELINE_PLURAL, manifest("EtlPipeline", name, pipeline))
        wanted = {"pipeline": name, "kind": "INTERVAL", "expression": "10s", "maxConcurrency": 100, **spec}
        made = await self.cluster.create(SCHEDULE_PLURAL, manifest("EtlSchedule", name, wanted))
        self.now = datetime.fromisoformat(made["metadata"]["creationTimestamp"])
        return name

    async def fault(self, name: str) -> str:
        """What is wrong with the books of a schedule."""
        schedule = await self.cluster.get(SCHEDULE_PLURAL, name)
        runs = await self.cluster.list(RUN_PLURAL, field_selector=f"spec.schedule={name}")
        self.due = books(schedule, runs.items)
        return self.due.fault


def manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "headrace.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.fixture
async def site(world) -> AsyncIterator[Site]:
    name = f"clock-{uuid.uuid4().hex[:8]}"
    world.kubectl.run("create", "namespace", name)
    cluster = await Cluster.connect(namespace=name, kubeconfig=world.status.kubeconfig)
    yield Site(cluster)
    await cluster.close()
    world.kubectl.run("delete", "namespace", name, "--wait=false")


STEPS = {
    "back by 25 s again and again": [12, 12, -25, 10, 10, -25, 30, 10],
    "back to before the creation": [31, -3600, 10, 3595, 10],
    "an hour ahead and back": [10, 3600, 10, -3600, 10, 10],
    "small steps both ways": [5, -3, 6, -4, 9, -9, 10, -10, 20, -5, 5, -5, 5],
}


@pytest.mark.parametrize("catch_up", ["all", "last", "none"])
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS.keys())
async def test_a_due_time_runs_once_wherever_the_clock_goes(site, steps, catch_up):
    name = await site.schedule(catchUp=catch_up)
    looks, index = site.operator()
    await site.learn(index)
    for step in steps:
        site.now += timedelta(seconds=step)
        for _ in range(8):
            wait = await looks.look(name)
            if wait is None or wait > 1:
                break
        assert await site.fault(name) == ""
    assert site.due.ran
    if catch_up == "all" and max(steps) < 3600:
        assert site.due.missed == 0


async def until_it_is_seen(looks, name):
    """Looks until what was seen is the newest, as a worker does."""
    for _ in range(4):
        with suppress(ConflictError):
            return await looks.look(name)
    raise AssertionError("what was seen stays old")


async def test_two_operators_that_know_nothing_of_each_other_make_each_run_once(site):
    """Each with a view of its own, which no event ever corrects: only conflicts do."""
    name = await site.schedule(catchUp="all")
    pair = [site.operator() for _ in range(2)]
    for _, index in pair:
        await site.learn(index)
    for turn in range(6):
        site.now += timedelta(seconds=10)
        for looks, _ in pair[:: 1 if turn % 2 else -1]:
            await until_it_is_seen(looks, name)
        assert await site.fault(name) == ""
    assert len(site.due.ran) >= 5
    assert site.due.missed == 0
