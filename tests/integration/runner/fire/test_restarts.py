"""A server that crashes in the middle of a run: the run waits for it, and goes on where it was."""

import time

import pytest
from tests.fire import chance
from tests.integration.runner.fire.modes import MODES
from tests.integration.runner.fire.rounds import ROUNDS

pytestmark = pytest.mark.fire
MODE = MODES["full, into rows that are there"]
RATE = 1_000
CRASHES = max(1, ROUNDS // 5)
SIDES = ("source", "target", "store")


@pytest.fixture
def apart(rig, own_server):
    """The rig with one of its databases on a server of its own."""
    made = []

    def move(side):
        from headrace.store.migrate import migrate

        made.append(own_server.create_database())
        dsn = own_server.dsn(made[0])
        if side == "store":
            migrate(dsn)
        return type(rig)(**{name: dsn if name == side else getattr(rig, name) for name in SIDES})

    yield move
    for name in made:
        own_server.drop_database(name)


@pytest.mark.timeout(60 + 15 * CRASHES)
@pytest.mark.parametrize("side", SIDES)
def test_a_server_that_crashes_under_a_run_is_waited_for(apart, own_server, open_books, side):
    rig, dice = apart(side), chance("crash", side)
    books = open_books(MODE, rig)
    MODE.prepare(rig)
    crashes = 0
    while crashes < CRASHES:
        MODE.change(rig)
        books.begin()
        spec = MODE.spec(rig, max_rows_per_second=RATE)
        process = rig.spawn(spec)
        time.sleep(dice.uniform(0.3, 2.5))
        if process.poll() is None:
            own_server.stop()
            time.sleep(dice.uniform(0, 0.5))
            own_server.start()
            crashes += 1
        books.settle(rig.wait(process, spec))
