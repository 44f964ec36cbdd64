"""Runs for the last due times: each due time gets one, whoever asks, how often, and whatever dies in between."""

import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from headrace.cluster import Listing
from headrace.errors import ConflictError, InvalidError, UnavailableError
from headrace.store.records import DueRun
from headrace_api.auth.access import Access
from headrace_api.auth.authorizers import Unrestricted
from headrace_api.auth.callers import ANYBODY
from headrace_api.bodies.backfill import BackfillIn
from headrace_api.resources import Resources
from headrace_api.services.backfilling import Backfiller

SCHEDULE, PIPELINE = "9a1e0c44-5f0b-4b8e-9a6f-0d7c2b1a3e55", "5f3c1a52-7c1e-4f0e-9d49-0f8f5f7a2b61"
NOW = datetime(2026, 3, 1, 12, 7, tzinfo=UTC)


def metadata(name, uid):
    return {"name": name, "uid": uid, "resourceVersion": "1", "creationTimestamp": "2026-03-01T12:00:00Z"}


class Kubernetes:
    """Has one pipeline and one schedule, due every 5 minutes; takes runs, at most `room` of them."""

    def __init__(self, room=10_000):
        spec = {"pipeline": "films", "kind": "INTERVAL", "expression": "5m", "enabled": False}
        self.kept = {
            "etlpipelines": [{"metadata": metadata("films", PIPELINE), "spec": {"name": "Films"}}],
            "etlschedules": [{"metadata": metadata("films-1", SCHEDULE), "spec": spec}],
            "etlruns": [],
        }
        self.room, self.at_once, self.most_at_once = room, 0, 0

    @property
    def runs(self):
        return self.kept["etlruns"]

    async def list(self, plural, *, field_selector=""):
        return Listing(list(self.kept.get(plural, [])), "9")

    async def get(self, plural, name):
        return next((r for r in self.kept[plural] if r["metadata"]["name"] == name), None)

    async def create(self, plural, body):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        if await self.get(plural, body["metadata"]["name"]):
            raise ConflictError("taken")
        if len(self.kept[plural]) >= self.room:
            raise UnavailableError("Kubernetes can't be reached", part="kubernetes")
        made = {**body, "metadata": {**body["metadata"], "uid": f"run-{len(self.runs)}", "resourceVersion": "2"}}
        self.kept[plural].append(made)
        return made


class Store:
    """Knows the runs whose resources were pruned."""

    def __init__(self, *rows):
        self.rows = rows

    async def runs_due(self, schedule_uid, due_times):
        return [row for row in self.rows if row.due_at in due_times]


class Pruning(Kubernetes):
    """Whenever it has listed runs, one more is over, and in the store only."""

    async def list(self, plural, *, field_selector=""):
        listing = await super().list(plural, field_selector=field_selector)
        if plural == "etlruns":
            due = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
            self.store.rows = (DueRun(due_at=due, run_id="pruned", run_name="r", status="SUCCESS"),)
        return listing


def backfiller(kubernetes, store):
    resources = Resources(kubernetes).on_behalf_of(Access(ANYBODY, Unrestricted(), namespace="headrace"))
    return Backfiller(resources, store, installation="default", clock=lambda: NOW)


def last(kubernetes, count, *rows):
    return asyncio.run(backfiller(kubernetes, Store(*rows)).last(SCHEDULE, count))


def test_the_last_due_times_before_now_are_run_also_those_before_the_schedule_existed():
    kubernetes = Kubernetes()
    runs = last(kubernetes, 3)
    assert [run["due_at"][11:16] for run in runs] == ["11:55", "12:00", "12:05"]
    assert {run["created"] for run in runs} == {True}
    specs = {run["metadata"]["uid"]: run["spec"] for run in kubernetes.runs}
    assert specs[runs[0]["run_id"]]["params"] == {
        "interval_start": "2026-03-01T11:50:00Z",
        "interval_end": "2026-03-01T11:55:00Z",
        "due_at": "2026-03-01T11:55:00Z",
    }


def test_a_due_time_that_has_a_run_keeps_it():
    kubernetes = Kubernetes()
    before = last(kubernetes, 2)
    after = last(kubernetes, 3)
    assert [run["created"] for run in after] == [True, False, False]
    assert [run["run_id"] for run in after[1:]] == [run["run_id"] for run in before]
    assert len(kubernetes.runs) == 3


def test_a_run_of_which_only_the_store_knows_any_more_counts():
    due = datetime(2026, 3, 1, 12, tzinfo=UTC)
    row = DueRun(due_at=due, run_id="pruned", run_name="r", status="SUCCESS")
    runs = last(Kubernetes(), 2, row)
    assert [(run["run_id"], run["created"]) for run in runs] == [("pruned", False), ("run-0", True)]


def test_a_run_that_is_pruned_between_two_questions_counts():
    """It is archived before it is pruned."""
    kubernetes, store = Pruning(), Store()
    kubernetes.store = store
    assert asyncio.run(backfiller(kubernetes, store).last(SCHEDULE, 1))[0]["run_id"] == "pruned"


def test_due_times_go_back_to_the_beginning_of_the_calendar():
    kubernetes = Kubernetes()
    spec = kubernetes.kept["etlschedules"][0]["spec"]
    spec |= {"kind": "CRON", "expression": "0 0 29 2 *"}
    runs = last(kubernetes, 1000)
    assert (len(runs), runs[0]["due_at"]) == (491, "0004-02-29T00:00:00Z")
    stored = {run["metadata"]["uid"]: run["spec"]["dueAt"] for run in kubernetes.runs}
    assert all(stored[run["run_id"]] == run["due_at"] for run in runs)


def test_runs_are_asked_for_oldest_first_and_ten_at_once():
    kubernetes = Kubernetes()
    last(kubernetes, 200)
    stamped = sorted(kubernetes.runs, key=lambda run: run["metadata"]["annotations"]["headrace.dev/created-at"])
    due_times = [run["spec"]["dueAt"] for run in stamped]
    assert due_times == sorted(due_times)
    assert kubernetes.runs[0] is stamped[0]  # Nothing starts before the oldest is there.
    assert kubernetes.most_at_once == 10


def test_what_breaks_off_half_way_is_finished_by_the_next_call():
    kubernetes = Kubernetes(room=70)
    with pytest.raises(UnavailableError):
        last(kubernetes, 100)
    kubernetes.room = 1000
    runs = last(kubernetes, 100)
    assert [run["created"] for run in runs].count(False) == 70
    assert len({run["run_id"] for run in runs}) == len(kubernetes.runs) == 100


def test_two_who_ask_at_once_get_the_same_runs():
    async def both():
        one, other = backfiller(kubernetes, Store()), backfiller(kubernetes, Store())
        return await asyncio.gather(one.last(SCHEDULE, 50), other.last(SCHEDULE, 50))

    kubernetes = Kubernetes()
    first, second = asyncio.run(both())
    assert [run["run_id"] for run in first] == [run["run_id"] for run in second]
    assert all(a["created"] != b["created"] for a, b in zip(first, second, strict=True))
    assert len(kubernetes.runs) == 50


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *(({"count": count}, "count") for count in (0, 1001, 100_000, -1, "3", 2.5, True)),
        ({"from": "2026-01-01T00:00:00", "to": "2026-01-02T00:00:00Z"}, "from"),
        ({"from": "2026-01-01T00:00:00Z", "to": "soon"}, "to"),
        ({"from": "0001-01-01T00:00:00+14:00", "to": "2026-01-02T00:00:00Z"}, "from"),
        ({"from": "2026-01-01T00:00:00Z", "to": "9999-12-31T23:59:59-14:00"}, "to"),
        ({"from": 1767225600, "to": "2026-01-02T00:00:00Z"}, "from"),
        ({"from": "1767225600", "to": "2026-01-02T00:00:00Z"}, "from"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "parallelism": 0}, "parallelism"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "order": "any"}, "order"),
        ({"count": 1, "days": 1}, "days"),
    ],
)
def test_what_is_no_backfill_is_refused_by_name(body, field):
    with pytest.raises(ValidationError) as caught:
        BackfillIn.model_validate(body)
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("body", [{}, {"count": None}, {"count": 1, "from": "2026-01-01T00:00:00Z"}])
def test_a_backfill_is_by_count_or_by_range(body):
    with pytest.raises(InvalidError) as caught:
        BackfillIn.model_validate(body).way()
    assert caught.value.field == "count"
