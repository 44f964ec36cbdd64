"""A runner that sleeps at the worst moment and wakes when another has done its work: nothing of it is written."""

import time

import pytest
from tests.fire import IS_ALL
from tests.integration.runner.fire import moments
from tests.integration.runner.fire.modes import MODES, QUERY
from tests.integration.runner.fire.moments import Freezer
from tests.integration.runner.fire.rounds import some

pytestmark = pytest.mark.fire
MODE = MODES["full, into rows that are there"]
MOMENTS = {
    moment.name: moment for moment in (*moments.BEGIN, *moments.COPY, *moments.UPSERT, *moments.SAVE, *moments.COMMIT)
}
SUPERSEDED, OUTRUN = 76, 64
OWNER = "SELECT a.pid FROM headrace.pipeline_checkpoints AS c JOIN pg_stat_activity AS a ON a.pid = c.backend_pid"


def asleep(rig, taps, spec, moment):
    """A runner that was stopped at a moment, and what wakes it."""
    freezer = Freezer(moment, taps)
    process = rig.spawn(spec, HEADRACE_TARGET_DSN=taps["target"].dsn)
    freezer.aim(process.pid)
    assert freezer.fired.wait(30), f"the moment {moment.name} never came"
    return process, freezer


@pytest.fixture
def books(open_books):
    """Of runs into rows that are there."""
    return open_books(MODE)


@pytest.mark.parametrize("name", some(list(MOMENTS), 2, "zombie"))
def test_a_zombie_of_the_same_run_writes_nothing(rig, taps, books, name):
    MODE.prepare(rig)
    books.begin()
    spec = MODE.spec(rig)
    zombie, freezer = asleep(rig, taps, spec, MOMENTS[name])
    ended = rig.run(spec)
    written = books.check()
    freezer.wake()
    assert rig.wait(zombie, spec).code in {0, SUPERSEDED}
    assert books.check() == written
    books.settle(ended)


@pytest.mark.parametrize("name", some(list(MOMENTS), 2, "zombie of an older run"))
def test_a_zombie_of_an_older_run_writes_nothing(rig, taps, books, name):
    MODE.prepare(rig)
    old = MODE.spec(rig)
    zombie, freezer = asleep(rig, taps, old, MOMENTS[name])
    MODE.change(rig)
    rig.load(QUERY, restart=True)
    written = books.check()
    freezer.wake()
    ended = rig.wait(zombie, old)
    assert (ended.code, ended.outcome) == (OUTRUN, "FAILED"), ended
    assert books.check() == written
    rig.assert_same(QUERY)


def test_the_session_of_a_zombie_is_ended_when_its_fence_is_taken(rig, taps):
    """Its server process would go on with the batch: `kill -9` of a client does not end it at once."""
    MODE.prepare(rig)
    spec = MODE.spec(rig)
    zombie, freezer = asleep(rig, taps, spec, moments.COPY[1])
    ((pid,),) = rig.on_target(OWNER)
    assert rig.run(spec).code == 0
    assert rig.on_target(f"SELECT FROM pg_stat_activity WHERE pid = {pid}") == []
    freezer.wake()
    assert rig.wait(zombie, spec).code in {0, SUPERSEDED}
    rig.assert_same(QUERY)


def test_a_zombie_whose_session_nobody_can_end_is_refused_by_the_fence(rig, taps, books):
    """Its session is alive and in no transaction: only the row that each batch locks first says whose turn it is."""
    MODE.prepare(rig)
    books.begin()
    spec = MODE.spec(rig)
    zombie, freezer = asleep(rig, taps, spec, moments.COMMIT[1])
    # As behind a pooler, or of another role.
    ((pid,),) = rig.on_target(OWNER)
    rig.on_target("UPDATE headrace.pipeline_checkpoints SET backend_pid = NULL")
    ended = rig.run(spec)
    written = books.check()
    assert rig.on_target(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == [(1,)]
    freezer.wake()
    assert rig.wait(zombie, spec).code == SUPERSEDED
    assert books.check() == written
    books.settle(ended)


@pytest.mark.skipif(not IS_ALL, reason="takes a minute; make test-fire has it")
def test_a_zombie_that_sleeps_while_it_takes_the_fence_holds_its_run_for_a_minute(rig, taps, books):
    """Nobody knows its session yet, so nobody ends it: its own idle_in_transaction_session_timeout of 60 s does."""
    MODE.prepare(rig)
    books.begin()
    spec = MODE.spec(rig)
    zombie, freezer = asleep(rig, taps, spec, moments.FENCE[1])
    began = time.monotonic()
    ended = rig.run(spec)
    assert time.monotonic() - began < 90
    freezer.wake()
    assert rig.wait(zombie, spec).code == 0
    books.settle(ended)
