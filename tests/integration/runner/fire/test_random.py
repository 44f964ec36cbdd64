"""kill -9 at random moments: every run ends, and both sides agree."""

import time

import pytest
from tests.integration.runner.fire.modes import MODES
from tests.integration.runner.fire.rounds import ROUNDS, chance, some

pytestmark = pytest.mark.fire
KILLS = ROUNDS
"""In each of ten modes: 200 in all when there are 20 rounds."""
RATE = 4_000
KILLED = -9


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("name", some(list(MODES), 3, "random moments"))
def test_a_runner_that_is_killed_at_random_moments_loses_and_doubles_nothing(rig, open_books, name):
    mode, dice = MODES[name], chance(name)
    books = open_books(mode)
    mode.prepare(rig)
    kills = 0
    while kills < KILLS:
        books.begin()
        rate, size = dice.choice([RATE, RATE, None]), dice.choice([20, 200])
        spec = mode.spec(rig, max_rows_per_second=rate, batch_size=size)
        code = KILLED
        while code == KILLED and kills < KILLS:
            code = killed_after(dice.uniform(0.15, 1.3), rig.spawn(spec))
            kills += code == KILLED
            books.check()
        books.settle(rig.wait(rig.spawn(spec), spec))
        mode.change(rig)


def killed_after(seconds, process):
    """The exit code of a process that is killed when it still runs after so long."""
    time.sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode
