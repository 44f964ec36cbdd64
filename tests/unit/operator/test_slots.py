"""Slots: runs and streams have their own, and those who wait are woken where there is room for them."""

import pytest

from headrace.lifecycle.holds import Holds
from headrace_operator.pipelines.slots import Slots


def run(uid, pipeline="films", **status):
    return {"metadata": {"uid": uid}, "spec": {"pipeline": pipeline}, "status": status}


@pytest.fixture
def woken():
    return []


@pytest.fixture
def slots(woken):
    return Slots(1, woken.append, streams=1)


def at_work(slots, pipeline, uid, *, stream):
    uids = frozenset({uid})
    slots.settle(pipeline, Holds(at_work=uids, streams=uids if stream else frozenset()))


def test_streams_and_runs_are_counted_apart(slots):
    at_work(slots, "a", "a1", stream=False)
    at_work(slots, "b", "b1", stream=True)
    assert (slots.elsewhere("c"), slots.streams_elsewhere("c")) == (1, 1)
    assert (slots.elsewhere("a"), slots.streams_elsewhere("b")) == (0, 0)
    assert slots.runs == {"a1": "a", "b1": "b"}
    assert slots.streams == {"b1": "b"}


@pytest.mark.parametrize("stream", [False, True])
def test_who_waits_is_woken_by_the_end_of_one_of_its_own_sort(slots, woken, stream):
    at_work(slots, "run", "r", stream=False)
    at_work(slots, "stream", "s", stream=True)
    slots.settle("run-waits", Holds(waits_for_slot=True))
    slots.settle("stream-waits", Holds(stream_waits_for_slot=True))
    assert slots.waiting == ["run-waits", "stream-waits"]
    slots.settle("stream" if stream else "run", Holds())
    assert woken == ["stream-waits" if stream else "run-waits"]


def test_a_pipeline_may_wait_for_both(slots, woken):
    """Its stream and its reconcile."""
    slots.settle("films", Holds(waits_for_slot=True, stream_waits_for_slot=True))
    assert slots.waiting == ["films"]
    slots.wake_waiting()
    assert woken == ["films", "films"]


@pytest.mark.parametrize("why", ["it waits for its source", "it waits for nothing", "it can't be looked at"])
def test_a_slot_that_its_first_in_line_does_not_take_is_offered_to_the_next(slots, woken, why):
    at_work(slots, "a", "a1", stream=False)
    for name in ("b", "c"):
        slots.settle(name, Holds(waits_for_slot=True))
    slots.settle("a", Holds())
    assert woken == ["b"]
    if why == "it can't be looked at":
        slots.step_back("b")
    else:
        slots.settle("b", Holds(waits_for_source={"b1": "shop"} if "source" in why else {}))
    assert woken == ["b", "c"]
    slots.settle("c", Holds(at_work=frozenset({"c1"})))
    assert woken == ["b", "c"]


def test_a_pipeline_that_takes_its_slot_wakes_nobody(slots, woken):
    for name in ("b", "c"):
        slots.settle(name, Holds(waits_for_slot=True))
    slots.settle("b", Holds(at_work=frozenset({"b1"})))
    assert woken == []


def test_who_waits_for_a_source_waits_too_and_previews_are_not_counted():
    at = [10.0]
    slots = Slots(1, lambda _: None, clock=lambda: at[0], bound_of=lambda _: 1)
    slots.hold_source("shop", "preview/x")
    assert not slots.take_source("shop", "preview/y", 1)
    assert (slots.waiting, slots.longest_wait) == ([], 0)
    slots.settle("films", Holds(waits_for_source={"f1": "shop"}))
    at[0] = 15.0
    slots.settle("films", Holds(waits_for_source={"f1": "shop"}))
    slots.settle("books", Holds(waits_for_slot=True))
    assert (slots.waiting, slots.longest_wait) == (["books", "films"], 5)
    at[0] = 20.0
    slots.settle("films", Holds())
    assert (slots.waiting, slots.longest_wait) == (["books"], 5)


def test_how_long_one_is_at_work_is_known_of_both_sorts():
    at = [10.0]
    slots = Slots(1, lambda _: None, clock=lambda: at[0])
    at_work(slots, "a", "a1", stream=False)
    at_work(slots, "b", "b1", stream=True)
    at[0] = 15.0
    assert [slots.seconds_at_work(uid) for uid in ("a1", "b1", "unknown")] == [5, 5, 0]


def test_what_is_at_work_when_the_process_begins_is_learned_from_the_resources(slots):
    job = {"active": True}
    slots.learn(
        [
            run("r", phase="RUNNING", job=job),
            run("s", "books", phase="RUNNING", job=job, stream=True),
            run("beside", "books", phase="PENDING", job=job),
            run("paused", phase="PAUSED", job={"active": False}),
            run("over", phase="SUCCESS", job=job),
            run("new"),
        ]
    )
    assert slots.runs == {"r": "films", "beside": "books", "s": "books"}
    assert slots.streams == {"s": "books"}
