"""The target's disk is full: nothing is lost, and the run goes on when there is room again."""

import time

import psycopg
import pytest
from tests.integration.conftest import start_own_server, wheels
from tests.integration.runner.fire.cramped import CrampedServer, why_impossible
from tests.integration.runner.fire.crowded import wait_until
from tests.integration.runner.fire.modes import MODES
from tests.integration.runner.fire.rounds import some

pytestmark = pytest.mark.fire
WIDE = "UPDATE rows SET v = repeat(md5(n::text), 60)"
"""3,000 rows are 6 MB then: more than is left beside the ballast."""
FAULT = 1
NAMES = ["full, into a new table", "full, into rows that are there", "without a key"]


@pytest.fixture(scope="module")
def cramped_server():
    """A server of its own, with 24 MB for its tablespace `small`."""
    reason = why_impossible()
    if reason is not None:
        pytest.skip(reason)
    yield from start_own_server(wheels(), CrampedServer)


@pytest.fixture
def cramped(rig, cramped_server):
    """The rig with its target in the tablespace, which is all but full."""
    name = f"cramped_{time.time_ns()}"
    with psycopg.connect(cramped_server.dsn(), autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_tablespace WHERE spcname = 'small'").fetchall():
            connection.execute(f"CREATE TABLESPACE small LOCATION '{cramped_server.small}'")
        connection.execute(f"CREATE DATABASE {name} TABLESPACE small TEMPLATE template0")
    yield type(rig)(rig.source, cramped_server.dsn(name), rig.store)
    cramped_server.drop_database(name)


def fill(rig):
    """Leaves two megabytes; unlogged, for it is nobody's business in the books."""
    rig.on_target(
        "CREATE SCHEMA ballast",
        "CREATE UNLOGGED TABLE ballast.rest AS SELECT repeat('x', 100) AS v FROM generate_series(1, 15000)",
        "CREATE UNLOGGED TABLE ballast.most (v text STORAGE PLAIN)",
    )
    while not is_full(rig.target):
        pass
    rig.on_target("DROP TABLE ballast.rest")


def is_full(dsn):
    """Whether nothing more went in."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            connection.execute("INSERT INTO ballast.most SELECT repeat('x', 7000) FROM generate_series(1, 50)")
        except psycopg.errors.DiskFull:
            return True
    return False


@pytest.fixture
def full(cramped, open_books):
    """Makes a pipeline ready whose changes do not fit; gives its run and its books, which are opened."""

    def make(name):
        mode = MODES[name]
        books = open_books(mode, cramped)
        mode.prepare(cramped)
        cramped.on_source(WIDE)
        fill(cramped)
        books.begin()
        return mode.spec(cramped, max_rows_per_second=None), books

    return make


@pytest.mark.parametrize("name", some(NAMES, 1, "disk"))
def test_a_full_disk_is_waited_for(cramped, full, name):
    spec, books = full(name)
    process = cramped.spawn(spec)
    wait_until(lambda: process.poll() is not None or says(cramped, spec, "No space left on device"))
    assert process.poll() is None, cramped.wait(process, spec)
    cramped.on_target("DROP SCHEMA ballast CASCADE")
    ended = cramped.wait(process, spec)
    assert any("No space left on device" in line for line in ended.log)
    books.settle(ended)


def test_a_disk_that_stays_full_fails_the_attempt_and_leaves_the_run_to_the_next(cramped, full):
    spec, books = full("full, into rows that are there")
    ended = cramped.run(spec)
    assert (ended.code, ended.outcome) == (FAULT, None), ended
    assert "No space left on device" in str(ended.message)
    books.check()
    cramped.on_target("DROP SCHEMA ballast CASCADE")
    books.settle(cramped.run(spec))


def says(rig, spec, words):
    """Whether the store was told of a failed attempt with these words."""
    with psycopg.connect(rig.store, autocommit=True) as connection:
        query = "SELECT outcome_message FROM headrace.runs WHERE run_id = %s"
        return words in str(connection.execute(query, (spec.run_id,)).fetchone())
