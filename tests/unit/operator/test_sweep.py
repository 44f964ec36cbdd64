"""The sweep notices what no event told, and ends the process when that happens again and again."""

import asyncio
from typing import Any

import pytest

from headrace import names
from headrace.cluster import Listing
from headrace_operator.index import Index
from headrace_operator.manifests import SOURCE_ANNOTATION
from headrace_operator.pipelines.departed import Departed
from headrace_operator.pipelines.slots import Slots
from headrace_operator.queues.workqueue import WorkQueue
from headrace_operator.scheduling.scheduler import Scheduler
from headrace_operator.settings import Settings
from headrace_operator.sweep import BLIND_AFTER, BlindError, Sweep


def resource(uid: str, version: int, **spec: Any) -> dict[str, Any]:
    metadata = {
        "name": f"name-{uid}",
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 1,
    }
    return {"metadata": metadata, "spec": spec, "status": {"observedGeneration": 1, "phase": "SUCCESS"}}


def end(uid: str) -> dict[str, Any]:
    """The default source or destination."""
    made = resource(uid, 1, name="default", host=f"{uid}.example", database="films")
    return made | {"metadata": made["metadata"] | {"name": "default"}, "status": {}}


class Place:
    """What is there, as a cluster lists it."""

    def __init__(self) -> None:
        self.pipelines = [resource("p", 1, name="Films")]
        self.runs: list[dict[str, Any]] = []
        self.schedules: list[dict[str, Any]] = []
        self.pods: list[dict[str, Any]] = []
        self.sources = [end("source")]
        self.destinations = [end("destination")]

    async def list_pods(self, *, label_selector: str) -> Listing:
        of_all = "app.kubernetes.io/managed-by=headrace,headrace.dev/installation=default"
        of_run = label_selector.removeprefix("headrace.dev/run=")
        all_of_them = label_selector == of_all
        return Listing([p for p in self.pods if all_of_them or p["metadata"]["labels"][names.RUN_LABEL] == of_run], "1")

    async def list_jobs(self, *, label_selector: str) -> Listing:
        return Listing([], "1")

    async def list(self, plural: str) -> Listing:
        there = {
            names.PIPELINE_PLURAL: self.pipelines,
            names.RUN_PLURAL: self.runs,
            names.SCHEDULE_PLURAL: self.schedules,
            names.SOURCE_PLURAL: self.sources,
            names.DESTINATION_PLURAL: self.destinations,
        }
        return Listing(list(there.get(plural, [])), "1")


@pytest.fixture
def place() -> Place:
    return Place()


class Previews:
    """Hears what is listed."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, list[str]]] = []
        self.at_work = {"preview": "films"}

    def learn(self, runs: Any) -> None:
        self.heard.append(("learn", [run["metadata"]["uid"] for run in runs]))

    def swept(self, runs: Any) -> None:
        self.heard.append(("swept", [run["metadata"]["uid"] for run in runs]))


@pytest.fixture
def previews() -> Previews:
    return Previews()


@pytest.fixture
def forgotten() -> list[tuple[str, str]]:
    return []


@pytest.fixture
async def sweep(
    place: Place, forgotten: list[tuple[str, str]], previews: Previews, monkeypatch: pytest.MonkeyPatch
) -> Sweep:
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    queue, index, settings = WorkQueue(), Index(), Settings()
    slots = Slots(10, queue.add, bound_of=index.connections_for_runs)
    made = Sweep(
        cluster=place,  # type: ignore[arg-type]
        index=index,
        slots=slots,
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
        previews=previews,
        departed=Departed(place, slots, grace_seconds=5),  # type: ignore[arg-type]
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


def waiting(**changes: Any) -> dict[str, Any]:
    """A run that has been looked at, and waits."""
    made = resource("r", 5, pipeline="name-p")
    return made | {"status": {"observedGeneration": 1, "phase": "PENDING"} | changes}


RUNS = {
    "a run that waits": (waiting(), 90, False),
    "a run that waits for something that wakes it": (waiting(), None, True),
    "a run that waits and looks much later": (waiting(), 3600, True),
    "a run that was edited": (waiting(observedGeneration=0), 90, True),
    "a run at work": (waiting(job={"active": True}), 90, True),
    "a run that is over": (waiting(phase="SUCCESS"), None, False),
}


@pytest.mark.parametrize(("run", "due", "looks"), RUNS.values(), ids=RUNS)
async def test_runs_that_wait_and_look_by_themselves_soon_are_not_looked_at_by_each_sweep(
    sweep, place, run, due, looks
):
    place.runs = [run]
    queue = sweep._queue = WorkQueue()
    if due is not None:
        queue.add("name-p", delay=due)
    await sweep.once()
    assert queue.is_due_within("name-p", 1) is looks


ENDS = {
    "all is well": ("Valid", {}, False),
    "its source has gone": ("Valid", {"sources": []}, True),
    "its destination has gone": ("Valid", {"destinations": []}, True),
    "its source is missing": ("SourceMissing", {"sources": []}, False),
    "its source has come": ("SourceMissing", {}, True),
    "its destination has come": ("DestinationMissing", {}, True),
    "its source is missing now": ("DestinationMissing", {"sources": [], "destinations": []}, True),
}


@pytest.mark.parametrize(("reason", "place_is", "wrong"), ENDS.values(), ids=ENDS)
async def test_a_pipeline_that_tells_what_is_so_no_more_of_its_ends_is_looked_at(sweep, place, reason, place_is, wrong):
    for name in {"sources", "destinations"} & place_is.keys():
        for known in getattr(place, name):
            sweep._index.remove(f"etl{name}", known["metadata"]["uid"])
    (pipeline,) = place.pipelines
    pipeline["spec"] |= {"targetTable": "analytics.films"}
    pipeline["status"]["conditions"] = [{"type": "Ready", "reason": reason}]
    assert sweep._is_mistaken(pipeline) is wrong


async def test_a_preview_is_of_no_pipeline_and_is_left_to_those_who_look_after_previews(sweep, place, previews):
    previews.heard.clear()
    place.runs = [resource("r", 5, kind="Preview"), resource("empty", 6, kind="Preview", pipeline="")]
    for run in place.runs:
        run["status"] = {}
    await sweep.first()
    assert previews.heard == [("learn", ["r", "empty"]), ("swept", ["r", "empty"])]
    assert sweep.unsettled() == []
    assert sweep._index.standings.run("r") is None


async def test_the_first_one_learns_which_pods_have_a_connection_besides_those_of_runs_at_work(sweep, place):
    place.sources[0]["spec"]["maxConnections"] = 9
    place.sources[0]["metadata"]["resourceVersion"] = "2"
    at_work = resource("run", 5, pipeline="name-p")
    at_work["status"] = {"phase": "RUNNING", "job": {"active": True}}
    place.runs = [at_work]
    annotations = {SOURCE_ANNOTATION: "default"}
    place.pods = [
        {"metadata": {"labels": {names.RUN_LABEL: uid}, "annotations": annotations}, "status": {"phase": "Running"}}
        for uid in ("run", "preview", "gone")
    ]
    await sweep.first()
    assert sweep._slots.source_use("default", "name-p").elsewhere == 1
    assert sweep._slots.source_use("default", "").elsewhere == 2


async def test_a_sweep_wakes_schedules_that_are_behind_and_the_first_one_all(sweep, place):
    """A timer that was lost, or set by a clock that has been moved since."""
    behind, ahead = (resource(uid, 1, pipeline="name-p") for uid in ("behind", "ahead"))
    behind["status"]["nextRunAt"], ahead["status"]["nextRunAt"] = "2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
    place.schedules = [behind, ahead]
    await sweep.once()
    assert len(sweep._scheduler._due) == 1
    await sweep.first()
    assert len(sweep._scheduler._due) == 2
