"""kill -9 at every message that matters: the run goes on where it was, and no row is lost, doubled or miscounted."""

import json

import pytest
from tests.integration.runner.fire.modes import MODES, QUERY
from tests.integration.runner.fire.moments import COMMIT, LAST_REPORT, Killer
from tests.integration.runner.fire.rounds import some

pytestmark = pytest.mark.fire
KILLED = -9
MOMENTS = 4
"""Of each mode, in a short test run."""


def kill(rig, taps, spec, moment, sides=("target", "store"), **environ):
    """A runner that is killed at a moment, which must come."""
    killer = Killer(moment, taps)
    dsns = {f"HEADRACE_{side.upper()}_DSN": taps[side].dsn for side in sides}
    process = rig.spawn(spec, **dsns, **environ)
    killer.aim(process.pid)
    output, _ = process.communicate(timeout=60)
    assert killer.fired.is_set(), f"the moment {moment.name} never came: {output}"
    assert process.returncode == KILLED, output


def finish(rig, spec):
    """The run's next runner, which nobody kills."""
    ended = rig.wait(rig.spawn(spec), spec)
    assert (ended.code, ended.outcome) == (0, "DONE"), ended
    return ended


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_is_killed_at_each_moment_in_turn_ends_exactly_right(rig, taps, ledger, mode):
    """One run of many processes: each gets a little further than the one before, and dies at the next moment."""
    MODES[mode].prepare(rig)
    before = ledger.check()
    rows = MODES[mode].rows_to_read(rig)
    spec = MODES[mode].spec(rig)
    for moment in some(MODES[mode].moments, MOMENTS, mode):
        kill(rig, taps, spec, moment)
        ledger.check()
    ended = finish(rig, spec)
    written = ledger.check()
    assert (ended.rows_read, ended.rows_written) == (rows, written - before), "each row is counted once"
    assert_audited(rig, written)
    rig.assert_same(QUERY)


@pytest.mark.parametrize("mode", ["full, into rows that are there", "incremental", "without a key"])
def test_a_run_that_is_killed_around_its_end_is_done_once(rig, taps, ledger, tmp_path, mode):
    """One batch is the run: its commit is the last, and what follows are only words."""
    MODES[mode].prepare(rig)
    spec = MODES[mode].spec(rig, batch_size=100_000, max_rows_per_second=None)
    log = tmp_path / "termination-log"
    log.touch()
    environ = {"HEADRACE_TERMINATION_LOG": str(log)}
    kill(rig, taps, spec, COMMIT[1], **environ)
    assert log.read_text() == "", "nothing was said before the commit was known"
    written = ledger.check()
    assert rig.checkpoint(spec)["done"]
    for moment in LAST_REPORT:
        kill(rig, taps, spec, moment, **environ)
        assert json.loads(log.read_text())["outcome"] == "DONE", "the word that needs no server comes first"
        log.write_text("")
    finish(rig, spec)
    assert ledger.check() == written
    rig.assert_same(QUERY)


def assert_audited(rig, written):
    """A trigger on the target, where there is one, counted the same rows."""
    if rig.on_target("SELECT to_regclass('public.audit')") != [(None,)]:
        assert rig.on_target("SELECT count(*) FROM audit") == [(written,)]
