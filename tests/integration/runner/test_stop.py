"""SIGTERM: a run stops between two batches, says so, and its next pod goes on."""

import signal
import time

import psycopg
import pytest

QUERY = "SELECT id, v FROM rows"
SLOW_TARGET = (
    "CREATE SCHEMA analytics",
    "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)",
    (
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.id = 250 THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END $$"
    ),
    "CREATE TRIGGER slow BEFORE INSERT ON analytics.copy FOR EACH ROW EXECUTE FUNCTION slow()",
)


@pytest.fixture
def rows(rig):
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, md5(n::text) FROM generate_series(1, 2000) AS n",
    )
    return rig


def test_pause_and_resume_read_each_row_once(rows):
    spec = rows.spec(QUERY, max_rows_per_second=800)
    for target in (300, 1000):
        process = rows.spawn(spec)
        rows.wait_until_read(spec, target)
        process.send_signal(signal.SIGTERM)
        ended = rows.wait(process, spec, seconds=5)
        assert (ended.code, ended.outcome) == (75, "STOPPED")
        assert ended.rows_read == rows.checkpoint(spec)["rows_read"]
    process = rows.spawn(spec)
    ended = rows.wait(process, spec)
    assert (ended.code, ended.outcome, ended.rows_read, ended.rows_written) == (0, "DONE", 2000, 2000)
    rows.assert_same(QUERY)


def test_a_run_that_waits_for_its_pace_stops_at_once(rows):
    spec = rows.spec(QUERY, max_rows_per_second=1)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 1)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert rows.wait(process, spec).code == 75
    assert time.monotonic() - started < 4


def test_a_run_that_was_given_up_does_not_end_its_batch(rows):
    """Who cancels a run within some seconds has the operator say so, and the runner looks."""
    rows.on_target(*SLOW_TARGET)
    spec = rows.spec(QUERY)
    process = rows.spawn(spec, HEADRACE_GRACE_SECONDS="60")
    rows.wait_until_read(spec, 100)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    with psycopg.connect(rows.store, autocommit=True) as store:
        store.execute("UPDATE headrace.runs SET status = 'CANCELLED' WHERE run_id = %s", (spec.run_id,))
    ended = rows.wait(process, spec, seconds=15)
    assert (ended.code, ended.outcome, ended.rows_written) == (75, "STOPPED", 100)
    assert rows.on_target("SELECT count(*) FROM analytics.copy") == [(100,)]


def test_a_batch_that_outlasts_the_grace_period_is_rolled_back(rows, tmp_path):
    rows.on_target(*SLOW_TARGET)
    spec = rows.spec(QUERY)
    log = tmp_path / "termination-log"
    log.touch()
    process = rows.spawn(spec, HEADRACE_GRACE_SECONDS="1", HEADRACE_TERMINATION_LOG=str(log))
    # The first batch goes alone; those after it are written together with the one that hangs.
    rows.wait_until_read(spec, 100)
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    ended = rows.wait(process, spec, seconds=15)
    assert 0.9 < time.monotonic() - started < 6
    assert (ended.code, ended.outcome, ended.rows_written) == (75, "STOPPED", 100)
    assert '"outcome": "STOPPED"' in log.read_text()
    assert rows.on_target("SELECT count(*) FROM analytics.copy") == [(100,)]


def test_a_run_that_waits_for_a_slow_query_stops_at_once(rows):
    spec = rows.spec("SELECT id, v FROM rows WHERE pg_sleep(0.1) IS NOT NULL")
    process = rows.spawn(spec)
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert rows.wait(process, spec).code == 75
    assert time.monotonic() - started < 3


def test_a_run_that_waits_for_its_store_stops_at_once(rows, server):
    spec = rows.spec(QUERY)
    process = rows.spawn(spec, HEADRACE_STORE_DSN=server.dsn("x", port="1"))
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    assert rows.wait(process, spec, seconds=5).code == 75


def test_a_run_that_was_paused_may_be_seen_as_done(rows):
    """Between the last commit and the last word: the next pod finds the run done."""
    spec = rows.spec(QUERY)
    rows.run(spec)
    with psycopg.connect(rows.store, autocommit=True) as connection:
        connection.execute("UPDATE headrace.runs SET outcome = NULL WHERE run_id = %s", (spec.run_id,))
    assert rows.run(spec).outcome == "DONE"


def test_a_target_that_is_frozen_when_the_grace_period_ends_is_left(rows, own_server):
    name = own_server.create_database()
    frozen = type(rows)(rows.source, own_server.dsn(name), rows.store)
    frozen.on_target(*SLOW_TARGET)
    spec = frozen.spec(QUERY)
    process = frozen.spawn(spec, HEADRACE_GRACE_SECONDS="1")
    frozen.wait_until_read(spec, 100)
    time.sleep(0.3)
    with own_server.frozen():
        process.send_signal(signal.SIGTERM)
        ended = frozen.wait(process, spec, seconds=20)
    assert (ended.code, ended.outcome) == (75, "STOPPED")
    assert all("Traceback" not in line for line in ended.log), ended.log
    own_server.drop_database(name)
