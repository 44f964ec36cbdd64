"""What runners report is what the operator observes, whatever comes late, twice, or from a replaced runner."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from headrace.runspec import RunSpec
from headrace.store.progress import DONE, FAILED, STOPPED, LogLine, Progress, Reporter, last_report, report, write_logs
from headrace.store.records import RunProgress, RunRecord
from headrace.store.store import Store

Runner = psycopg.Connection[Any]


@pytest.fixture
async def run(store: Store, new_run: Callable[..., RunRecord]) -> RunRecord:
    """A run that the operator has started."""
    run = new_run(status="RUNNING")
    await store.save_run(run)
    return run


@pytest.fixture
def spec(run: RunRecord, spec_of: Callable[[RunRecord], RunSpec]) -> RunSpec:
    """Its spec."""
    return spec_of(run)


async def _seen(store: Store, run: RunRecord) -> RunProgress:
    return (await store.observe([run.run_id])).progress[run.run_id]


async def test_before_the_first_report_nothing_was_seen(store: Store, run: RunRecord) -> None:
    seen = await _seen(store, run)
    assert (seen.reporter_epoch, seen.first_seen_at, seen.seen_at, seen.advanced_at) == (0, None, None, None)
    assert (seen.outcome, seen.notes, seen.result, seen.last_key) == (None, {}, None, None)


async def test_a_report_is_observed_with_its_checkpoint(
    store: Store, run: RunRecord, spec: RunSpec, runner: Runner
) -> None:
    progress = Progress(
        sequence=3,
        rows_read=20,
        rows_written=10,
        batches=2,
        bytes_read=4096,
        last_key=("a", None),
        last_value="2026-01-01",
        advanced=True,
        notes={"Keyless": "there is no key"},
    )
    report(runner, spec, Reporter(run_id=run.run_id, epoch=5, holder=2), progress)
    snapshot = await store.observe([run.run_id, str(uuid4())])
    seen = snapshot.progress.pop(run.run_id)
    assert snapshot.progress == {}
    assert (seen.rows_read, seen.rows_written, seen.batches, seen.bytes_read) == (20, 10, 2, 4096)
    assert last_report(runner, run.run_id) == (
        Reporter(run_id=run.run_id, epoch=5, holder=2),
        Progress(sequence=0, rows_read=20, rows_written=10, batches=2, bytes_read=4096),
    )
    assert (seen.reporter_epoch, seen.reporter_holder, seen.sequence) == (5, 2, 3)
    assert (seen.last_key, seen.last_value) == (["a", None], "2026-01-01")
    assert seen.notes == {"Keyless": "there is no key"}
    assert seen.first_seen_at == seen.seen_at == seen.advanced_at
    assert seen.seen_at is not None
    assert timedelta(0) <= snapshot.now - seen.seen_at < timedelta(minutes=1)


_LATE = [
    pytest.param((5, 2, 9), (5, 2, 8), id="an earlier message of the same runner"),
    pytest.param((5, 2, 9), (5, 2, 9), id="the same message twice"),
    pytest.param((5, 2, 9), (5, 1, 99), id="a runner whose fence was taken"),
    pytest.param((5, 2, 9), (4, 7, 99), id="a runner of an earlier Job"),
]


@pytest.mark.parametrize(("first", "late"), _LATE)
async def test_a_late_message_changes_nothing(
    store: Store, run: RunRecord, spec: RunSpec, runner: Runner, first: tuple[int, ...], late: tuple[int, ...]
) -> None:
    def tell(stamp: tuple[int, ...], rows: int, outcome: str | None) -> None:
        epoch, holder, sequence = stamp
        progress = Progress(sequence=sequence, rows_read=rows, last_key=(str(rows),), outcome=outcome, advanced=True)
        report(runner, spec, Reporter(run_id=run.run_id, epoch=epoch, holder=holder), progress)

    tell(first, 100, None)
    before = await _seen(store, run)
    tell(late, 50, FAILED)
    assert await _seen(store, run) == before


async def test_done_is_the_last_word_but_failed_and_stopped_are_not(
    store: Store, run: RunRecord, spec: RunSpec, runner: Runner
) -> None:
    outcomes = [
        (STOPPED, STOPPED),
        (None, None),
        (FAILED, FAILED),
        (None, None),
        (DONE, DONE),
        (None, DONE),
        (FAILED, DONE),
    ]
    for holder, (told, expected) in enumerate(outcomes, start=1):
        reporter = Reporter(run_id=run.run_id, epoch=1, holder=holder)
        report(runner, spec, reporter, Progress(sequence=1, outcome=told, message=told))
        assert (await _seen(store, run)).outcome == expected


async def test_silence_and_standstill_are_told_apart(
    store: Store, run: RunRecord, spec: RunSpec, runner: Runner
) -> None:
    reporter = Reporter(run_id=run.run_id, epoch=1, holder=1)
    report(runner, spec, reporter, Progress(sequence=1, advanced=True))
    first = await _seen(store, run)
    report(runner, spec, reporter, Progress(sequence=2))
    second = await _seen(store, run)
    assert second.seen_at is not None
    assert first.seen_at is not None
    assert second.seen_at > first.seen_at
    assert (second.advanced_at, second.first_seen_at) == (first.advanced_at, first.first_seen_at)


async def test_a_result_and_notes_stay_until_others_come(
    store: Store, run: RunRecord, spec: RunSpec, runner: Runner
) -> None:
    reporter = Reporter(run_id=run.run_id, epoch=1, holder=1)
    result = {"source_count": 2, "target_count": 1, "text": "a\0b"}
    report(runner, spec, reporter, Progress(sequence=1, result=result, notes={"A": "a"}))
    report(runner, spec, reporter, Progress(sequence=2))
    seen = await _seen(store, run)
    assert seen.result == {**result, "text": "a\N{REPLACEMENT CHARACTER}b"}
    assert seen.notes == {"A": "a"}
    found = await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid)
    assert found is not None
    assert found.result == seen.result


async def test_the_mirror_is_that_of_the_last_run_of_this_very_pipeline(
    store: Store, run: RunRecord, spec: RunSpec, runner: Runner
) -> None:
    async def mirror(pipeline_uid: str) -> tuple[list[str | None] | None, str | None, bool] | None:
        found = await store.get_checkpoint("headrace", "etl", "film-dim", pipeline_uid=pipeline_uid)
        return (found.last_key, found.last_value, found.done) if found else None

    assert await mirror(run.pipeline_uid) is None
    last = Progress(sequence=1, last_key=("9",), last_value="7", outcome=DONE, advanced=True)
    report(runner, spec, Reporter(run_id=run.run_id, epoch=1, holder=1), last)
    assert await mirror(run.pipeline_uid) == (["9"], "7", True)

    recreated = replace(run, run_id=str(uuid4()), pipeline_uid=str(uuid4()))
    await store.save_run(recreated)
    assert await mirror(recreated.pipeline_uid) is None
    new_spec = replace(spec, run_id=recreated.run_id, pipeline_uid=recreated.pipeline_uid)
    first = Progress(sequence=1, last_key=("1",), advanced=True)
    report(runner, new_spec, Reporter(run_id=recreated.run_id, epoch=2, holder=1), first)
    assert await mirror(recreated.pipeline_uid) == (["1"], None, False)
    assert await mirror(run.pipeline_uid) is None
    assert (await _seen(store, run)).last_key is None


async def test_log_lines_are_read_in_order_from_a_level_up(store: Store, run: RunRecord, runner: Runner) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "INFO")
    # The second pod's clock is behind the first one's: the lines stay in the order in which they came.
    lines = [LogLine(at - timedelta(seconds=n), level, f"{level} {n}\0") for n, level in enumerate(levels)]
    write_logs(runner, run.run_id, lines[:3])
    write_logs(runner, run.run_id, lines[3:])
    stored = [replace(line, message=line.message.replace("\0", "\N{REPLACEMENT CHARACTER}")) for line in lines]
    assert await store.list_logs(run.run_id, limit=10) == stored
    assert await store.list_logs(run.run_id, min_level="WARNING", limit=10) == stored[2:4]
    assert await store.list_logs(run.run_id, min_level="INFO", limit=2, offset=2) == [stored[3], stored[4]]
    assert await store.list_logs(str(uuid4()), limit=10) == []


async def test_500_runs_are_observed_in_a_fraction_of_a_second(store: Store, runner: Runner) -> None:
    runner.execute("""
        INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                   status, created_at)
        SELECT gen_random_uuid(), 'headrace', 'etl', gen_random_uuid(), 'p' || n, 'r', 'Load', 'RUNNING', now()
        FROM generate_series(1, 5000) AS n
    """)
    ids = [run_id for (run_id,) in runner.execute("SELECT run_id::text FROM headrace.runs LIMIT 500").fetchall()]
    await store.observe(ids)
    started = asyncio.get_running_loop().time()
    snapshot = await store.observe(ids)
    assert set(snapshot.progress) == set(ids)
    assert asyncio.get_running_loop().time() - started < 0.25
