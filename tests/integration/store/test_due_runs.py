"""Which due times of a schedule have a run, and what a backfill asked for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from headrace.store.records import DueRun, RunRecord
from headrace.store.store import Store

NewRun = Callable[..., RunRecord]
SCHEDULE, OTHER, BACKFILL = (str(UUID(int=number)) for number in range(1, 4))


def due(hour: int) -> datetime:
    """A due time."""
    return datetime(2026, 1, 2, hour, tzinfo=UTC)


def seen(run: RunRecord) -> DueRun:
    """What is told of a run."""
    assert run.due_at is not None
    return DueRun(due_at=run.due_at, run_id=run.run_id, run_name=run.run_name, status=run.status)


@pytest.fixture
async def runs(store: Store, new_run: NewRun) -> dict[str, RunRecord]:
    """Of the due times 1 to 4: one failed, and was run again twice by a backfill; 3 never ran."""
    made = {
        "first": new_run(schedule_uid=SCHEDULE, due_at=due(1), status="SUCCESS"),
        "failed": new_run(minutes=1, schedule_uid=SCHEDULE, due_at=due(2), status="FAILED"),
        "again": new_run(minutes=2, schedule_uid=SCHEDULE, due_at=due(2), status="FAILED", backfill_uid=BACKFILL),
        "retried": new_run(minutes=3, schedule_uid=SCHEDULE, due_at=due(2), backfill_uid=BACKFILL, run_name="r1"),
        "late": new_run(minutes=1, schedule_uid=SCHEDULE, due_at=due(4), backfill_uid=BACKFILL),
        "other": new_run(schedule_uid=OTHER, due_at=due(1)),
        "by hand": new_run(),
        "gone": new_run(schedule_uid=SCHEDULE, due_at=due(3), pipeline_uid=str(uuid4()), backfill_uid=BACKFILL),
    }
    for run in made.values():
        await store.save_run(run)
    await store.mark_deleted(made["gone"].pipeline_uid)
    return made


async def test_a_due_time_shows_its_latest_run(store: Store, runs: dict[str, RunRecord]) -> None:
    times = [due(hour) for hour in (4, 3, 2, 2)]
    assert await store.runs_due(SCHEDULE, times) == [seen(runs["retried"]), seen(runs["late"])]
    assert await store.runs_due(SCHEDULE, []) == []
    assert await store.runs_due("no-uuid", times) == []


async def test_an_instant_is_the_same_in_any_zone(store: Store, runs: dict[str, RunRecord]) -> None:
    from_elsewhere = due(1).astimezone(tz=None)
    assert await store.runs_due(SCHEDULE, [from_elsewhere]) == [seen(runs["first"])]


async def test_a_span_of_due_times_includes_its_beginning_only(store: Store, runs: dict[str, RunRecord]) -> None:
    assert await store.runs_of_schedule(SCHEDULE, due(1), due(4)) == [seen(runs["first"]), seen(runs["retried"])]
    assert await store.runs_of_schedule(SCHEDULE, due(4), due(4) + timedelta.resolution) == [seen(runs["late"])]
    assert await store.runs_of_schedule(SCHEDULE, due(4), due(1)) == []
    assert await store.runs_of_schedule("no-uuid", due(1), due(4)) == []


async def test_a_backfill_shows_all_it_asked_for_and_the_latest_of_a_due_time_last(
    store: Store, runs: dict[str, RunRecord]
) -> None:
    assert await store.runs_of_backfill(BACKFILL) == [seen(runs[name]) for name in ("again", "retried", "late")]
    assert await store.runs_of_backfill("no-uuid") == []
