"""What Prometheus reads of the operator that works: everything as it is when it asks, nothing of what is gone."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from headrace import names
from headrace.lifecycle.holds import Holds
from headrace.lifecycle.observed import ProgressSeen, StoreSeen
from headrace.model.run import RunStatus
from headrace.postgres.replication_slots import Slot
from headrace_operator.figures import metrics
from headrace_operator.figures.tally import Tally
from headrace_operator.index import Index
from headrace_operator.monitor.board import Board, Shown
from headrace_operator.monitor.wal import Measured, Wal
from headrace_operator.overview import Overview
from headrace_operator.pipelines.slots import Slots
from headrace_operator.queues.workqueue import WorkQueue

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclasses.dataclass
class Part:
    """A part of the operator, as far as it is looked at here."""

    is_up: bool = True
    age: float = 7.0
    transitions: int = 3


class World:
    """An operator's parts, without the processes around them."""

    def __init__(self, *, per_pipeline: bool = True) -> None:
        self.index, self.queue, self.part = Index(), WorkQueue(), Part()
        self.at = 0.0
        self.board = Board()
        self.slots = Slots(1, self.queue.add, clock=lambda: self.at)
        self.tally = Tally(self.index.standings.run, per_pipeline=per_pipeline, clock=lambda: self.at)
        self.overview = Overview(
            standings=self.index.standings,
            tally=self.tally,
            slots=self.slots,
            queue=self.queue,
            watch=self.part,  # type: ignore[arg-type]
            sweep=self.part,  # type: ignore[arg-type]
            lease=self.part,  # type: ignore[arg-type]
            board=self.board,
            per_pipeline=per_pipeline,
            clock=NOW.timestamp,
        )

    def pipeline(self, name: str, **spec: Any) -> None:
        metadata = {"name": name, "uid": name, "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
        self.index.put(names.PIPELINE_PLURAL, {"metadata": metadata, "spec": {"name": name, **spec}})

    def run(self, uid: str, pipeline: str, **status: Any) -> None:
        owners = [{"kind": names.PIPELINE_KIND, "uid": pipeline}]
        metadata = {"name": uid, "uid": uid, "resourceVersion": "1", "ownerReferences": owners}
        self.index.put(names.RUN_PLURAL, {"metadata": metadata, "spec": {"pipeline": pipeline}, "status": status})

    def at_work(self, pipeline: str, uid: str, *, stream: bool = False) -> None:
        uids = frozenset({uid})
        self.run(uid, pipeline, phase="RUNNING", stream=stream)
        self.slots.settle(pipeline, Holds(at_work=uids, streams=uids if stream else frozenset()))

    def report(self, *, caught_up: datetime | None = None, **rows: int) -> None:
        seen = ProgressSeen(epoch=1, holder=1, first_seen_at=NOW, caught_up_at=caught_up)
        progress = {uid: dataclasses.replace(seen, rows_read=number) for uid, number in rows.items()}
        self.tally.note(StoreSeen(now=NOW, available_for=timedelta(), progress=progress))

    def series(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of a metric by those of its labels."""
        samples = [sample for family in self.overview.collect() for sample in family.samples if sample.name == name]
        return {tuple(sample.labels.values()): sample.value for sample in samples}


@pytest.fixture
def world() -> World:
    return World()


def test_all_that_is_promised_is_shown(world):
    world.pipeline("films", mode="incremental")
    world.run("a", "films", phase="SUCCESS", startedAt="2026-05-01T10:00:00.0Z", finishedAt="2026-05-01T11:00:00.0Z")
    world.at_work("films", "b")
    world.pipeline("books", mode="streaming")
    world.at_work("books", "c", stream=True)
    world.report(b=1, c=1)
    slot = Measured(slot=Slot(name="s", safe_wal_size=9), seconds_left=1)
    world.board.show(
        "s", Shown(plural=names.SOURCE_PLURAL, name="shop", is_up=True, at=NOW, wal=Wal(slots=(slot,), at=NOW))
    )
    world.board.show("d", Shown(plural=names.DESTINATION_PLURAL, name="warehouse", is_up=True, at=NOW))
    shown = [family.name for family in world.overview.collect() if family.samples]
    assert shown == [family.name for family in world.overview.collect()]
    assert set(shown) == {family.name.removesuffix("_total") for family in metrics.LEADERS}


def test_lag_is_counted_from_the_beginning_of_the_last_success_of_incremental_pipelines(world):
    for name, spec in {"films": {"mode": "incremental"}, "books": {}, "new": {"mode": "incremental"}}.items():
        world.pipeline(name, **spec)
    times = {"startedAt": "2026-05-01T10:00:00.000000Z", "finishedAt": "2026-05-01T11:00:00.000000Z"}
    for name in ("films", "books"):
        world.run(f"{name}-1", name, phase="SUCCESS", **times)
    assert world.series("headrace_pipeline_lag_seconds") == {("films",): 7200}
    ended = datetime(2026, 5, 1, 11, tzinfo=UTC).timestamp()
    last = world.series("headrace_pipeline_last_success_timestamp_seconds")
    assert last == {("films",): ended, ("books",): ended}


def test_a_pipeline_has_counters_before_it_ever_ran_and_none_when_it_is_gone(world):
    world.pipeline("films")
    assert world.series("headrace_rows_read_total") == {("films",): 0}
    zeros = {("films", "Load", "success"): 0, ("films", "Load", "failed"): 0}
    assert world.series("headrace_runs_finished_total") == zeros
    world.run("a", "films", phase="RUNNING")
    world.report(a=5)
    world.tally.end("films", "a", "Load", RunStatus(phase="FAILED"))
    assert world.series("headrace_rows_read_total") == {("films",): 5}
    assert world.series("headrace_runs_finished_total")["films", "Load", "failed"] == 1
    world.index.remove(names.PIPELINE_PLURAL, "films")
    # Also before the operator has come to forget them.
    assert world.series("headrace_rows_read_total") == {}
    assert world.series("headrace_runs_finished_total") == {}
    assert world.series("headrace_pipeline_consecutive_failures") == {}


def test_nothing_is_said_of_idle_runs_while_the_store_is_away(world):
    world.pipeline("films")
    world.run("a", "films", phase="RUNNING")
    world.slots.settle("films", Holds(at_work=frozenset({"a"})))
    world.report(a=5)
    assert world.series("headrace_run_idle_seconds") == {("films",): 0}
    world.part.is_up = False
    assert world.series("headrace_run_idle_seconds") == {}
    assert world.series("headrace_store_up") == {(): 0}


def test_without_pipelines_told_apart_there_is_one_series_of_each_counter():
    world = World(per_pipeline=False)
    for name in ("films", "books"):
        world.pipeline(name)
        world.run(f"{name}-1", name, phase="RUNNING")
    world.report(**{"films-1": 2, "books-1": 3})
    assert world.series("headrace_rows_read_total") == {("",): 5}
    assert world.series("headrace_pipeline_held") == {}


def test_pipelines_and_runs_are_shown_only_while_this_process_works(world):
    world.pipeline("films")
    with metrics.exported(world.overview):
        assert b'headrace_rows_read_total{pipeline="films"} 0.0' in generate_latest(REGISTRY)
    assert b"films" not in generate_latest(REGISTRY)
    assert b"headrace_store_up" not in generate_latest(REGISTRY)


def test_a_run_that_goes_on_after_a_pause_was_not_idle_while_it_was_paused(world):
    world.pipeline("films")
    world.run("a", "films", phase="RUNNING")
    world.slots.settle("films", Holds(at_work=frozenset({"a"})))
    world.report(a=5)
    world.slots.settle("films", Holds())
    world.at = 7200.0
    world.slots.settle("films", Holds(at_work=frozenset({"a"})))
    world.at = 7260.0
    assert world.series("headrace_run_idle_seconds") == {("films",): 60}


def test_ten_thousand_pipelines_can_be_told(world):
    for number in range(10_000):
        world.pipeline(f"pipeline-{number}")
        world.run(f"run-{number}", f"pipeline-{number}", phase="SUCCESS")
    world.report(**{f"run-{number}": 1 for number in range(10_000)})
    world.tally.forget_others({f"pipeline-{number}" for number in range(10_000)})
    with metrics.exported(world.overview):
        text = generate_latest(REGISTRY)
    assert text.count(b"\nheadrace_pipeline_held{") == 10_000


def test_a_stream_at_work_shows_its_lag_and_is_never_idle(world):
    """Where nothing changes there is nothing to be moved for hours."""
    world.pipeline("films", mode="streaming")
    world.at_work("films", "a", stream=True)
    world.report(a=5, caught_up=NOW - timedelta(seconds=2))
    world.at = 7200.0
    assert world.series("headrace_stream_lag_seconds") == {("films",): 2}
    assert world.series("headrace_streams_active") == {(): 1}
    assert world.series("headrace_run_idle_seconds") == {}


@pytest.mark.parametrize("why", ["the store is away", "it is paused", "it has not reported"])
def test_no_lag_is_shown_that_is_not_known(world, why):
    world.pipeline("films", mode="streaming")
    world.at_work("films", "a", stream=True)
    if why != "it has not reported":
        world.report(a=5, caught_up=NOW)
    if why == "it is paused":
        world.slots.settle("films", Holds())
    world.part.is_up = why != "the store is away"
    assert world.series("headrace_stream_lag_seconds") == {}


def test_an_incremental_pipeline_with_a_stream_at_work_shows_the_lag_of_that(world):
    """Its last run that ended may be long ago."""
    world.pipeline("films", mode="incremental")
    times = {"startedAt": "2026-05-01T10:00:00.000000Z", "finishedAt": "2026-05-01T11:00:00.000000Z"}
    world.run("a", "films", phase="SUCCESS", **times)
    world.at_work("films", "b", stream=True)
    world.report(b=1, caught_up=NOW)
    assert world.series("headrace_pipeline_lag_seconds") == {}
    assert world.series("headrace_stream_lag_seconds") == {("films",): 0}
