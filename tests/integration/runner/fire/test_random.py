"""kill -9 at random moments: every run ends, and both sides agree."""

import time

import pytest
from tests.fire import chance
from tests.integration.runner.fire.modes import MODES
from tests.integration.runner.fire.moments import Killer, Moment
from tests.integration.runner.fire.rounds import ROUNDS, some

pytestmark = pytest.mark.fire
KILLS = ROUNDS
"""In each of ten modes: 200 in all when there are 20 rounds."""
RATE = 4_000
KILLED = -9
MESSAGES = 120
"""Between a runner and its target: about so many statements and answers are one run."""


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("name", some(list(MODES), 3, "random moments"))
def test_a_runner_that_is_killed_at_random_moments_loses_and_doubles_nothing(rig, taps, open_books, name):
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
            code = dice.choice([killed_after_a_while, killed_at_a_message])(rig, taps, spec, dice)
            kills += code == KILLED
            books.check()
        books.settle(rig.wait(rig.spawn(spec), spec))
        mode.change(rig)


def killed_after_a_while(rig, taps, spec, dice):
    """The exit code of a runner that is killed when it still runs after some time."""
    process = rig.spawn(spec)
    time.sleep(dice.uniform(0.15, 1.3))
    process.kill()
    process.communicate()
    return process.returncode


def killed_at_a_message(rig, taps, spec, dice):
    """The exit code of a runner that is killed at some message from or to its target, if it has so many."""
    killer = Killer(Moment(name="by chance", kind="", statement="", number=dice.randint(1, MESSAGES)), taps)
    process = rig.spawn(spec, HEADRACE_TARGET_DSN=taps["target"].dsn)
    killer.aim(process.pid)
    process.communicate(timeout=60)
    return process.returncode
