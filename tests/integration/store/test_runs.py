"""The history: who may write what, what is shown and in which order, and how it ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from headrace.errors import PermanentError
from headrace.runspec import RunSpec
from headrace.store.dead_letters import Letter, save
from headrace.store.progress import Progress, Reporter, load_spec, report, run_status
from headrace.store.records import RunRecord, Success
from headrace.store.runs import MARK_BATCH
from headrace.store.store import Store

NewRun = Callable[..., RunRecord]
SpecOf = Callable[[RunRecord], RunSpec]
ENDED = datetime(2026, 1, 2, 4, 0, tzinfo=UTC)


async def test_a_saved_run_reads_the_same(store: Store, new_run: NewRun) -> None:
    run = new_run(status="RUNNING", attempt=2, epoch=1_800_000_000_000, started_at=ENDED)
    await store.save_run(run)
    assert await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid) == run


async def test_the_runner_reads_the_spec_that_was_saved(
    store: Store, new_run: NewRun, spec_of: SpecOf, runner: psycopg.Connection[Any]
) -> None:
    run = new_run()
    assert load_spec(runner, run.run_id) is None
    await store.save_run(run)
    assert load_spec(runner, run.run_id) is None
    await store.save_run(run, spec_of(run))
    await store.save_run(replace(run, status="RUNNING"))
    assert load_spec(runner, run.run_id) == spec_of(run)
    assert run_status(runner, run.run_id) == "RUNNING"


async def test_saving_keeps_what_the_operator_no_longer_says(store: Store, new_run: NewRun) -> None:
    run = new_run(status="RUNNING", epoch=7, started_at=ENDED)
    await store.save_run(run)
    await store.save_run(replace(run, status="PAUSED", epoch=None, started_at=None))
    assert await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid) == replace(run, status="PAUSED")


_ASKED: dict[str, Any] = {
    "project": "cinema",
    "pipeline_shown": "film_dim_full ü",
    "params": {"since": "2026-01-01", "n": 1.5, "ids": [1, None], "text": "'; --"},
    "tags": {"team": "cinema"},
    "cancel_reason": "no longer wanted",
    "schedule": "nightly",
    "schedule_uid": str(uuid4()),
    "due_at": ENDED,
    "backfill": "january",
    "backfill_uid": str(uuid4()),
    "nodes": [["read", "extract"], ["write", "load"]],
    "is_stream": True,
}


async def test_what_was_asked_for_is_kept_when_it_is_no_longer_said(store: Store, new_run: NewRun) -> None:
    run = new_run(**_ASKED)
    await store.save_run(run)
    assert await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid) == run
    await store.save_run(new_run(run_id=run.run_id, status="RUNNING"))
    assert await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid) == replace(run, status="RUNNING")


@pytest.mark.parametrize("name", _ASKED)
async def test_what_is_said_later_is_saved(store: Store, new_run: NewRun, name: str) -> None:
    run = new_run()
    await store.save_run(run)
    later = replace(run, **{name: _ASKED[name]})
    await store.save_run(later)
    assert await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid) == later


@pytest.mark.parametrize(("tags", "nodes"), [(["a", "b"], []), ([], [["x", "load"]]), ({}, None)])
async def test_tags_are_kept_as_they_were_given(store: Store, new_run: NewRun, tags: Any, nodes: Any) -> None:
    run = new_run(tags=tags, params={}, nodes=nodes)
    await store.save_run(run)
    assert await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid) == run


async def test_what_postgres_cannot_store_of_what_was_asked_for_is_left_out(store: Store, new_run: NewRun) -> None:
    """A run is never lost for a character in its parameters."""
    run = new_run(params={"a\0": ["\0", "\ud800"]}, tags={"t": "\0"}, cancel_reason="\0", pipeline_shown="\ud800")
    await store.save_run(run)
    found = await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid)
    mark = "\N{REPLACEMENT CHARACTER}"
    expected = replace(run, params={f"a{mark}": [mark, "?"]}, tags={"t": mark}, cancel_reason=mark, pipeline_shown="?")
    assert found == expected


async def test_stages_and_lag_are_observed_and_shown(
    store: Store, new_run: NewRun, runner: psycopg.Connection[Any]
) -> None:
    run, stages = new_run(is_stream=True), {"extract": {"state": "RUNNING", "rows_read": 3}}
    await store.save_run(run)
    before = (await store.observe([run.run_id])).progress[run.run_id]
    assert (before.stages, before.caught_up_at) == ({}, None)
    runner.execute("UPDATE headrace.runs SET stages = %s, caught_up_at = %s", (Jsonb(stages), ENDED))
    await store.save_run(run)
    seen = (await store.observe([run.run_id])).progress[run.run_id]
    assert (seen.stages, seen.caught_up_at) == (stages, ENDED)
    found = await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid)
    assert found == replace(run, stages=stages, caught_up_at=ENDED)


async def test_saving_leaves_the_runners_columns_alone(
    store: Store, new_run: NewRun, spec_of: SpecOf, runner: psycopg.Connection[Any]
) -> None:
    run = new_run()
    await store.save_run(run)
    reporter = Reporter(run_id=run.run_id, epoch=1, holder=1)
    report(runner, spec_of(run), reporter, Progress(sequence=1, rows_read=9, rows_written=8, bad_rows=1, batches=2))
    await store.save_run(replace(run, status="RUNNING", rows_read=0))
    found = await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid)
    assert found == replace(run, status="RUNNING", rows_read=9, rows_written=8, bad_rows=1, batches=2)


async def test_the_first_end_of_a_run_stays(store: Store, new_run: NewRun) -> None:
    run = new_run(status="RUNNING")
    await store.save_run(run)
    await store.finish_run(run.run_id, status="FAILED", finished_at=ENDED, error_message="no such column")
    await store.finish_run(run.run_id, status="SUCCESS", finished_at=ENDED + timedelta(hours=1))
    await store.save_run(replace(run, status="RUNNING", attempt=3))
    found = await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid)
    assert found == replace(run, status="FAILED", finished_at=ENDED, error_message="no such column")


async def test_the_end_of_an_unknown_run_is_no_error(store: Store) -> None:
    await store.finish_run(str(uuid4()), status="FAILED", finished_at=ENDED, error_message=None)


async def test_a_message_that_postgres_cannot_store_is_stored_without_that(store: Store, new_run: NewRun) -> None:
    run = new_run()
    await store.save_run(run)
    await store.finish_run(run.run_id, status="FAILED", finished_at=ENDED, error_message="a\0b\ud800c")
    found = await store.get_run(run.run_id, pipeline_uid=run.pipeline_uid)
    assert found is not None
    assert found.error_message == "a\N{REPLACEMENT CHARACTER}b?c"


async def test_a_spec_that_postgres_refuses_is_a_permanent_error(
    store: Store, new_run: NewRun, spec_of: SpecOf
) -> None:
    run = new_run()
    with pytest.raises(PermanentError, match="The store refuses: unsupported Unicode escape sequence"):
        await store.save_run(run, replace(spec_of(run), query="SELECT '\0'"))


async def test_runs_are_listed_newest_first_page_by_page(store: Store, new_run: NewRun, pipeline_uid: str) -> None:
    saved = [new_run(minutes=minutes // 2) for minutes in range(10)]
    for run in saved:
        await store.save_run(run)
    await store.save_run(new_run(pipeline_uid=str(uuid4())))
    await store.save_run(new_run(kind="Reconcile"))
    expected = sorted(saved, key=lambda run: (run.created_at, run.run_id), reverse=True)
    pages = [await store.list_runs(pipeline_uid, limit=4, offset=offset) for offset in (0, 4, 8, 12, 10**30)]
    assert [run for page in pages for run in page] == expected
    assert [len(page) for page in pages] == [4, 4, 2, 0, 0]
    assert await store.count_runs(pipeline_uid) == 10
    assert await store.count_runs(pipeline_uid, without=None) == 11


async def test_all_that_writes_is_listed(store: Store, new_run: NewRun, pipeline_uid: str) -> None:
    kinds = ["Load", "Rebuild", "Replay", "Reconcile"]
    for minutes, kind in enumerate(kinds):
        await store.save_run(new_run(minutes=minutes, kind=kind))
    assert [run.kind for run in await store.list_runs(pipeline_uid, limit=9)] == ["Replay", "Rebuild", "Load"]
    assert await store.count_runs(pipeline_uid) == 3


async def test_a_run_is_found_under_its_own_pipeline_only(store: Store, new_run: NewRun, pipeline_uid: str) -> None:
    run = new_run(kind="Reconcile")
    await store.save_run(run)
    assert await store.get_run(run.run_id, pipeline_uid=pipeline_uid) == run
    assert await store.get_run(run.run_id, pipeline_uid=str(uuid4())) is None


@pytest.mark.parametrize("text", ["", "nonsense", "'; DROP TABLE headrace.runs; --", "\0"])
async def test_what_is_no_uuid_is_not_found(store: Store, text: str) -> None:
    assert await store.get_run(text, pipeline_uid=text) is None
    assert await store.list_runs(text, limit=1) == []
    assert await store.count_runs(text) == 0
    assert await store.list_logs(text, limit=1) == []
    assert await store.get_checkpoint("headrace", "etl", "film-dim", pipeline_uid=text) is None
    assert (await store.observe([text])).progress == {}


async def test_a_list_is_read_from_an_index(store: Store, store_dsn: str) -> None:
    with psycopg.connect(store_dsn, autocommit=True) as connection:
        connection.execute("""
            INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                       status, created_at)
            SELECT gen_random_uuid(), 'i', 'n', md5((n % 100)::text)::uuid, 'p', 'r', 'Load', 'SUCCESS',
                   now() - n * interval '1 s'
            FROM generate_series(1, 20000) AS n
        """)
        connection.execute("ANALYZE headrace.runs")
        rows = connection.execute("""
            EXPLAIN SELECT run_id FROM headrace.runs
            WHERE pipeline_uid = md5('1')::uuid AND deleted_at IS NULL
              AND ('Reconcile'::text IS NULL OR kind <> 'Reconcile')
            ORDER BY created_at DESC, run_id DESC LIMIT 50
        """).fetchall()
    plan = "\n".join(line for (line,) in rows)
    assert "runs_by_pipeline" in plan
    assert "Sort" not in plan
    assert len(await store.list_runs("c4ca4238-a0b9-2382-0dcc-509a6f75849b", limit=50)) == 50


async def test_a_deleted_pipelines_runs_are_hidden_then_purged_with_all_they_left(
    store: Store, new_run: NewRun, spec_of: SpecOf, runner: psycopg.Connection[Any], pipeline_uid: str
) -> None:
    gone, other = new_run(), new_run(pipeline_uid=str(uuid4()), pipeline_name="other")
    for run in (gone, other):
        await store.save_run(run)
        progress = Progress(sequence=1, last_key=("1",), advanced=True)
        report(runner, spec_of(run), Reporter(run_id=run.run_id, epoch=1, holder=1), progress)
        runner.execute(
            "INSERT INTO headrace.run_logs (run_id, at, level, message) VALUES (%s, now(), 'INFO', 'x')", (run.run_id,)
        )
        save(runner, spec_of(run), [Letter(document_id="1", key=("1",), document=b"{}", error_type="x", reason="y")])
    await store.mark_deleted(pipeline_uid)
    assert await store.list_runs(pipeline_uid, limit=10) == []
    assert await store.count_runs(pipeline_uid) == 0
    assert await store.get_run(gone.run_id, pipeline_uid=pipeline_uid) is None

    assert await store.purge(timedelta(days=7)) == 0
    runner.execute("UPDATE headrace.runs SET deleted_at = deleted_at - interval '8 days'")
    await store.mark_deleted(pipeline_uid)
    assert await store.purge(timedelta(days=7)) == 1
    assert await store.purge(timedelta(days=7)) == 0
    for table in ("runs", "run_logs", "checkpoints", "dead_letters"):
        left = runner.execute(f"SELECT run_id::text FROM headrace.{table}").fetchall()
        assert left == [(other.run_id,)], table


async def test_the_pipelines_that_have_a_history_are_those_of_the_namespace_that_are_not_deleted(
    store: Store, new_run: NewRun
) -> None:
    first, second, gone, elsewhere = (str(uuid4()) for _ in range(4))
    for uid in (first, first, second, gone):
        await store.save_run(new_run(pipeline_uid=uid))
    await store.save_run(new_run(pipeline_uid=elsewhere, namespace="other"))
    await store.mark_deleted(gone)
    assert await store.pipelines_with_history("headrace", "etl") == {first, second}
    assert await store.pipelines_with_history("headrace", "empty") == set()


async def test_a_history_of_any_length_is_hidden(
    store: Store, runner: psycopg.Connection[Any], pipeline_uid: str
) -> None:
    """In several statements: one alone would take longer than it may."""
    query = """
        INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                   status, created_at)
        SELECT gen_random_uuid(), 'i', 'n', %s, 'p', 'r', 'Load', 'SUCCESS', now() FROM generate_series(1, %s)
    """
    runner.execute(query, (pipeline_uid, 2 * MARK_BATCH + 1))
    await store.mark_deleted(pipeline_uid)
    assert await store.count_runs(pipeline_uid) == 0


async def test_a_purge_goes_on_until_all_is_gone(store: Store, runner: psycopg.Connection[Any]) -> None:
    runner.execute("""
        INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                   status, created_at, deleted_at)
        SELECT gen_random_uuid(), 'i', 'n', gen_random_uuid(), 'p', 'r', 'Load', 'SUCCESS', now(),
               now() - interval '9 d'
        FROM generate_series(1, 250)
    """)
    assert await store.purge(timedelta(days=7)) == 250


async def test_the_last_success_is_that_of_a_load_that_is_shown(store: Store, new_run: NewRun) -> None:
    started = [datetime(2026, 1, 2, hour, tzinfo=UTC) for hour in range(4)]
    for minutes, status, kind in [(1, "SUCCESS", "Load"), (2, "FAILED", "Load"), (3, "SUCCESS", "Reconcile")]:
        await store.save_run(
            new_run(minutes=minutes, status=status, kind=kind, started_at=started[minutes], finished_at=ENDED)
        )
    await store.save_run(new_run(minutes=4, status="RUNNING", started_at=ENDED))
    other, gone, never = str(uuid4()), str(uuid4()), str(uuid4())
    for uid in (other, gone):
        run = new_run(status="SUCCESS", kind="Rebuild", started_at=started[2], finished_at=ENDED)
        await store.save_run(replace(run, pipeline_uid=uid))
    await store.mark_deleted(gone)
    pipeline = new_run().pipeline_uid
    assert await store.last_successes([pipeline, other, gone, never, "no-uuid"]) == {
        pipeline: Success(started_at=started[1], finished_at=ENDED),
        other: Success(started_at=started[2], finished_at=ENDED),
    }


async def test_each_visit_is_told_with_how_it_ended(store: Store, new_run: NewRun) -> None:
    told: list[str] = []
    store.listen(lambda outcome, seconds: told.append(outcome) if 0 < seconds < 60 else None)
    await store.count_runs(new_run().pipeline_uid)
    with pytest.raises(PermanentError):
        await store.save_run(new_run(run_id="no-uuid"))
    assert told == ["ok", "refused"]
    assert (store.pool.connections, store.pool.waiting, store.pool.failures) == (1, 0, 0)
