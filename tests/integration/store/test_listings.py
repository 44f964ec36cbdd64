"""Runs across pipelines: in which order, which of them, and at what cost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from headrace.store.listings import SORT_FIELDS, Page, Wanted, by_pipeline, straight
from headrace.store.records import RunRecord
from headrace.store.store import Store

NewRun = Callable[..., RunRecord]
SCOPE = ("headrace", "etl")
START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
PIPELINES = [str(UUID(int=number)) for number in range(1, 5)]
STATES = ("PENDING", "RUNNING", "SUCCESS", "FAILED")


@pytest.fixture
async def runs(store: Store, new_run: NewRun, runner: psycopg.Connection[Any]) -> list[RunRecord]:
    """Runs of four pipelines, of which many share a value, beside some that no list shows."""
    made = []
    for number in range(24):
        started_at = START + timedelta(minutes=number % 5) if number % 3 else None
        finished_at = START + timedelta(hours=number % 4) if number % 4 else None
        run = new_run(
            minutes=number // 3,
            pipeline_uid=PIPELINES[number % 3],
            status=STATES[number % 4],
            started_at=started_at,
            finished_at=finished_at,
        )
        await store.save_run(run)
        made.append(run)
    runner.execute("UPDATE headrace.runs SET rows_read = extract(minute FROM created_at), rows_written = rows_read % 2")
    await store.save_run(new_run(kind="Reconcile"))
    await store.save_run(new_run(namespace="other"))
    await store.save_run(new_run(installation="other"))
    await store.save_run(new_run(pipeline_uid=PIPELINES[3]))
    await store.mark_deleted(PIPELINES[3])
    return [run for run in [await store.find_run(SCOPE, run.run_id) for run in made] if run]


_VALUES: dict[str, Callable[[RunRecord], Any]] = {
    "id": lambda run: run.run_id,
    "created_at": lambda run: run.created_at,
    "started_at": lambda run: run.started_at,
    "finished_at": lambda run: run.finished_at,
    "state": lambda run: run.status,
    "status": lambda run: run.status,
    "pipeline_id": lambda run: run.pipeline_uid,
    "rows_read": lambda run: run.rows_read,
    "rows_written": lambda run: run.rows_written,
}


def in_order(runs: list[RunRecord], sort: str) -> list[RunRecord]:
    """By the value, what has none last, then by id in the same direction."""
    value, is_down = _VALUES[sort.removeprefix("-")], sort.startswith("-")
    there = sorted(
        (run for run in runs if value(run) is not None), key=lambda run: (value(run), run.run_id), reverse=is_down
    )
    return there + sorted((run for run in runs if value(run) is None), key=lambda run: run.run_id, reverse=is_down)


def test_every_sort_has_its_row() -> None:
    assert set(_VALUES) == SORT_FIELDS


@pytest.mark.parametrize("sort", [sign + field for field in _VALUES for sign in ("", "-")])
async def test_a_list_is_in_order_page_by_page(store: Store, runs: list[RunRecord], sort: str) -> None:
    assert len(runs) == 24
    for wanted in (None, PIPELINES[:2]):
        pages = [
            await store.list_all_runs(SCOPE, pipeline_uids=wanted, sort=sort, limit=7, offset=offset)
            for offset in (0, 7, 14, 21)
        ]
        expected = [run for run in in_order(runs, sort) if wanted is None or run.pipeline_uid in wanted]
        assert [run for page in pages for run in page] == expected


@pytest.mark.parametrize("status", [None, *STATES, "nonsense"])
@pytest.mark.parametrize(
    "uids",
    [None, [], PIPELINES[:1], PIPELINES[1:3] * 2, PIPELINES, [str(UUID(int=9)), "no-uuid"]],
    ids=["all", "none", "one", "twice", "one-was-deleted", "unknown"],
)
async def test_filters_and_counts_agree(
    store: Store, runs: list[RunRecord], uids: list[str] | None, status: str | None
) -> None:
    expected = [
        run
        for run in in_order(runs, "-created_at")
        if (uids is None or run.pipeline_uid in uids) and (status is None or run.status == status)
    ]
    found = await store.list_all_runs(SCOPE, pipeline_uids=uids, status=status, limit=100)
    assert found == expected
    assert await store.count_all_runs(SCOPE, pipeline_uids=uids, status=status) == len(expected)


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
@pytest.mark.parametrize("status", [None, "FAILED"])
def test_both_ways_to_a_page_give_the_same(
    runs: list[RunRecord], runner: psycopg.Connection[Any], sort: str, status: str | None
) -> None:
    """From all runs in order, or from what each pipeline has: only the cost differs."""
    wanted = Wanted(scope=SCOPE, pipeline_uids=PIPELINES[:2], status=status)
    for offset in (0, 2, 3, 100):
        page = Page(sort=sort, limit=3, offset=offset)
        values = {**wanted.values, "limit": 3, "offset": offset, "until": offset + 3}
        ways = [runner.execute(way(wanted, page), values).fetchall() for way in (straight, by_pipeline)]
        assert ways[0] == ways[1]
        assert (ways[0] == []) == (offset == 100)


async def test_far_beyond_the_end_is_an_empty_page(store: Store, runs: list[RunRecord]) -> None:
    for uids in (None, PIPELINES):
        assert await store.list_all_runs(SCOPE, pipeline_uids=uids, limit=100, offset=10**30) == []


@pytest.mark.parametrize("sort", ["", "-", "--id", "name", "created_at; DROP TABLE headrace.runs"])
async def test_another_sort_is_refused(store: Store, sort: str) -> None:
    with pytest.raises(KeyError):
        await store.list_all_runs(SCOPE, sort=sort, limit=1)


async def test_a_run_is_found_whatever_its_pipeline_but_in_its_namespace(store: Store, new_run: NewRun) -> None:
    run, gone = new_run(kind="Reconcile"), new_run(pipeline_uid=str(uuid4()))
    for each in (run, gone):
        await store.save_run(each)
    await store.mark_deleted(gone.pipeline_uid)
    assert await store.find_run(SCOPE, run.run_id) == run
    assert await store.find_run(SCOPE, run.run_id.upper()) == run
    for scope, run_id in [
        (SCOPE, gone.run_id),
        (SCOPE, str(uuid4())),
        (SCOPE, "no-uuid\0"),
        (("headrace", "other"), run.run_id),
        (("other", "etl"), run.run_id),
    ]:
        assert await store.find_run(scope, run_id) is None
    assert await store.known_runs([run.run_id, gone.run_id, str(uuid4()), "no-uuid"]) == {run.run_id, gone.run_id}
    assert await store.known_runs([]) == set()
