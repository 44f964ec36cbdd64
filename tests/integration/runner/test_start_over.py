"""A checkpoint of another key, cursor or table is not gone on from, and the run's log says why."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

SOURCE = (
    "CREATE TABLE rows (id int PRIMARY KEY, day int NOT NULL, at int NOT NULL, v text NOT NULL)",
    "INSERT INTO rows SELECT n, n % 7, n, 'v' FROM generate_series(1, 300) AS n",
)
TARGET = (
    "CREATE SCHEMA analytics",
    "CREATE TABLE analytics.copy (id int PRIMARY KEY CHECK (id <> 250), day int NOT NULL, at int, v text)",
)
MADE_AGAIN = (
    "DROP TABLE analytics.copy",
    "CREATE TABLE analytics.copy (id int PRIMARY KEY, day int NOT NULL, at int, v text)",
)
QUERY = "SELECT * FROM rows"
FIXED = "ALTER TABLE analytics.copy DROP CONSTRAINT copy_id_check"
INCREMENTAL = {"mode": "incremental", "incremental_key": "at"}

FULL_CASES = {
    "another key": (
        (FIXED, "ALTER TABLE analytics.copy DROP CONSTRAINT copy_pkey, ADD PRIMARY KEY (id, day)"),
        {},
        "Starting over: the key was (id) and is now (id, day)",
    ),
    "a key of another type": (
        (FIXED, "ALTER TABLE analytics.copy ALTER id TYPE text"),
        {},
        'Starting over: the type of key column "id" was integer and is now text',
    ),
    "a column that was dropped and added again": (
        (FIXED, "ALTER TABLE analytics.copy DROP at", "ALTER TABLE analytics.copy ADD at int"),
        {},
        'Starting over: column "at" of the target was dropped and added again',
    ),
    "a table that was emptied": (
        (FIXED, "TRUNCATE analytics.copy"),
        {},
        "Starting over: the target no longer has the last row that was written (it was emptied?)",
    ),
    "a table that was made again": (
        MADE_AGAIN,
        {},
        "Starting over: the target is another table now (a new name, or dropped and made again)",
    ),
    "a restart": ((FIXED,), {"restart": True}, "Starting over: a restart was asked for"),
    "another query": (
        (FIXED,),
        {"fingerprint": "another"},
        "Starting over: the query, its parameters or the target changed",
    ),
}


@pytest.mark.parametrize("case", FULL_CASES)
def test_a_full_run_after_a_failure(rig, case):
    statements, fields, words = FULL_CASES[case]
    rig.on_source(*SOURCE)
    rig.on_target(*TARGET)
    assert rig.run(rig.spec(QUERY)).rows_read == 200
    rig.on_target(*statements)
    ended = rig.load(QUERY, **fields)
    assert words in ended.log
    assert ended.rows_read == 300
    rig.assert_same("SELECT id::text, day, at, v FROM rows", "(SELECT id::text, day, at, v FROM analytics.copy) AS c")


def test_a_full_run_that_goes_on_says_after_which_row(rig):
    rig.on_source(*SOURCE)
    rig.on_target(*TARGET)
    rig.run(rig.spec(QUERY))
    rig.on_target(FIXED, "ALTER TABLE analytics.copy ALTER id TYPE bigint")
    ended = rig.load(QUERY)
    assert "Continuing after key (200)" in ended.log
    assert ended.rows_read == 100


def test_a_full_run_after_a_success_has_nothing_to_explain(rig):
    rig.on_source(*SOURCE)
    rig.on_target(*TARGET, FIXED)
    rig.load(QUERY)
    rig.on_target(*MADE_AGAIN)
    assert not any("tarting over" in line for line in rig.load(QUERY).log)
    rig.assert_same(QUERY)


INCREMENTAL_CASES = {
    "another cursor": ((), "rows", {"incremental_key": "id"}, 'the incremental key was "at" and is now "id"'),
    "another key": (
        ("CREATE UNIQUE INDEX ON analytics.copy (id, day)",),
        "rows",
        {"key_columns": ("id", "day")},
        "the key was (id) and is now (id, day)",
    ),
    "a cursor of another type": (
        (),
        "(SELECT id, day, at::text, v FROM rows) AS r",
        {},
        'the type of the incremental key "at" was integer and is now text',
    ),
    "a table that was made again": (MADE_AGAIN, "rows", {}, "the target is another table now"),
}


@pytest.mark.parametrize("case", INCREMENTAL_CASES)
def test_an_incremental_run(rig, case):
    statements, rows, fields, words = INCREMENTAL_CASES[case]
    rig.on_source(*SOURCE)
    rig.on_target(*TARGET, FIXED)
    if case == "a cursor of another type":
        rig.on_target("ALTER TABLE analytics.copy ALTER at TYPE text")
    rig.load(QUERY, **INCREMENTAL)
    rig.on_target(*statements, "SELECT 1")
    ended = rig.load(f"SELECT * FROM {rows}", **{**INCREMENTAL, **fields})
    assert any(line.startswith(f"Starting over: {words}") for line in ended.log), ended.log
    assert ended.rows_read == 300
    # And from there on again: rows of the last value are read once more.
    assert rig.load(f"SELECT * FROM {rows}", **{**INCREMENTAL, **fields}).rows_read <= 1


def test_a_full_run_becomes_an_incremental_one(rig):
    rig.on_source(*SOURCE)
    rig.on_target(*TARGET, FIXED)
    rig.load(QUERY)
    ended = rig.load(QUERY, **INCREMENTAL)
    assert 'Starting over: the incremental key was none (a full run) and is now "at"' in ended.log
    assert (ended.rows_read, ended.rows_written) == (300, 0)


def test_a_checkpoint_table_of_an_older_version_is_completed(rig):
    rig.on_source(*SOURCE)
    rig.on_target(*TARGET)
    rig.run(rig.spec(QUERY))
    columns = "DROP COLUMN key_types, DROP COLUMN cursor_type, DROP COLUMN target_columns"
    rig.on_target(FIXED, f"ALTER TABLE headrace.pipeline_checkpoints {columns}")
    assert rig.load(QUERY).rows_read == 100
    rig.assert_same(QUERY)


def test_runs_that_complete_it_at_the_same_time_are_all_done(rig):
    rig.on_source(*SOURCE)
    rig.on_target("CREATE SCHEMA analytics")
    names = [f"analytics.copy_{n}" for n in range(6)]
    rig.load(QUERY, names[0], key_columns=("id",))
    rig.on_target("ALTER TABLE headrace.pipeline_checkpoints DROP COLUMN target_columns")
    specs = [rig.spec(QUERY, name, pipeline_name=name, key_columns=("id",)) for name in names]
    with ThreadPoolExecutor(len(specs)) as threads:
        ended = list(threads.map(rig.run, specs))
    assert [run.code for run in ended] == [0] * len(specs), ended
    assert not any("trying again" in line for run in ended for line in run.log)


def test_a_table_that_somebody_else_completed_meanwhile_is_not_locked(rig):
    """Whoever makes a target table holds a row of it, and waits for the same advisory lock."""
    rig.on_source(*SOURCE)
    rig.load(QUERY, key_columns=("id",))
    rig.on_target("ALTER TABLE headrace.pipeline_checkpoints DROP COLUMN target_columns")
    spec = rig.spec(QUERY, pipeline_name="another", key_columns=("id",))
    lock = "hashtextextended('headrace', 0)"
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as threads, psycopg.connect(rig.target, autocommit=True) as other:
        other.execute(f"SELECT pg_advisory_lock({lock})")
        run = threads.submit(rig.run, spec)
        until = time.monotonic() + 20
        while not rig.on_target(waiting):
            assert time.monotonic() < until
            time.sleep(0.01)
        other.execute("ALTER TABLE headrace.pipeline_checkpoints ADD COLUMN target_columns text[]")
        other.execute("BEGIN")
        other.execute("SELECT FROM headrace.pipeline_checkpoints FOR UPDATE")
        other.execute(f"SELECT pg_advisory_unlock({lock})")
        assert run.result(timeout=10).code == 0


GONE = "rows up to the cursor stay as they are; a restart reads all of them again"
CAUTIONS = {
    "another query": ((), {"fingerprint": "another"}, f"The query or the target's columns changed: {GONE}"),
    "a column that was dropped and added again": (
        ("ALTER TABLE analytics.copy DROP v", "ALTER TABLE analytics.copy ADD v text"),
        {},
        f"The query or the target's columns changed: {GONE}",
    ),
    "a table that was emptied": (
        ("TRUNCATE analytics.copy",),
        {},
        f"The target no longer has the last row that was written: {GONE}",
    ),
}


@pytest.mark.parametrize("case", CAUTIONS)
def test_an_incremental_run_that_goes_on_says_what_it_leaves_alone(rig, case):
    statements, fields, words = CAUTIONS[case]
    rig.on_source(*SOURCE)
    rig.on_target(*TARGET, FIXED)
    first = rig.load(QUERY, **INCREMENTAL)
    again = rig.load(QUERY, **INCREMENTAL)
    assert not any(GONE in line for line in [*first.log, *again.log])
    rig.on_target(*statements, "SELECT 1")
    rig.on_source("INSERT INTO rows VALUES (301, 0, 301, 'v')")
    ended = rig.load(QUERY, **INCREMENTAL, **fields)
    assert words in ended.log
    assert ended.rows_read <= 2
    rig.load(QUERY, **INCREMENTAL, restart=True)
    rig.assert_same(QUERY, "(SELECT id, day, at, v FROM analytics.copy) AS c")
