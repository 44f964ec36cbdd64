"""Two runners at once: one of them writes, the other learns that it does not."""

import dataclasses
import os
import signal
import time

import pytest

QUERY = "SELECT id, v FROM rows"


@pytest.fixture
def rows(rig):
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, md5(n::text) FROM generate_series(1, 3000) AS n",
    )
    return rig


def test_a_run_that_is_done_says_so_again_and_writes_nothing(rows):
    spec = rows.spec(QUERY)
    first = rows.run(spec)
    rows.on_source("DELETE FROM rows WHERE id = 1")
    before = rows.on_target("SELECT to_jsonb(c) FROM headrace.pipeline_checkpoints AS c")
    again = rows.run(spec)
    assert (again.code, again.outcome, again.rows_read) == (0, "DONE", first.rows_read)
    assert rows.on_target("SELECT to_jsonb(c) FROM headrace.pipeline_checkpoints AS c") == before


def test_a_run_that_is_done_says_so_again_with_any_epoch(rows):
    spec = rows.spec(QUERY)
    rows.run(spec, epoch=500_000)
    assert rows.run(spec, epoch=400_000).code == 0


def test_an_older_run_is_outrun(rows):
    rows.run(rows.spec(QUERY), epoch=500_000)
    old = rows.spec(QUERY)
    ended = rows.run(old, epoch=400_000)
    assert (ended.code, ended.outcome, ended.message) == (64, "FAILED", "A later run of this pipeline has taken over")


def test_an_older_job_of_the_same_run_is_superseded_and_reports_nothing(rows):
    spec = rows.spec(QUERY, max_rows_per_second=500)
    newer = rows.spawn(spec, epoch=500_001)
    rows.wait_until_read(spec, 100)
    older = rows.spawn(spec, epoch=500_000)
    assert rows.wait(older, spec).code == 76
    ended = rows.wait(newer, spec)
    assert (ended.code, ended.outcome, ended.rows_read) == (0, "DONE", 3000)
    rows.assert_same(QUERY)


@pytest.mark.parametrize("later", ["pod", "Job"])
def test_a_newer_process_of_the_same_run_takes_over_where_the_old_one_is(rows, later):
    spec = rows.spec(QUERY, max_rows_per_second=500)
    old = rows.spawn(spec, epoch=600_000)
    rows.wait_until_read(spec, 500)
    new = rows.spawn(spec, epoch=600_000 + (later == "Job"))
    assert rows.wait(old, spec).code == 76
    ended = rows.wait(new, spec)
    assert (ended.code, ended.outcome, ended.rows_read, ended.rows_written) == (0, "DONE", 3000, 3000)
    rows.assert_same(QUERY)


def test_a_zombie_writes_nothing_when_it_wakes(rows):
    old = rows.spec(QUERY, max_rows_per_second=500, pipeline_uid="00000000-0000-4000-8000-00000000000a")
    zombie = rows.spawn(old, epoch=700_000)
    rows.wait_until_read(old, 200)
    os.kill(zombie.pid, signal.SIGSTOP)
    rows.on_source("UPDATE rows SET v = 'new'")
    # A pipeline that was made again under its name: another uid, the same data.
    new = rows.spec(QUERY, pipeline_uid="00000000-0000-4000-8000-00000000000b", restart=True)
    assert rows.run(new, epoch=700_001).code == 0
    before = rows.on_target("SELECT to_jsonb(c) FROM headrace.pipeline_checkpoints AS c")
    os.kill(zombie.pid, signal.SIGCONT)
    ended = rows.wait(zombie, old)
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert rows.on_target("SELECT to_jsonb(c) FROM headrace.pipeline_checkpoints AS c") == before
    rows.assert_same(QUERY)


def test_two_pods_started_at_once_end_with_one_of_them_done(rows):
    for _ in range(3):
        spec = rows.spec(QUERY)
        processes = [rows.spawn(spec, epoch=time.time_ns() // 1_000_000) for _ in range(2)]
        codes = sorted(rows.wait(process, spec).code for process in processes)
        assert codes in ([0, 0], [0, 76])
        assert rows.checkpoint(spec)["done"]
        rows.assert_same(QUERY)


def test_a_later_run_goes_on_after_one_that_failed(rows):
    rows.on_source("UPDATE rows SET v = NULL WHERE id = 1550")
    rows.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text NOT NULL)")
    failed = rows.spec(QUERY)
    assert rows.run(failed).rows_written == 1500
    rows.on_source("UPDATE rows SET v = 'mended' WHERE id = 1550")
    ended = rows.load(QUERY)
    assert (ended.rows_read, ended.rows_written) == (1500, 1500)
    rows.assert_same(QUERY)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"restart": True}, "FAILED"),
        ({"fingerprint": "another"}, "FAILED"),
        ({}, "CANCELLED"),
    ],
)
def test_a_later_run_starts_over_when_it_must(rows, change, status):
    import psycopg

    rows.on_source("UPDATE rows SET v = NULL WHERE id = 1550")
    rows.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text NOT NULL)")
    failed = rows.spec(QUERY)
    rows.run(failed)
    with psycopg.connect(rows.store, autocommit=True) as connection:
        connection.execute("UPDATE headrace.runs SET status = %s WHERE run_id = %s", (status, failed.run_id))
    rows.on_source("UPDATE rows SET v = 'mended' WHERE id = 1550")
    ended = rows.run(dataclasses.replace(rows.spec(QUERY, **change)))
    assert (ended.rows_read, ended.rows_written) == (3000, 1500)
    rows.assert_same(QUERY)


def test_the_old_owners_session_is_ended(rows):
    spec = rows.spec(QUERY, max_rows_per_second=1500)
    old = rows.spawn(spec)
    rows.wait_until_read(spec, 100)
    os.kill(old.pid, signal.SIGSTOP)
    (pid,) = rows.on_target("SELECT backend_pid FROM headrace.pipeline_checkpoints")[0]
    assert rows.run(spec).code == 0
    assert rows.on_target(f"SELECT FROM pg_stat_activity WHERE pid = {pid}") == []
    os.kill(old.pid, signal.SIGCONT)
    assert rows.wait(old, spec).code in (0, 76)
    rows.assert_same(QUERY)


def test_a_session_that_holds_the_row_lock_is_ended(rows):
    """A runner that was stopped in the middle of a batch holds the checkpoint's lock."""
    import psycopg

    spec = rows.spec(QUERY)
    rows.run(spec)
    with psycopg.connect(rows.target, application_name=f"headrace-write {spec.run_id}") as stuck:
        stuck.execute(
            """UPDATE headrace.pipeline_checkpoints AS c SET backend_pid = a.pid, backend_start = a.backend_start
               FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid()"""
        )
        stuck.commit()
        stuck.execute("SELECT FROM headrace.pipeline_checkpoints FOR UPDATE")
        started = time.monotonic()
        assert rows.run(rows.spec(QUERY)).code == 0
        assert time.monotonic() - started < 5
        with pytest.raises(psycopg.OperationalError):
            stuck.execute("SELECT 1")
