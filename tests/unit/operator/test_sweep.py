"""The sweep notices what no event told, and ends the process when that happens again and again."""

import asyncio
from typing import Any

import pytest

from headrace import names
from headrace.cluster import Listing
from headrace_operator.index import Index
from headrace_operator.scheduling.scheduler import Scheduler
from headrace_operator.settings import Settings
from headrace_operator.slots import Slots
from headrace_operator.sweep import BLIND_AFTER, BlindError, Sweep
from headrace_operator.workqueue import WorkQueue


def resource(uid: str, version: int, **spec: Any) -> dict[str, Any]:
    metadata = {
        "name": f"name-{uid}",
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 1,
    }
    return {"metadata": metadata, "spec": spec, "status": {"observedGeneration": 1, "phase": "SUCCESS"}}


class Place:
    """What is there, as a cluster lists it."""

    def __init__(self) -> None:
        self.pipelines = [resource("p", 1, name="Films")]
        self.runs: list[dict[str, Any]] = []
        self.schedules: list[dict[str, Any]] = []

    async def list(self, plural: str) -> Listing:
        there = {
            names.PIPELINE_PLURAL: self.pipelines,
            names.RUN_PLURAL: self.runs,
            names.SCHEDULE_PLURAL: self.schedules,
        }
        return Listing(list(there.get(plural, [])), "1")


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def forgotten() -> list[tuple[str, str]]:
    return []


@pytest.fixture
async def sweep(place: Place, forgotten: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Sweep:
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    queue, index, settings = WorkQueue(), Index(), Settings()
    made = Sweep(
        cluster=place,  # type: ignore[arg-type]
        index=index,
        slots=Slots(10, queue.add),
        queue=queue,
        settings=settings,
        forget=lambda name, uid: forgotten.append((name, uid)),
        scheduler=Scheduler(
            cluster=place,  # type: ignore[arg-type]
            store=None,  # type: ignore[arg-type]
            index=index,
            settings=settings,
            wake=queue.add,
        ),
    )
    await made.first()
    return made


async def test_a_quiet_place_is_never_blind(sweep):
    for _ in range(10):
        await sweep.once()


async def test_a_change_that_an_event_may_still_tell_is_given_a_sweep(sweep, place):
    for version in range(2, 10):
        place.pipelines = [resource("p", version, name="Films")]
        await sweep.once()
        sweep._index.put(names.PIPELINE_PLURAL, place.pipelines[0])


async def test_changes_that_nobody_tells_end_the_process(sweep, place):
    async def sweeps() -> None:
        for version in range(2, 2 + 2 * BLIND_AFTER + 2):
            place.pipelines += [resource(f"new-{version}", version, name=f"Films {version}")]
            await sweep.once()

    with pytest.raises(BlindError):
        await sweeps()


async def test_a_pipeline_whose_deletion_nobody_told_is_forgotten(sweep, place, forgotten):
    place.pipelines = []
    await sweep.once()
    assert forgotten == []
    await sweep.once()
    assert forgotten == [("name-p", "p")]


async def test_a_run_that_nobody_told_of_is_looked_at(sweep, place):
    waiting = resource("r", 5, pipeline="name-p")
    waiting["status"] = {}
    place.runs = [waiting]
    handled: list[str] = []
    looking = asyncio.Event()

    async def handle(name: str) -> None:
        handled.append(name)
        looking.set()

    await sweep.once()
    working = asyncio.create_task(sweep._queue.work(handle))
    await asyncio.wait_for(looking.wait(), 5)
    working.cancel()
    assert handled == ["name-p"]


async def test_a_sweep_wakes_schedules_that_are_behind_and_the_first_one_all(sweep, place):
    """A timer that was lost, or set by a clock that has been moved since."""
    behind, ahead = (resource(uid, 1, pipeline="name-p") for uid in ("behind", "ahead"))
    behind["status"]["nextRunAt"], ahead["status"]["nextRunAt"] = "2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
    place.schedules = [behind, ahead]
    await sweep.once()
    assert len(sweep._scheduler._due) == 1
    await sweep.first()
    assert len(sweep._scheduler._due) == 2
