"""What a run says of itself: counts of what was committed, whatever happens in between."""

import time

import psycopg
import pytest

QUERY = "SELECT id, v FROM rows"


@pytest.fixture
def rows(rig):
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, md5(n::text) FROM generate_series(1, 3000) AS n",
    )
    return rig


@pytest.mark.parametrize("broken", ["ALTER TABLE analytics.copy DROP COLUMN v", "DROP SCHEMA headrace CASCADE"])
def test_a_resumed_run_that_fails_keeps_the_counts_of_its_batches(rows, broken):
    spec = rows.spec(QUERY, max_rows_per_second=1000)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 500)
    process.terminate()
    stopped = rows.wait(process, spec)
    assert stopped.outcome == "STOPPED"
    assert stopped.rows_read >= 500
    if "headrace" in broken:
        unreachable = rows.target.replace("dbname=", "dbname=no_such_")
        ended = rows.run(spec, target_dsn=unreachable)
    else:
        rows.on_target(broken)
        ended = rows.run(spec)
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    counts = [(run.rows_read, run.rows_written, run.batches) for run in (stopped, ended)]
    assert counts[0] == counts[1]


def test_rows_that_were_only_staged_are_neither_progress_nor_counted(rows):
    # Without a key nothing is committed before the end; each attempt comes to row 2500, and is then refused.
    rows.on_source(
        "CREATE FUNCTION pass(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
        " IF n = 2500 THEN RAISE EXCEPTION 'busy' USING ERRCODE = '40001'; END IF; RETURN n; END $$"
    )
    rows.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int, v text)")
    ended = rows.run(rows.spec("SELECT pass(id) AS id, v FROM rows"))
    assert (ended.code, ended.rows_read, ended.rows_written) == (1, 0, 0), ended
    assert sum("trying again" in line for line in ended.log) == 4


def test_a_table_that_is_replaced_during_the_run_gets_all_rows(rows):
    spec = rows.spec(QUERY, max_rows_per_second=1500)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 500)
    rows.on_target("DROP TABLE analytics.copy; CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)")
    ended = rows.wait(process, spec)
    assert (ended.code, ended.rows_read, ended.rows_written) == (0, 3000, 3000), ended
    rows.assert_same(QUERY)


def test_a_checkpoint_that_is_lost_during_the_run_starts_it_over(rows):
    spec = rows.spec(QUERY, max_rows_per_second=1500)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 500)
    rows.on_target("DELETE FROM headrace.pipeline_checkpoints")
    ended = rows.wait(process, spec)
    assert (ended.code, ended.rows_read) == (0, 3000), ended
    rows.assert_same(QUERY)


def test_a_query_that_is_slow_to_begin_is_not_begun_for_each_batch(rows):
    rows.on_source(
        "CREATE FUNCTION slow() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN true; END $$"
    )
    began = time.monotonic()
    rows.load("SELECT id, v FROM rows WHERE (SELECT slow())", snapshot_seconds=0.3, batch_size=100)
    assert time.monotonic() - began < 5


def test_bytes_are_counted_over_all_processes_of_a_run_and_never_fall(rows):
    spec = rows.spec(QUERY, max_rows_per_second=2000)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 500)
    process.terminate()
    stopped, before = rows.wait(process, spec), bytes_read(rows, spec)
    # COPY's binary form of an int and 32 characters: 2 bytes for the fields, and 4 for each one's length.
    assert before >= stopped.rows_read * 46
    ended = rows.run(spec)
    assert (ended.outcome, ended.rows_read) == ("DONE", 3000)
    assert before + (3000 - stopped.rows_read) * 46 <= bytes_read(rows, spec) <= 2 * 3000 * 46


def bytes_read(rig, spec):
    with psycopg.connect(rig.store) as connection:
        return connection.execute("SELECT bytes_read FROM headrace.runs WHERE run_id = %s", (spec.run_id,)).fetchone()[
            0
        ]
