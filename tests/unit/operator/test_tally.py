"""Counters only grow, count nothing twice, and begin where a new operator began to watch."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from headrace.lifecycle.observed import ProgressSeen, StoreSeen
from headrace.model.run import RunProgress, RunStatus
from headrace_operator.figures.standings import RunStanding
from headrace_operator.figures.tally import ALL, Counts, Tally

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RUNS = {
    uid: RunStanding(pipeline=pipeline, owner="p", kind="Load", phase="RUNNING", started_at=None, finished_at=None)
    for uid, pipeline in {"old": "films", "new": "films", "other": "books"}.items()
}
RUNS["stream"] = dataclasses.replace(RUNS["new"], is_stream=True)


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tally(clock):
    made = Tally(RUNS.get, clock=clock)
    made.note(StoreSeen(now=NOW, available_for=timedelta()))
    return made


def progress(rows, *, minutes=1, epoch=1, holder=1, written=0, size=0):
    return ProgressSeen(
        rows_read=rows,
        rows_written=written,
        bytes_read=size,
        epoch=epoch,
        holder=holder,
        first_seen_at=NOW + timedelta(minutes=minutes),
    )


def seen(**runs):
    return StoreSeen(now=NOW, available_for=timedelta(), progress=runs)


def test_counters_move_while_a_run_is_at_work(tally):
    for rows in (10, 10, 25):
        tally.note(seen(new=progress(rows, written=rows - 5, size=rows * 100)))
    assert tally.moved("films") == Counts(rows_read=25, rows_written=20, bytes_read=2500)
    assert tally.moved("books") == Counts()


def test_a_run_that_began_before_this_process_counts_from_what_it_had(tally):
    tally.note(seen(old=progress(1000, minutes=-1)))
    assert tally.moved("films").rows_read == 0
    tally.note(seen(old=progress(1300, minutes=-1)))
    assert tally.moved("films").rows_read == 300


def test_a_run_that_is_resumed_is_not_counted_again(tally):
    tally.note(seen(new=progress(100)))
    tally.note(seen())
    tally.note(seen(new=progress(100, holder=2)))
    tally.note(seen(new=progress(150, holder=2)))
    assert tally.moved("films").rows_read == 150


def test_a_run_that_starts_over_lowers_no_counter(tally):
    for rows in (100, 0, 40):
        tally.note(seen(new=progress(rows)))
    assert tally.moved("films").rows_read == 140


def test_the_last_word_counts_also_when_the_store_was_away(tally):
    tally.note(seen(new=progress(100)))
    status = RunStatus(phase="SUCCESS", progress=RunProgress(rows_read=120))
    tally.end("films", "new", "Load", status)
    tally.note(seen(new=progress(120)))
    assert tally.moved("films").rows_read == 120
    assert tally.ended == {("films", "Load", "success"): 1}


def test_a_run_of_which_nothing_was_reported_has_moved_nothing(tally):
    tally.note(seen(new=progress(0, epoch=0)))
    tally.note(seen(unknown=progress(5)))
    assert tally.idle_seconds("new") is None
    assert tally.idle_seconds("unknown") is None


def test_idle_is_a_run_whose_counts_stand_still_and_which_nobody_has_taken_over(tally, clock):
    tally.note(seen(new=progress(100)))
    clock.at = 60
    tally.note(seen(new=progress(100)))
    assert tally.idle_seconds("new") == 60
    tally.note(seen(new=progress(100, holder=2)))
    assert tally.idle_seconds("new") == 0


def test_pipelines_that_are_gone_are_forgotten(tally):
    tally.note(seen(new=progress(1), other=progress(2)))
    tally.end("books", "other", "Load", RunStatus(phase="FAILED"))
    tally.forget_others({"films"})
    assert (tally.moved("films").rows_read, tally.moved("books").rows_read, tally.ended) == (1, 0, {})


def test_where_pipelines_are_not_told_apart_there_is_one_sum():
    tally = Tally(RUNS.get, per_pipeline=False)
    tally.note(seen(new=progress(1), other=progress(2)))
    tally.end("books", "other", "Load", RunStatus(phase="FAILED"))
    tally.forget_others({"films"})
    assert tally.moved("whichever").rows_read == 3
    assert tally.ended == {(ALL, "Load", "failed"): 1}


def test_a_run_that_was_away_for_a_moment_is_not_counted_anew(clock):
    """A look at it may be on its way while its deletion is told."""
    known = dict(RUNS)
    tally = Tally(known.get, clock=clock)
    tally.note(StoreSeen(now=NOW, available_for=timedelta()))
    tally.note(seen(new=progress(100)))
    ghost = known.pop("new")
    tally.forget_others({"films"})
    known["new"] = ghost
    tally.note(seen(new=progress(100)))
    assert tally.moved("films").rows_read == 100


def test_nothing_is_kept_of_runs_that_are_gone(clock):
    known = dict(RUNS)
    tally = Tally(known.get, clock=clock)
    tally.note(StoreSeen(now=NOW, available_for=timedelta()))
    tally.note(seen(new=progress(100)))
    del known["new"]
    for _ in range(2):
        tally.forget_others({"films"})
    assert tally.idle_seconds("new") is None


def test_how_far_a_stream_is_behind_is_what_the_store_last_told(tally):
    ago = dataclasses.replace(progress(1, minutes=-60), caught_up_at=NOW - timedelta(seconds=3))
    tally.note(seen(stream=ago, new=ago))
    assert (tally.stream_lag("stream"), tally.stream_lag("new"), tally.stream_lag("unknown")) == (3, None, None)
    tally.note(seen(stream=dataclasses.replace(ago, caught_up_at=None)))
    assert tally.stream_lag("stream") == 3600


def test_the_lag_of_a_stream_that_is_gone_is_forgotten(clock):
    runs = {"stream": RUNS["stream"]}
    tally = Tally(runs.get, clock=clock)
    tally.note(seen(stream=progress(1)))
    runs.clear()
    for _ in range(2):
        tally.forget_others(["films"])
    assert tally.stream_lag("stream") is None
