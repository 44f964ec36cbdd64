"""A standby as the source: it does not know what is in progress on its primary, so the promise is the lookback."""

import tempfile
from pathlib import Path

import psycopg
import pytest
from tests.integration.conftest import wheels
from tests.integration.runner.conftest import Rig
from tests.integration.runner.cursor.standby import Standby
from tests.integration.runner.stream.running import Running

from headrace_runner.trail import DOUBT_SECONDS

QUERY = "SELECT id, v, at FROM rows"
INCREMENTAL = {"mode": "incremental", "incremental_key": "at"}


@pytest.fixture(scope="module")
def standby(own_server):
    """A standby of the server that tests may stop."""
    with tempfile.TemporaryDirectory(prefix="headrace-standby-", ignore_cleanup_errors=True) as folder:
        made = Standby(Path(folder), wheels(), own_server)
        made.initialise()
        made.start()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture
def pair(own_server, standby, database, store_dsn):
    """Runs that read the standby, and a session on its primary."""
    name = own_server.create_database()
    with psycopg.connect(own_server.dsn(name), autocommit=True) as primary:
        primary.execute("CREATE TABLE rows (id int PRIMARY KEY, v text, at timestamptz DEFAULT clock_timestamp())")
        standby.catch_up()
        yield Rig(standby.dsn(name), database, store_dsn), primary
    own_server.drop_database(name)


def test_a_full_run_reads_a_standby_as_it_reads_a_primary(pair, standby):
    rig, primary = pair
    primary.execute("INSERT INTO rows SELECT n, 'v' || n FROM generate_series(1, 2000) AS n")
    standby.catch_up()
    assert rig.load(QUERY).notes == {}
    primary.execute("DELETE FROM rows WHERE id % 3 = 0")
    primary.execute("UPDATE rows SET v = 'new' WHERE id % 5 = 0")
    standby.catch_up()
    rig.load(QUERY)
    rig.assert_same(QUERY)


def test_a_row_that_commits_late_on_the_primary_arrives_with_the_next_run(pair, standby, own_server):
    rig, primary = pair
    with psycopg.connect(primary.info.dsn, password=primary.info.password) as late:
        late.execute("INSERT INTO rows (id, v) VALUES (1, 'late')")
        primary.execute("INSERT INTO rows (id, v) VALUES (2, 'early')")
        standby.catch_up()
        ended = rig.load(QUERY, **INCREMENTAL)
        assert ended.rows_written == 1
        assert "more than 300 seconds (lookback) after their at was set may be missed" in ended.notes["LookbackOnly"]
        assert "standby" in ended.notes["LookbackOnly"]
    standby.catch_up()
    assert rig.load(QUERY, **INCREMENTAL).rows_written == 1
    rig.assert_same(QUERY)


def test_a_row_that_commits_later_than_the_lookback_is_not_promised(pair, standby):
    rig, primary = pair
    primary.execute("INSERT INTO rows VALUES (1, 'early', now())")
    standby.catch_up()
    rig.load(QUERY, **INCREMENTAL)
    primary.execute(
        "INSERT INTO rows VALUES (2, 'in time', now() - interval '290 s'), (3, 'late', now() - interval '310 s')"
    )
    standby.catch_up()
    rig.load(QUERY, **INCREMENTAL)
    assert rig.on_target("SELECT id FROM analytics.copy ORDER BY id") == [(1,), (2,)]
    rig.load(QUERY, **INCREMENTAL, restart=True)
    rig.assert_same(QUERY)


def test_a_read_that_is_in_the_way_of_the_recovery_is_cancelled_and_goes_on(pair, standby):
    rig, primary = pair
    primary.execute("INSERT INTO rows SELECT n, repeat('x', 2000) FROM generate_series(1, 20000) AS n")
    standby.catch_up()
    spec = rig.spec(QUERY, batch_size=500, max_rows_per_second=8000)
    runner = rig.spawn(spec)
    rig.wait_until_read(spec, 1000)
    # None of them has been read yet.
    primary.execute("DELETE FROM rows WHERE id > 15000")
    primary.execute("VACUUM rows")
    ended = rig.wait(runner, spec)
    assert (ended.code, ended.outcome) == (0, "DONE"), ended
    assert any("conflict with recovery" in line for line in ended.log)
    standby.catch_up()
    rig.assert_same(QUERY)
    assert ended.rows_read == 15000


def test_a_stream_finds_what_commits_late_on_the_primary_with_the_next_sweep(pair, standby):
    rig, primary = pair
    with psycopg.connect(primary.info.dsn, password=primary.info.password) as late:
        late.execute("INSERT INTO rows (id, v) VALUES (1, 'late')")
        primary.execute("INSERT INTO rows (id, v) VALUES (2, 'early')")
        standby.catch_up()
        running = Running(rig, QUERY)
        try:
            running.until(lambda: running.row("rows_written")[0] == 1)
            late.commit()
            running.until(lambda: running.row("rows_written")[0] == 2, seconds=DOUBT_SECONDS + 5)
            ended = running.stop()
        finally:
            running.close()
    assert "LookbackOnly" in ended.notes
    rig.assert_same(QUERY)
