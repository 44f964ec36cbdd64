"""Others lock the target, stand in the way, and change the source while runs follow each other."""

import threading
import time

import psycopg
import pytest
from tests.fire import IS_ALL, chance
from tests.integration.runner.fire.crowded import blocks, wait_until, writer
from tests.integration.runner.fire.modes import MODES, TABLE
from tests.integration.runner.fire.rounds import ROUNDS, some

pytestmark = pytest.mark.fire
MODE = MODES["full, into rows that are there"]
MINUTE = 65
"""Two lock_timeouts of the target's session."""
MOMENT = 1
RUNS = max(1, ROUNDS // 4)
LOCKS = {
    "the table": f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE",
    "a row of it": f"SELECT FROM {TABLE} WHERE id = (SELECT max(id::text)::uuid FROM {TABLE}) FOR UPDATE",
    "the checkpoint": "SELECT FROM headrace.pipeline_checkpoints FOR UPDATE",
}
KILLS = 2
"""Of one run: each of its processes also reads what came since the one before."""


@pytest.fixture
def books(open_books, rig):
    """Of a pipeline whose first run is done, and whose source has changed in all rows."""
    books = open_books(MODE)
    MODE.prepare(rig)
    rig.on_source("UPDATE rows SET v = v || '!'")
    books.begin()
    return books


@pytest.mark.timeout(120 + MINUTE)
@pytest.mark.parametrize("what", some(list(LOCKS), 1, "locks"))
def test_a_lock_that_somebody_holds_is_waited_for(rig, books, what):
    seconds = MINUTE if IS_ALL and what == "a row of it" else MOMENT
    spec = MODE.spec(rig, max_rows_per_second=1_000)
    with psycopg.connect(rig.target) as somebody:
        process = rig.spawn(spec)
        rig.wait_until_read(spec, 200)
        somebody.execute(LOCKS[what])
        wait_until(lambda: blocks(rig.target, somebody, "headrace-write"))
        time.sleep(seconds)
        assert process.poll() is None
    ended = rig.wait(process, spec)
    assert any("lock timeout" in line for line in ended.log) == (seconds == MINUTE)
    books.settle(ended)


def test_a_deadlock_is_the_runs_to_lose_and_to_try_again(rig, books):
    lowest, highest = (f"SELECT FROM {TABLE} WHERE id = '{key}' FOR UPDATE" for key in keys(rig))
    spec = MODE.spec(rig, batch_size=100_000, max_rows_per_second=None)
    with psycopg.connect(rig.target) as somebody:
        # Whose deadlock_timeout ends first is the one who gives up.
        somebody.execute("SET deadlock_timeout = '60s'")
        somebody.execute(highest)
        process = rig.spawn(spec)
        wait_until(lambda: blocks(rig.target, somebody, "headrace-write"))
        somebody.execute(lowest)
    ended = rig.wait(process, spec)
    assert any("deadlock detected" in line for line in ended.log), ended.log
    books.settle(ended)


def keys(rig):
    """The lowest and the highest that the next run changes: all that both sides have."""
    both = set(rig.on_source("SELECT id FROM rows")) & set(rig.on_target(f"SELECT id FROM {TABLE}"))
    return min(both)[0], max(both)[0]


WRITES = (
    "UPDATE rows SET v = 'changed ' || random(), at = clock_timestamp() WHERE random() < 0.003",
    "INSERT INTO rows SELECT gen_random_uuid(), 'new', n, clock_timestamp() FROM generate_series(1, 5) AS n",
)
DELETES = ("DELETE FROM rows WHERE random() < 0.005",)


@pytest.mark.timeout(60 + 20 * RUNS)
@pytest.mark.parametrize("name", ["full, into rows that are there", "incremental, once more"])
def test_a_source_that_changes_all_the_while_is_caught_up_with(rig, open_books, name):
    mode, dice = MODES[name], chance("changes", name)
    books = open_books(mode)
    mode.prepare(rig)
    with writer(rig.source, WRITES + (() if mode.fields else DELETES), dice):
        for _ in range(RUNS):
            spec = mode.spec(rig, max_rows_per_second=4_000)
            for _ in range(KILLS):
                killed_after(dice.uniform(0.3, 2), rig.spawn(spec))
                books.check()
            assert rig.wait(rig.spawn(spec), spec).outcome == "DONE"
    books.begin()
    spec = mode.spec(rig)
    # What was still in progress when the last run looked.
    books.settle(rig.wait(rig.spawn(spec), spec), may_read_twice=mode.fields != {})


def killed_after(seconds, process):
    """Ends a process, if it does not end before."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    process.communicate()
    timer.cancel()
