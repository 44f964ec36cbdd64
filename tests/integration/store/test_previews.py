"""Previews in the store: what they found can be read, and nothing else shows that there was one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from headrace.runspec import RunSpec
from headrace.store.progress import DONE, FAILED, Progress, Reporter, load_spec, report
from headrace.store.records import RunRecord
from headrace.store.store import Store

SCOPE = ("headrace", "etl")
TABLES = {"tables": [{"schema": "content", "name": "film_work"}], "truncated": False}
Runner = psycopg.Connection[Any]


@pytest.fixture
def ask(
    store: Store, runner: Runner, new_run: Callable[..., RunRecord], spec_of: Callable[[RunRecord], RunSpec]
) -> Callable[..., Any]:
    """Saves a preview, as the operator does, and what its runner found."""

    async def asked(
        *, source: str = "films", query: str = "", age: timedelta = timedelta(0), outcome: str = DONE,
        result: dict[str, Any] | None = TABLES,
    ) -> RunRecord:  # fmt: skip
        uid = str(uuid4())
        preview = new_run(
            run_id=uid, kind="Preview", pipeline_uid=uid, pipeline_name="", status="RUNNING",
            created_at=datetime.now(UTC) - age,
        )  # fmt: skip
        spec = replace(spec_of(preview), kind="Preview", source=source, query=query)
        await store.save_run(preview, spec)
        report(
            runner, spec, Reporter(run_id=uid, epoch=1, holder=1), Progress(sequence=1, outcome=outcome, result=result)
        )
        return preview

    return asked


async def test_what_a_preview_found_can_be_read_by_its_run(store: Store, runner: Runner, ask: Any) -> None:
    preview = await ask()
    assert await store.preview_result(preview.run_id) == TABLES
    spec = load_spec(runner, preview.run_id)
    assert spec is not None
    assert spec.kind == "Preview"
    assert (await store.observe([preview.run_id])).progress[preview.run_id].outcome == DONE
    for other in (str(uuid4()), "no uid"):
        assert await store.preview_result(other) is None


async def test_a_run_that_is_no_preview_shows_nothing_as_one(
    store: Store, new_run: Any, spec_of: Any, runner: Runner
) -> None:
    run = new_run(kind="Reconcile")
    await store.save_run(run, spec_of(run))
    report(runner, spec_of(run), Reporter(run_id=run.run_id, epoch=1, holder=1), Progress(sequence=1, result={"a": 1}))
    assert await store.preview_result(run.run_id) is None


async def test_no_list_no_count_and_no_statistic_shows_a_preview(store: Store, ask: Any) -> None:
    preview = await ask()
    await store.finish_run(preview.run_id, status="SUCCESS", finished_at=datetime.now(UTC))
    assert await store.list_all_runs(SCOPE, limit=10) == []
    assert await store.count_all_runs(SCOPE) == 0
    assert (await store.statistics(SCOPE)).total_runs == 0
    assert await store.list_runs(preview.run_id, limit=10, without=None) == []
    assert await store.find_run(SCOPE, preview.run_id) is None
    assert await store.get_runs(SCOPE, [preview.run_id]) == []
    assert await store.pipelines_with_history(*SCOPE) == set()
    # It is there for the operator, which would else write it again.
    assert await store.known_runs([preview.run_id]) == {preview.run_id}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param({}, True, id="the tables of the source"),
        pytest.param({"age": timedelta(seconds=59)}, True, id="not too old"),
        pytest.param({"age": timedelta(seconds=61)}, False, id="too old"),
        pytest.param({"source": "books"}, False, id="of another source"),
        pytest.param({"query": "SELECT 1"}, False, id="rows of a query"),
        pytest.param({"outcome": FAILED, "result": None}, False, id="it failed"),
    ],
)
async def test_tables_are_found_again_while_they_are_new(store: Store, ask: Any, asked: Any, found: bool) -> None:
    await ask(**asked)
    now = datetime.now(UTC)
    tables = await store.latest_tables(SCOPE, "films", now - timedelta(seconds=60))
    assert tables == (TABLES if found else None)
    assert await store.latest_tables(("headrace", "elsewhere"), "films", now - timedelta(hours=1)) is None


async def test_of_several_the_latest_tables_are_found(store: Store, ask: Any) -> None:
    await ask(result={"tables": [], "truncated": False}, age=timedelta(seconds=9))
    await ask(age=timedelta(seconds=5))
    await ask(outcome=FAILED, result=None)
    assert await store.latest_tables(SCOPE, "films", datetime.now(UTC) - timedelta(minutes=1)) == TABLES


async def test_a_preview_is_removed_after_an_hour_and_nothing_else_with_it(
    store: Store, ask: Any, new_run: Any, runner: Runner
) -> None:
    old, new, run = await ask(age=timedelta(minutes=61)), await ask(age=timedelta(minutes=55)), new_run()
    await store.save_run(run)
    assert await store.purge_previews() == 1
    assert await store.purge(timedelta(days=7)) == 0
    assert await store.preview_result(old.run_id) is None
    assert await store.preview_result(new.run_id) == TABLES
    assert await store.count_all_runs(SCOPE) == 1
