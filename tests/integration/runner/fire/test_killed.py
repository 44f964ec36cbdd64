"""kill -9 at every message that matters: the run goes on where it was, and no row is lost, doubled or miscounted."""

import json

import pytest
from tests.integration.runner.fire.modes import MODES
from tests.integration.runner.fire.moments import COMMIT, LAST_REPORT, Killer
from tests.integration.runner.fire.rounds import some

pytestmark = pytest.mark.fire
KILLED = -9
MOMENTS = 3
"""Of each mode, in a short test run."""


def kill(rig, taps, spec, moment, **environ):
    """A runner that is killed at a moment, which must come."""
    killer = Killer(moment, taps)
    dsns = {f"HEADRACE_{side.upper()}_DSN": taps[side].dsn for side in ("target", "store")}
    process = rig.spawn(spec, **dsns, **environ)
    killer.aim(process.pid)
    output, _ = process.communicate(timeout=60)
    assert killer.fired.is_set(), f"the moment {moment.name} never came: {output}"
    assert process.returncode == KILLED, output


@pytest.mark.parametrize("name", some(list(MODES), 7, "killed"))
def test_a_run_that_is_killed_at_each_moment_in_turn_ends_exactly_right(rig, taps, open_books, name):
    """One run of many processes: each gets a little further than the one before, and dies at the next moment."""
    mode = MODES[name]
    books = open_books(mode)
    mode.prepare(rig)
    books.begin()
    spec = mode.spec(rig)
    for moment in some(mode.moments, MOMENTS, name):
        kill(rig, taps, spec, moment)
        books.check()
    books.settle(rig.wait(rig.spawn(spec), spec))


@pytest.mark.parametrize("name", some(["full, into rows that are there", "incremental", "without a key"], 1, "end"))
def test_a_run_that_is_killed_around_its_end_is_done_once(rig, taps, open_books, tmp_path, name):
    """One batch is the run: its commit is the last, and what follows are only words."""
    mode = MODES[name]
    books = open_books(mode)
    mode.prepare(rig)
    books.begin()
    spec = mode.spec(rig, batch_size=100_000, max_rows_per_second=None)
    log = tmp_path / "termination-log"
    log.touch()
    environ = {"HEADRACE_TERMINATION_LOG": str(log)}
    kill(rig, taps, spec, COMMIT[1], **environ)
    assert log.read_text() == "", "nothing is said before the commit is known"
    written = books.check()
    assert rig.checkpoint(spec)["done"]
    for moment in LAST_REPORT:
        kill(rig, taps, spec, moment, **environ)
        assert json.loads(log.read_text())["outcome"] == "DONE", "the word that needs no server comes first"
        log.write_text("")
    books.settle(rig.wait(rig.spawn(spec), spec))
    assert books.check() == written
