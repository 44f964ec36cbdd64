"""Connections that end, are cut, or fall silent under a run: it opens others, and goes on where it was."""

import threading
import time

import pytest
from tests.fire import IS_ALL, chance
from tests.integration.runner.fire.modes import MODES
from tests.integration.runner.fire.rounds import ROUNDS

pytestmark = pytest.mark.fire
MODE = MODES["full, into rows that are there"]
RATE = 1_500
RUNS = max(1, ROUNDS // 3)
DISTURBANCES = 3
"""Of one run: after each it waits for a second or more."""
SIDES = ("source", "target", "store")
SILENCES = {"source": 60, "target": 60, "store": 10}
"""In seconds. Within a minute a source or target that says nothing is given up; the store is not waited for."""
RETRIES_SECONDS = 30


@pytest.fixture
def books(open_books, rig):
    """Of a pipeline whose first run is done."""
    books = open_books(MODE)
    MODE.prepare(rig)
    return books


def run_under(rig, books, taps, disturb):
    """One run while somebody disturbs it; it must be right all the same."""
    MODE.change(rig)
    books.begin()
    spec = MODE.spec(rig, max_rows_per_second=RATE)
    process = rig.spawn(spec, **{f"HEADRACE_{side.upper()}_DSN": taps[side].dsn for side in SIDES})
    for _ in range(DISTURBANCES):
        if process.poll() is None:
            disturb(spec)
    ended = rig.wait(process, spec, seconds=150)
    books.settle(ended)
    return ended


def test_sessions_that_are_ended_at_random_moments_are_opened_again(rig, taps, books):
    dice = chance("ended")

    def end_one(spec):
        time.sleep(dice.uniform(0.2, 1.5))
        name = f"{dice.choice(['headrace-read', 'headrace-write', 'headrace-report'])} {spec.run_id}"
        rig.on_source(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")

    for _ in range(RUNS):
        run_under(rig, books, taps, end_one)


def test_connections_that_are_cut_at_random_moments_are_made_again(rig, taps, books):
    dice = chance("cut")

    def cut_one(spec):
        time.sleep(dice.uniform(0.2, 1.5))
        taps[dice.choice(SIDES)].cut()

    for _ in range(RUNS):
        run_under(rig, books, taps, cut_one)


def test_a_server_that_is_silent_for_a_moment_is_waited_for(rig, taps, books):

    def pause_all(spec):
        for tap in taps.values():
            tap.silence()
        time.sleep(0.5)
        for tap in taps.values():
            tap.speak()
        time.sleep(0.3)

    ended = run_under(rig, books, taps, pause_all)
    assert not any("trying again" in line for line in ended.log)


@pytest.mark.timeout(200)
@pytest.mark.skipif(not IS_ALL, reason="takes minutes; make test-fire has it")
@pytest.mark.parametrize(("side", "seconds"), SILENCES.items())
def test_a_server_that_stays_silent_is_given_up(rig, taps, books, side, seconds):
    # Too much to be on its way already.
    rig.on_source("UPDATE rows SET v = repeat(md5(n::text), 100)")
    fell_silent = 0.0

    def silence_once(spec):
        nonlocal fell_silent
        if not fell_silent:
            rig.wait_until_read(spec, 500)
            taps[side].silence()
            fell_silent = time.monotonic()
            threading.Timer(seconds, taps[side].break_silence).start()
        time.sleep(0.1)

    ended = run_under(rig, books, taps, silence_once)
    assert time.monotonic() - fell_silent < seconds + RETRIES_SECONDS
    assert any("trying again" in line for line in ended.log) == (side != "store")
