"""A run that is deleted by hand has its connection to the source until its pod has ended."""

import asyncio

import pytest

from headrace.cluster import Listing
from headrace.errors import UnavailableError
from headrace_operator.pipelines.departed import LOOK_SECONDS, SLACK_SECONDS, Departed
from headrace_operator.pipelines.slots import Slots

pytestmark = pytest.mark.looptime
GRACE = 120
NOBODY: frozenset[str] = frozenset()


class Cluster:
    """What is left of a run: its Job, and pods in phases."""

    def __init__(self) -> None:
        self.job, self.away = True, False
        self.pods = ["Running"]

    async def list_jobs(self, *, label_selector: str) -> Listing:
        if self.away:
            raise UnavailableError("away", part="kubernetes")
        return Listing([{}] if self.job else [], "1")

    async def list_pods(self, *, label_selector: str) -> Listing:
        assert label_selector == "headrace.dev/run=r"
        return Listing([{"status": {"phase": phase}} for phase in self.pods], "1")


class Place:
    """A source for one run at a time: one of `films` is at work, `books` waits."""

    def __init__(self, *, bound: int | None = 1) -> None:
        self.cluster, self.woken = Cluster(), []
        self.slots = Slots(10, self.woken.append, bound_of=lambda _: bound)
        self.departed = Departed(self.cluster, self.slots, grace_seconds=GRACE)  # type: ignore[arg-type]
        self.slots.settle("films", frozenset({"r"}), waits=False, connections={"r": "shop"})
        self.slots.settle("books", NOBODY, waits=False, source_waits={"b": "shop"})

    def look(self, *there: str) -> None:
        """As a look at the pipeline does that finds these runs, none of them at work."""
        self.departed.keep("films", there)
        self.slots.settle("films", NOBODY, waits=False)

    @property
    def in_use(self) -> int:
        return self.slots.source_use("shop", "films").elsewhere


async def test_the_next_one_is_woken_when_the_pod_has_ended():
    place = Place()
    place.look()
    await asyncio.sleep(30)
    assert (place.in_use, place.woken) == (1, [])
    place.cluster.job = False
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


@pytest.mark.parametrize("away", [False, True])
async def test_a_pod_that_never_ends_or_that_nobody_can_see_is_waited_for_only_so_long(away):
    place = Place()
    place.cluster.away = away
    place.look()
    await asyncio.sleep(GRACE + SLACK_SECONDS - 1)
    assert place.in_use == 1
    await asyncio.sleep(2)
    assert (place.in_use, place.woken) == (0, ["books"])
