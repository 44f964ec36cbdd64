"""Who is looked at after a change: as few as possible, and never too few."""

from typing import Any

import pytest

from headrace import names
from headrace_operator.index import Index
from headrace_operator.scheduling.keys import Subject, key, read_key
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
    assert read_key(key(Subject.BACKFILL, "may.2026")) == (Subject.BACKFILL, "may.2026")
