"""A run's lines: counted, followed while they come, and never more than a run may keep."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from headrace.store.progress import LogLine, write_logs
from headrace.store.records import RunRecord
from headrace.store.store import Store

NewRun = Callable[..., RunRecord]
Runner = psycopg.Connection[Any]
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def lines(count: int) -> list[LogLine]:
    """Lines of all levels in turn."""
    return [LogLine(AT, LEVELS[number % 4], str(number)) for number in range(count)]


def fill(runner: Runner, run_id: str, count: int) -> None:
    """Writes many lines at once, numbered from 1."""
    runner.execute(
        "INSERT INTO headrace.run_logs (run_id, at, level, message) "
        "SELECT %s, now(), 'INFO', n::text FROM generate_series(1, %s) AS n",
        (run_id, count),
    )


def kept(runner: Runner, run_id: str) -> tuple[int, str]:
    """How many lines there are, and the oldest of them."""
    query = "SELECT count(*), (array_agg(message ORDER BY id))[1] FROM headrace.run_logs WHERE run_id = %s"
    ((count, oldest),) = runner.execute(query, (run_id,)).fetchall()
    return count, oldest


@pytest.mark.parametrize(("min_level", "expected"), [("DEBUG", 10), ("INFO", 7), ("WARNING", 4), ("ERROR", 2)])
async def test_lines_are_counted_as_they_are_listed(
    store: Store, runner: Runner, min_level: str, expected: int
) -> None:
    run_id = str(uuid4())
    write_logs(runner, run_id, lines(10))
    assert await store.count_logs(run_id, min_level=min_level) == expected
    assert len(await store.list_logs(run_id, min_level=min_level, limit=100)) == expected
    assert await store.count_logs("no-uuid") == 0


async def test_whoever_follows_a_run_sees_each_line_once(store: Store, runner: Runner) -> None:
    run_id, followed, last = str(uuid4()), [], 0
    for written in range(3):
        write_logs(runner, run_id, lines(5))
        write_logs(runner, str(uuid4()), lines(2))
        while page := await store.logs_after(run_id, last, limit=2):
            followed += [line for _, line in page]
            last = page[-1][0]
        assert followed == lines(5) * (written + 1)
    assert await store.logs_after("no-uuid", 0, limit=2) == []
    errors = await store.logs_after(run_id, 0, min_level="ERROR", limit=10)
    assert [line.message for _, line in errors] == ["3"] * 3


async def test_a_run_keeps_its_latest_lines(store: Store, new_run: NewRun, runner: Runner) -> None:
    """While it is at work, and for a day after: what it wrote last is then looked at too."""
    now = datetime.now(UTC)
    stream = new_run(status="RUNNING", is_stream=True)
    ended = new_run(status="SUCCESS", finished_at=now - timedelta(hours=2))
    full, old = new_run(status="RUNNING"), new_run(status="SUCCESS", finished_at=now - timedelta(days=2))
    for run, count in [(stream, 12_000), (ended, 10_001), (full, 10_000), (old, 10_001)]:
        await store.save_run(run)
        fill(runner, run.run_id, count)
    assert await store.trim_logs() == 2_001
    assert await store.trim_logs() == 0
    assert [kept(runner, run.run_id) for run in (stream, ended, full, old)] == [
        (10_000, "2001"),
        (10_000, "2"),
        (10_000, "1"),
        (10_001, "1"),
    ]
