"""Who is looked at after a change: as few as possible, and never too few."""

from typing import Any

import pytest

from headrace import names
from headrace_operator.index import Index
from headrace_operator.queues.keys import Looked, key, read_key
from headrace_operator.scheduling.wakes import Change, pipelines_to_wake, wakes

PIPELINE, RUN, PROJECT = names.PIPELINE_PLURAL, names.RUN_PLURAL, names.PROJECT_PLURAL
SCHEDULE, BACKFILL = names.SCHEDULE_PLURAL, names.BACKFILL_PLURAL


def resource(called: str, /, *, version: int = 1, phase: str | None = None, gone: bool = False, **spec: Any) -> Any:
    metadata = {
        "name": called,
        "uid": f"uid-{called}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": version,
    } | ({"deletionTimestamp": "2026-01-02T00:00:00Z"} if gone else {})
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase} if phase else {}}


@pytest.fixture
def index() -> Index:
    """Two schedules of one pipeline, a backfill of one of them, and another pipeline's schedule."""
    made = Index()
    made.put(PROJECT, resource("sales", name="Sales"))
    made.put(PROJECT, resource("sales-2", name="Sales"))
    made.put(PIPELINE, resource("films", name="Films", project="sales"))
    made.put(SCHEDULE, resource("nightly", pipeline="films"))
    made.put(SCHEDULE, resource("hourly", pipeline="films"))
    made.put(SCHEDULE, resource("other", pipeline="actors"))
    made.put(BACKFILL, resource("may", schedule="nightly"))
    return made


def changed(index: Index, plural: str, after: Any = None, before: Any = None) -> set[str]:
    """What is woken when `before`, as the index has it, becomes `after`."""
    for side in (before, after):
        if side is not None:
            index.put(plural, side)
            known = index.get(plural, side["metadata"]["uid"])
            before, after = (known, after) if side is before else (before, known)
    if after is None:
        index.remove(plural, before["metadata"]["uid"])
    return wakes(Change(plural, before, after), index)


BOTH = {"schedule/nightly", "schedule/hourly"}


@pytest.mark.parametrize(
    ("plural", "before", "after", "woken"),
    [
        pytest.param(PIPELINE, {"project": "p"}, None, BOTH | {"project/p"}, id="a pipeline is deleted"),
        pytest.param(PIPELINE, None, {"project": "p"}, BOTH | {"project/p"}, id="a pipeline is made"),
        pytest.param(PIPELINE, {}, {"suspend": True}, BOTH, id="a pipeline is paused"),
        pytest.param(PIPELINE, {}, {"enabled": False}, BOTH, id="a pipeline is disabled"),
        pytest.param(PIPELINE, {"enabled": True}, {}, set(), id="a default that is spelled out is no change"),
        pytest.param(PIPELINE, {}, {"name": "New"}, set(), id="a rename is none of their business"),
        pytest.param(PIPELINE, {"project": "p"}, {"project": "q"}, {"project/p", "project/q"}, id="another project"),
    ],
)
def test_pipelines(plural, before, after, woken):
    """Schedules are woken by what decides whether they may run, projects by who belongs to them."""
    index = Index()
    for name in ("nightly", "hourly"):
        index.put(SCHEDULE, resource(name, pipeline="films"))
    sides = [None if s is None else resource("films", version=v, **s) for v, s in ((1, before), (2, after))]
    assert changed(index, plural, before=sides[0], after=sides[1]) == woken


@pytest.mark.parametrize(
    ("before", "after", "is_woken"),
    [
        (None, "PENDING", True),
        ("PENDING", "RUNNING", False),
        ("RUNNING", "SUCCESS", True),
        ("SUCCESS", "SUCCESS", False),
        ("RUNNING", None, True),
    ],
)
def test_runs_count_when_they_come_end_or_go(before, after, is_woken):
    """How far a run is says nothing to its schedule; that a backfill's run has come it knows itself."""
    spec = {"pipeline": "films", "schedule": "nightly", "backfill": "may"}
    sides = [None if p is None else resource("r", version=v, phase=p, **spec) for v, p in ((1, before), (2, after))]
    woken = changed(Index(), RUN, before=sides[0], after=sides[1])
    own = {"backfill/may"} if before is not None else set()
    assert woken == ({"schedule/nightly"} | own if is_woken else set())


def test_runs_by_hand_wake_nobody_here():
    assert changed(Index(), RUN, after=resource("r", pipeline="films")) == set()


def test_a_schedule_that_is_another_one_now_wakes_itself_and_its_backfills(index):
    """Its status is the operator's own word, and no news to it."""
    was, status_only, edited = (resource("nightly", version=v, pipeline="films") for v in (1, 2, 3))
    status_only["metadata"]["generation"] = 1
    assert changed(index, SCHEDULE, before=was, after=status_only) == set()
    assert changed(index, SCHEDULE, before=status_only, after=edited) == {"schedule/nightly", "backfill/may"}
    assert changed(index, SCHEDULE, before=edited) == {"schedule/nightly", "backfill/may"}


def test_a_project_wakes_those_of_its_name_and_where_it_comes_or_goes_its_pipelines(index):
    being_deleted = Change(PROJECT, index.get(PROJECT, "uid-sales"), resource("sales", gone=True, name="Sales"))
    assert wakes(being_deleted, index) == {"project/sales", "project/sales-2"}
    assert pipelines_to_wake(being_deleted, index) == {"films"}
    described = Change(PROJECT, index.get(PROJECT, "uid-sales"), resource("sales", version=2, name="Sales"))
    assert pipelines_to_wake(described, index) == set()


def test_keys_are_read_as_they_were_made():
    assert read_key(key(Looked.BACKFILL, "may.2026")) == (Looked.BACKFILL, "may.2026")


# Sources and destinations.

SOURCE, DESTINATION = names.SOURCE_PLURAL, names.DESTINATION_PLURAL


@pytest.fixture
def users() -> Index:
    """Pipelines that name source and destination, and such as name none."""
    made = Index()
    made.put(PIPELINE, resource("usual", name="Usual", targetTable="analytics.films"))
    made.put(PIPELINE, resource("index", name="Index", targetTable="es:films"))
    made.put(PIPELINE, resource("own", name="Own", targetTable="es:films", source="films", destination="dwh"))
    return made


@pytest.mark.parametrize(
    ("plural", "name", "woken"),
    [
        (SOURCE, "default", {"usual", "index"}),
        (SOURCE, "films", {"own"}),
        (SOURCE, "unused", set()),
        (DESTINATION, "default", {"usual"}),
        (DESTINATION, "elasticsearch", {"index"}),
        (DESTINATION, "dwh", {"own"}),
    ],
)
def test_pipelines_are_woken_when_their_source_or_destination_comes_goes_or_is_another(users, plural, name, woken):
    one, two = resource(name, name=name), resource(name, name=name, version=2, maxConnections=7)
    for before, after in ((None, one), (one, None), (one, two), (one, resource(name, name=name, gone=True))):
        assert pipelines_to_wake(Change(plural, before, after), users) == woken
        assert wakes(Change(plural, before, after), users) == set()


def test_what_the_operator_says_of_a_source_wakes_nobody_but_where_it_leads(users):
    before, after = resource("default", name="d"), resource("default", name="d")
    after["status"] = {"walBytes": 7}
    assert pipelines_to_wake(Change(SOURCE, before, after), users) == set()
    after["status"] = {"connection": {"host": "db.example"}}
    assert pipelines_to_wake(Change(SOURCE, before, after), users) == {"usual", "index"}


READY = {
    "is mended": ({"status": "False", "reason": "SecretMissing"}, {"status": "True", "reason": "Connected"}, True),
    "fails for another reason": (
        {"status": "False", "reason": "SecretMissing"}, {"status": "False", "reason": "LoginRefused"}, True,
    ),
    "fails in other words": (
        {"status": "False", "reason": "NoAnswer", "message": "a"},
        {"status": "False", "reason": "NoAnswer", "message": "b"},
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("plural", [SOURCE, DESTINATION])
@pytest.mark.parametrize(("was", "is_now", "wakes_them"), READY.values(), ids=READY)
def test_a_source_or_destination_that_is_mended_wakes_those_who_wait_and_nobody_else(
    users, plural, was, is_now, wakes_them
):
    end = "films" if plural == SOURCE else "dwh"
    for pipeline in ("own", "busy", "over", "idle"):
        users.put(PIPELINE, resource(pipeline, name=pipeline, targetTable="es:x", source="films", destination="dwh"))
    users.put(PIPELINE, resource("moved", name="moved", targetTable="es:x"))
    runs = {
        "own": {"phase": "PENDING"},
        "busy": {"phase": "RUNNING", "job": {"active": True}, "source": "films", "destination": "dwh"},
        "over": {"phase": "FAILED", "job": {"active": True}, "source": "films", "destination": "dwh"},
        "moved": {"phase": "RUNNING", "job": {"active": False}, "source": "films", "destination": "dwh"},
    }
    for pipeline, status in runs.items():
        users.put(RUN, resource(f"run-{pipeline}", pipeline=pipeline) | {"status": status})
    users.put(RUN, resource("preview", kind="Preview") | {"status": {"phase": "PENDING", "source": "films"}})
    before, after = resource(end, name=end), resource(end, name=end)
    before["status"], after["status"] = ({"conditions": [{"type": "Ready", **each}]} for each in (was, is_now))
    woken = pipelines_to_wake(Change(plural, before, after), users)
    assert woken == ({"own", "moved"} if wakes_them else set())
