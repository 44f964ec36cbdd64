"""kill -9 at random moments: every run ends, and both sides agree."""

import time

import pytest
from tests.integration.runner.fire.modes import MODES, QUERY
from tests.integration.runner.fire.rounds import ROUNDS, chance, some

pytestmark = pytest.mark.fire
KILLS = -(-10 * ROUNDS // len(MODES))
"""In each mode: 200 in all when there are 20 rounds."""
RATE = 4_000
KILLED = -9


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("mode", some(list(MODES), 4, "random moments"))
def test_a_runner_that_is_killed_at_random_moments_loses_and_doubles_nothing(rig, ledger, mode):
    dice = chance(mode)
    MODES[mode].prepare(rig)
    kills = 0
    while kills < KILLS:
        before, rows = ledger.check(), MODES[mode].rows_to_read(rig)
        spec = MODES[mode].spec(
            rig, max_rows_per_second=dice.choice([RATE, RATE, None]), batch_size=dice.choice([20, 200])
        )
        code = KILLED
        while code == KILLED and kills < KILLS:
            code = killed_after(dice.uniform(0.15, 1.3), rig.spawn(spec))
            kills += code == KILLED
            ledger.check()
        ended = rig.wait(rig.spawn(spec), spec)
        assert (ended.code, ended.outcome) == (0, "DONE"), ended
        assert (ended.rows_read, ended.rows_written) == (rows, ledger.check() - before), "each row is counted once"
        rig.assert_same(QUERY)
        MODES[mode].change(rig)


def killed_after(seconds, process):
    """The exit code of a process that is killed when it still runs after so long."""
    time.sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode
