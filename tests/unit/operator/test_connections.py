"""Connections to sources: never more than a source may have, in the order in which they were asked for."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.lifecycle.endpoints import EndpointSeen
from headrace.lifecycle.holds import Holds
from headrace.lifecycle.observed import Limits, Observed, PipelineSeen, RunSeen
from headrace.lifecycle.rooms import Rooms
from headrace.model.pipeline import PipelineSpec
from headrace.model.run import RunSpec
from headrace_operator.pipelines.slots import Slots

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PIPELINE = PipelineSeen(
    name="films",
    uid="p",
    generation=1,
    created_at=NOW,
    spec=PipelineSpec(name="Films", target_table="analytics.films", source_query="SELECT 1", source="films"),
)
NOBODY = frozenset()


@pytest.fixture
def bounds():
    return {"films": 1}


@pytest.fixture
def woken():
    return []


@pytest.fixture
def slots(woken, bounds):
    made = Slots(100, woken.append, bound_of=bounds.get)
    made.listen(woken.append)
    return made


def has(slots, pipeline, source="films"):
    run = f"{pipeline}-run"
    slots.settle(pipeline, Holds(at_work=frozenset({run}), connections={run: source}))


def waits(slots, pipeline, source="films"):
    slots.settle(pipeline, Holds(waits_for_source={f"{pipeline}-run": source}))


def lets_go(slots, pipeline):
    slots.settle(pipeline, Holds())


def test_those_of_other_pipelines_and_previews_are_counted(slots):
    has(slots, "a")
    slots.hold_source("films", "preview/x")
    has(slots, "b", "books")
    assert slots.source_use("films", "c").elsewhere == 2
    assert slots.source_use("films", "a").elsewhere == 1
    assert slots.source_use("books", "c").elsewhere == 1


def test_who_came_first_is_woken_first(slots, woken):
    has(slots, "a")
    waits(slots, "b")
    waits(slots, "c")
    waits(slots, "b")
    assert slots.source_use("films", "").line == ("b-run", "c-run")
    lets_go(slots, "a")
    assert woken == ["b"]
    has(slots, "b")
    lets_go(slots, "b")
    assert woken == ["b", "c"]


def test_who_waits_for_a_slot_is_in_nobodys_way_and_keeps_its_place(slots, woken):
    has(slots, "a")
    waits(slots, "b")
    waits(slots, "c")
    slots.settle("b", Holds(put_off=frozenset({"b-run"})))
    assert slots.source_use("films", "").line == ("c-run",)
    lets_go(slots, "a")
    assert woken == ["c"]
    waits(slots, "b")
    assert slots.source_use("films", "").line == ("b-run", "c-run")


def test_who_is_about_to_go_and_can_not_lets_the_next_one_go(slots, woken):
    has(slots, "a")
    waits(slots, "b")
    waits(slots, "c")
    lets_go(slots, "a")
    lets_go(slots, "b")
    assert woken == ["b", "c"]


def test_a_pipeline_that_can_not_be_looked_at_leaves_the_line_and_keeps_what_it_has(slots, woken):
    slots.settle(
        "b", Holds(at_work=frozenset({"b-1"}), connections={"b-1": "films"}, waits_for_source={"b-2": "films"})
    )
    waits(slots, "c")
    slots.step_back("b")
    use = slots.source_use("films", "c")
    assert (use.elsewhere, use.line) == (1, ("c-run",))


def test_a_higher_bound_wakes_as_many_as_there_is_room_for(slots, woken, bounds):
    has(slots, "a")
    for pipeline in "bcd":
        waits(slots, pipeline)
    bounds["films"] = 3
    slots.wake_waiting()
    assert woken == ["b", "c"]
    bounds["films"] = None
    slots.wake_waiting()
    assert woken == ["b", "c", "b", "c", "d"]


def test_a_preview_waits_in_the_same_line(slots, woken):
    has(slots, "a")
    waits(slots, "b")
    assert not slots.take_source("films", "preview/x", 1)
    lets_go(slots, "a")
    assert woken == ["b"]
    assert not slots.take_source("films", "preview/x", 1)
    has(slots, "b")
    lets_go(slots, "b")
    assert woken == ["b", "preview/x"]
    assert slots.take_source("films", "preview/x", 1)
    assert slots.take_source("films", "preview/x", 1), "it has it already"
    waits(slots, "c")
    slots.free_source("films", "preview/x")
    assert woken[-1] == "c"


def test_a_preview_that_gives_up_leaves_the_line(slots):
    has(slots, "a")
    assert not slots.take_source("films", "preview/x", 1)
    slots.free_source("films", "preview/x")
    assert slots.source_use("films", "").line == ()


def test_without_a_bound_nobody_waits(slots):
    assert all(slots.take_source("books", f"preview/{i}", None) for i in range(20))


def test_what_is_at_work_when_the_process_begins_is_learned(slots):
    def run(uid, pipeline, **status):
        return {"metadata": {"uid": uid}, "spec": {"pipeline": pipeline}, "status": status}

    job = {"active": True}
    slots.learn(
        [
            run("old", "a", phase="RUNNING", job=job),
            run("new", "b", phase="RUNNING", job=job, source="films"),
            run("over", "c", phase="FAILED", job=job, source="films"),
            run("paused", "d", phase="PAUSED", job={"active": False}, source="films"),
            run("preview", "", phase="RUNNING", job=job, source="films"),
            {"metadata": {"uid": "without"}, "spec": {"kind": "Preview"}, "status": {"job": job, "source": "films"}},
        ]
    )
    assert slots.source_use("films", "").elsewhere == 1
    assert slots.source_use("default", "").elsewhere == 1


# Whatever comes and goes.

ACTIONS = st.lists(st.tuples(st.sampled_from(["ask", "end", "preview", "slot", "no_slot"]), st.integers(0, 9)))


@settings(max_examples=300, deadline=None)
@given(actions=ACTIONS, bound=st.integers(1, 3))
def test_there_are_never_more_than_there_may_be_and_nobody_starves(actions, bound):
    place = _Place(bound)
    for action, which in actions:
        place.act(action, which)
        place.settle()
        assert len(place.at_work) <= bound
    place.has_slot = True
    place.wake_everybody()
    order = list(place.waiting)
    served = []
    for _ in range(2 * len(order) + bound):
        for key in list(place.at_work):
            place.end(key)
            place.settle()
            served += [key for key in place.at_work if key not in served and key in order]
    assert not place.waiting
    assert Counter(order) == Counter(key for key in served if key in order)


class _Place:
    """Keys that ask as plans do: they look, and settle what they found."""

    def __init__(self, bound: int) -> None:
        self.bound, self.has_slot = bound, True
        self.queue: list[str] = []
        self.slots = Slots(100, self.queue.append, bound_of=lambda _: bound)
        self.slots.listen(self.queue.append)
        self.at_work: dict[str, None] = {}
        self.waiting: dict[str, None] = {}

    def act(self, action: str, which: int) -> None:
        if action == "ask":
            self.ask(f"p{which}")
        elif action == "preview":
            self.ask(f"preview/{which}")
        elif action == "end":
            keys = sorted(self.at_work)
            if keys:
                self.end(keys[which % len(keys)])
        else:
            self.has_slot = action == "slot"
            self.wake_everybody()

    def ask(self, key: str) -> None:
        if key not in self.at_work:
            self.waiting[key] = None
            self.queue.append(key)

    def wake_everybody(self) -> None:
        self.queue.extend(self.waiting)
        self.settle()

    def settle(self) -> None:
        while self.queue:
            key = self.queue.pop(0)
            if key in self.waiting:
                self.look(key)

    def look(self, key: str) -> None:
        if key.startswith("preview/"):
            taken = self.slots.take_source("films", key, self.bound)
        else:
            taken = self.has_slot and self.has_room(key)
            at_work = {key: "films"} if taken else {}
            waits = {key: "films"} if self.has_slot and not taken else {}
            off = frozenset({key}) if not self.has_slot else NOBODY
            self.slots.settle(
                key, Holds(at_work=frozenset(at_work), connections=at_work, waits_for_source=waits, put_off=off)
            )
        if taken:
            del self.waiting[key]
            self.at_work[key] = None

    def has_room(self, key: str) -> bool:
        run = RunSeen(name=key, uid=key, generation=1, created_at=NOW, spec=RunSpec(pipeline=key))
        observed = Observed(
            now=NOW,
            limits=Limits(),
            pipeline=PIPELINE,
            runs=(run,),
            sources={"films": EndpointSeen(name="films", max_connections=self.bound + 1)},
            source_use={"films": self.slots.source_use("films", key)},
        )
        return Rooms(observed, PIPELINE).take(run).connection

    def end(self, key: str) -> None:
        del self.at_work[key]
        if key.startswith("preview/"):
            self.slots.free_source("films", key)
        else:
            self.slots.settle(key, Holds())
