"""What a run reports of its three stages, however it ends and whoever goes on with it."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

QUERY = "SELECT id, v FROM rows"
STAGES = ("extract", "transform", "load")


@pytest.fixture
def rows(rig):
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, md5(n::text) FROM generate_series(1, 3000) AS n",
        "CREATE FUNCTION pass(n int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN"
        " IF n = 2500 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22023'; END IF; RETURN n; END $$",
    )
    return rig


def stages_of(rig, spec):
    with psycopg.connect(rig.store) as connection:
        row = connection.execute("SELECT stages FROM headrace.runs WHERE run_id = %s", (spec.run_id,)).fetchone()
    return row[0]


def states(stages):
    return [stages[name]["state"] for name in STAGES]


def counts(stages):
    return [(stages[name]["rows_read"], stages[name]["rows_written"]) for name in STAGES]


@pytest.mark.parametrize("fields", [{}, {"prune": False}, {"mode": "incremental", "incremental_key": "id"}])
def test_a_run_that_is_done_tells_what_went_through_each(rows, fields):
    spec = rows.spec(QUERY, **fields)
    assert rows.run(spec).outcome == "DONE"
    stages = stages_of(rows, spec)
    assert (states(stages), counts(stages)) == (["SUCCESS"] * 3, [(3000, 3000)] * 3)
    moments = [stages["extract"]["started_at"], *(stages[name]["finished_at"] for name in STAGES)]
    assert moments == sorted(moments)
    rows.on_source("UPDATE rows SET v = 'new' WHERE id <= 7")
    if not fields:
        spec = rows.spec(QUERY)
        rows.run(spec)
        assert counts(stages_of(rows, spec)) == [(3000, 3000), (3000, 3000), (3000, 7)]


def test_a_run_over_a_source_without_rows_has_them_too(rows):
    spec = rows.spec(f"{QUERY} WHERE false")
    assert rows.run(spec).outcome == "DONE"
    assert counts(stages_of(rows, spec)) == [(0, 0)] * 3
    assert states(stages_of(rows, spec)) == ["SUCCESS"] * 3


def test_one_that_is_stopped_and_goes_on_keeps_when_it_began_and_counts_each_row_once(rows):
    spec = rows.spec(QUERY, max_rows_per_second=1000)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 500)
    process.terminate()
    stopped = rows.wait(process, spec)
    before = stages_of(rows, spec)
    assert states(before) == ["RUNNING"] * 3
    assert before["load"]["rows_read"] == stopped.rows_read
    assert rows.run(spec).outcome == "DONE"
    after = stages_of(rows, spec)
    assert (states(after), counts(after)) == (["SUCCESS"] * 3, [(3000, 3000)] * 3)
    assert [after[name]["started_at"] for name in STAGES] == [before[name]["started_at"] for name in STAGES]


def test_one_that_is_killed_goes_on_the_same_way(rows):
    spec = rows.spec(QUERY, max_rows_per_second=1500)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 500)
    process.kill()
    process.communicate()
    assert rows.run(spec).outcome == "DONE"
    assert counts(stages_of(rows, spec)) == [(3000, 3000)] * 3


FAILURES = {
    "the source refuses a row": (
        ("CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)",),
        "SELECT id, pass(id)::text AS v FROM rows",
        ["FAILED", "CANCELLED", "CANCELLED"],
    ),
    "the query names no table": ((), "SELECT id FROM nothing", ["FAILED", "PENDING", "PENDING"]),
    "the target lacks a column": (
        ("CREATE TABLE analytics.copy (id int PRIMARY KEY)",),
        QUERY,
        ["PENDING", "FAILED", "PENDING"],
    ),
    "the target refuses a row": (
        ("CREATE TABLE analytics.copy (id int PRIMARY KEY CHECK (id < 2000), v text)",),
        QUERY,
        ["CANCELLED", "CANCELLED", "FAILED"],
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_the_stage_in_which_it_failed_is_named(rows, name):
    statements, query, expected = FAILURES[name]
    rows.on_target("CREATE SCHEMA analytics", *statements)
    spec = rows.spec(query, max_rows_per_second=2500)
    # By the index: if they were sorted, all rows would pass before the first is sent.
    ended = rows.run(spec, source_dsn=make_conninfo(rows.source, options="-c enable_seqscan=off -c enable_sort=off"))
    assert ended.outcome == "FAILED", ended
    stages = stages_of(rows, spec)
    assert states(stages) == expected, stages
    assert stages["load"]["rows_read"] == ended.rows_read
