"""Servers that restart under a run, and a store that is away."""

import signal
import time
from itertools import pairwise

import psycopg
import pytest

QUERY = "SELECT id, v FROM rows"


@pytest.fixture
def restarted(rig, own_server):
    """The rig with source and target on a server of its own, and the store where it was."""
    names = own_server.create_database(), own_server.create_database()
    moved = type(rig)(own_server.dsn(names[0]), own_server.dsn(names[1]), rig.store)
    moved.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, md5(n::text) FROM generate_series(1, 3000) AS n",
    )
    yield moved
    for name in names:
        own_server.drop_database(name)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_a_server_that_restarts_is_waited_for(restarted, own_server, how):
    spec = restarted.spec(QUERY, max_rows_per_second=1500)
    process = restarted.spawn(spec)
    restarted.wait_until_read(spec, 500)
    own_server.stop(how)
    time.sleep(0.5)
    own_server.start()
    ended = restarted.wait(process, spec)
    assert (ended.code, ended.outcome, ended.rows_read, ended.rows_written) == (0, "DONE", 3000, 3000), ended
    assert any("trying again" in line for line in ended.log)
    restarted.assert_same(QUERY)


def test_rows_move_while_the_store_is_away_and_the_outcome_is_told_when_it_is_back(restarted, own_server, rig):
    from headrace.store.migrate import migrate

    name = own_server.create_database()
    migrate(own_server.dsn(name))
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, md5(n::text) FROM generate_series(1, 2000) AS n",
    )
    away = type(rig)(rig.source, rig.target, own_server.dsn(name))
    spec = away.spec(QUERY, max_rows_per_second=1000)
    process = away.spawn(spec)
    away.wait_until_read(spec, 300)
    own_server.stop()
    deadline = time.monotonic() + 20
    while not away.checkpoint(spec).get("done"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    assert process.poll() is None, "it waits to tell the outcome"
    own_server.start()
    ended = away.wait(process, spec)
    assert (ended.code, ended.outcome, ended.rows_read) == (0, "DONE", 2000)
    away.assert_same(QUERY)
    own_server.drop_database(name)


def test_a_store_that_is_away_at_the_start_is_waited_for(restarted, own_server, rig):
    from headrace.store.migrate import migrate

    name = own_server.create_database()
    migrate(own_server.dsn(name))
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows VALUES (1, 'x')")
    away = type(rig)(rig.source, rig.target, own_server.dsn(name))
    spec = away.spec(QUERY)
    own_server.stop()
    process = away.spawn(spec)
    time.sleep(2)
    own_server.start()
    assert away.wait(process, spec).code == 0
    own_server.drop_database(name)


def test_a_heartbeat_comes_while_a_batch_takes_long(rig):
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows VALUES (1, 'x')")
    rig.on_target(
        "CREATE SCHEMA analytics",
        "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)",
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(6); RETURN NEW; END $$",
        "CREATE TRIGGER slow BEFORE INSERT ON analytics.copy FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    spec = rig.spec(QUERY)
    process = rig.spawn(spec)
    seen, advanced = set(), set()
    while process.poll() is None:
        with psycopg.connect(rig.store, autocommit=True) as connection:
            row = connection.execute(
                "SELECT seen_at, advanced_at FROM headrace.runs WHERE run_id = %s", (spec.run_id,)
            ).fetchone()
        seen.add(row[0])
        advanced.add(row[1])
        time.sleep(0.1)
    assert rig.wait(process, spec).code == 0
    times = sorted(at for at in seen if at)
    assert len(times) >= 2
    assert max((b - a).total_seconds() for a, b in pairwise(times)) < 5.5


@pytest.mark.slow
def test_a_store_that_freezes_does_not_hold_a_run_that_is_done(own_server, rig):
    from headrace.store.migrate import migrate

    name = own_server.create_database()
    migrate(own_server.dsn(name))
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, md5(n::text) FROM generate_series(1, 2000) AS n",
    )
    frozen = type(rig)(rig.source, rig.target, own_server.dsn(name))
    spec = frozen.spec(QUERY, max_rows_per_second=1000)
    process = frozen.spawn(spec)
    frozen.wait_until_read(spec, 300)
    with own_server.frozen():
        deadline = time.monotonic() + 20
        while not frozen.checkpoint(spec).get("done"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # 20 for the last word, 5 for a connect that was begun within them.
        process.communicate(timeout=30)
    assert process.returncode == 0
    frozen.assert_same(QUERY)
    own_server.drop_database(name)
