"""A run that is deleted by hand has its connection to the source until its pod has ended."""

import asyncio
from typing import Any

import pytest

from headrace import names
from headrace.cluster import Listing
from headrace.errors import UnavailableError
from headrace.lifecycle.holds import Holds
from headrace_operator.manifests import SOURCE_ANNOTATION
from headrace_operator.pipelines.departed import LOOK_SECONDS, SLACK_SECONDS, Departed
from headrace_operator.pipelines.slots import Slots

pytestmark = pytest.mark.looptime
GRACE = 120
NOBODY: frozenset[str] = frozenset()


class Cluster:
    """What is left of a run: its Job, and pods in phases."""

    def __init__(self) -> None:
        self.job: dict[str, Any] | None = {"metadata": {"name": "etl-r-a1"}}
        self.away = False
        self.pods = ["Running"]
        self.of_run: str | None = "headrace.dev/run=r"

    async def list_jobs(self, *, label_selector: str) -> Listing:
        if self.away:
            raise UnavailableError("away", part="kubernetes")
        return Listing([self.job] if self.job else [], "1")

    async def list_pods(self, *, label_selector: str) -> Listing:
        assert self.of_run in {label_selector, None}
        return Listing([{"status": {"phase": phase}} for phase in self.pods], "1")


class Place:
    """A source for one run at a time: one of `films` is at work, `books` waits."""

    def __init__(self, *, bound: int | None = 1) -> None:
        self.cluster, self.woken = Cluster(), []
        self.slots = Slots(10, self.woken.append, bound_of=lambda _: bound)
        self.departed = Departed(self.cluster, self.slots, grace_seconds=GRACE)  # type: ignore[arg-type]
        self.slots.settle("films", Holds(at_work=frozenset({"r"}), connections={"r": "shop"}))
        self.slots.settle("books", Holds(waits_for_source={"b": "shop"}))

    def look(self, *quiet: str, at_work: frozenset[str] = NOBODY) -> None:
        """As a look at the pipeline does that finds these runs to have no pods."""
        holds = Holds(at_work=at_work, connections=dict.fromkeys(at_work, "shop"), quiet=frozenset(quiet))
        self.departed.keep("films", holds)
        self.slots.settle("films", holds)

    @property
    def in_use(self) -> int:
        return self.slots.source_use("shop", "films").elsewhere


async def test_the_next_one_is_woken_when_the_pod_has_ended():
    place = Place()
    place.look()
    await asyncio.sleep(30)
    assert (place.in_use, place.woken) == (1, [])
    place.cluster.job = None
    await asyncio.sleep(30)
    assert (place.in_use, place.woken) == (1, [])
    place.cluster.pods = ["Failed"]
    await asyncio.sleep(2 * LOOK_SECONDS)
    assert (place.in_use, place.woken) == (0, ["books"])


async def test_a_run_that_is_there_and_over_has_its_connection_no_more():
    place = Place()
    place.look("r")
    assert (place.in_use, place.woken) == (0, ["books"])


async def test_of_a_source_without_a_bound_nobody_asks():
    place = Place(bound=None)
    place.look()
    assert place.in_use == 0


async def test_looking_again_counts_it_once():
    place = Place()
    place.look()
    place.look()
    assert place.in_use == 1


@pytest.mark.parametrize(
    "job",
    [
        {"status": {"conditions": [{"type": "Failed", "status": "True"}]}},
        {"spec": {"suspend": True}, "status": {"conditions": [{"type": "Suspended", "status": "True"}]}},
    ],
    ids=["failed", "suspended"],
)
async def test_a_job_that_gets_no_pod_any_more_may_stay(job):
    place = Place()
    place.cluster.job |= job
    place.look()
    await asyncio.sleep(30)
    assert place.in_use == 1
    place.cluster.pods = []
    await asyncio.sleep(2 * LOOK_SECONDS)
    assert (place.in_use, place.woken) == (0, ["books"])


async def test_a_run_that_is_at_work_again_counts_once():
    place = Place()
    place.look()
    await asyncio.sleep(5)
    place.look(at_work=frozenset({"r"}))
    await asyncio.sleep(2 * LOOK_SECONDS)
    assert place.slots.source_use("shop", "books").elsewhere == 1


def pod(uid: str, phase: str = "Running", source: str | None = "shop") -> dict[str, Any]:
    annotations = {SOURCE_ANNOTATION: source} if source else {}
    return {
        "metadata": {"name": f"{uid}-x", "labels": {names.RUN_LABEL: uid}, "annotations": annotations},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("pods", "counted"),
    [
        ([pod("gone")], 1),
        ([pod("gone"), pod("gone")], 1),
        ([pod("gone"), pod("killed", "Pending")], 2),
        ([pod("gone", "Succeeded"), pod("killed", "Failed")], 0),
        ([pod("r")], 0),
        ([pod("old", source=None)], 0),
    ],
    ids=["its run is gone", "two of one run", "two runs", "they have ended", "its run is at work", "an older version"],
)
async def test_pods_that_there_are_at_the_start_count_where_their_run_does_not(pods, counted):
    place = Place()
    place.departed.learn(pods, {"r"})
    assert place.in_use == counted
    place.cluster.job, place.cluster.pods = None, []
    place.cluster.of_run = None
    await asyncio.sleep(2 * LOOK_SECONDS)
    assert place.in_use == 0


@pytest.mark.parametrize("away", [False, True])
async def test_a_pod_that_never_ends_or_that_nobody_can_see_is_waited_for_only_so_long(away):
    place = Place()
    place.cluster.away = away
    place.look()
    await asyncio.sleep(GRACE + SLACK_SECONDS - 1)
    assert place.in_use == 1
    await asyncio.sleep(2)
    assert (place.in_use, place.woken) == (0, ["books"])


@pytest.mark.parametrize("seconds", [0.2, 3 * LOOK_SECONDS])
async def test_one_that_is_given_up_again_has_all_its_time_anew(seconds):
    """It may be at work again for less than a watch of its pods takes from look to look."""
    place = Place()
    place.look()
    await asyncio.sleep(GRACE + LOOK_SECONDS / 2)
    place.look(at_work=frozenset({"r"}))
    await asyncio.sleep(seconds)
    place.look()
    await asyncio.sleep(GRACE)
    assert (place.in_use, place.woken) == (1, [])
    await asyncio.sleep(SLACK_SECONDS + 2 * LOOK_SECONDS)
    assert (place.in_use, place.woken) == (0, ["books"])


async def test_one_that_is_at_work_on_another_source_is_watched_on():
    place = Place()
    place.look()
    at_work = frozenset({"r"})
    place.slots.settle("films", Holds(at_work=at_work, connections={"r": "archive"}))
    await asyncio.sleep(10)
    assert place.in_use == 1
    place.cluster.job, place.cluster.pods = None, ["Failed"]
    await asyncio.sleep(2 * LOOK_SECONDS)
    assert (place.in_use, place.woken) == (0, ["books"])
