"""Runners, sessions and servers that die at random moments: every run ends, and both sides agree."""

import os
import random
import time

import pytest

ROUNDS = int(os.environ.get("HEADRACE_FIRE_ROUNDS", "3"))
QUERY = "SELECT id, v, n FROM rows"
ROWS = 10_000


@pytest.fixture
def rows(rig):
    rig.on_source(
        "CREATE TABLE rows (id uuid PRIMARY KEY, v text, n int, at timestamptz)",
        f"""INSERT INTO rows SELECT md5(n::text)::uuid, repeat(md5(n::text), 3), n, now() - n * interval '1 second'
            FROM generate_series(1, {ROWS}) AS n""",
    )
    return rig


MODES = {
    "full": (QUERY, {}),
    "full, into rows that are there": (QUERY, {"restart": True}),
    "incremental": ("SELECT id, v, n, at FROM rows", {"mode": "incremental", "incremental_key": "at"}),
    "without a key": ("SELECT n, v FROM rows", {}),
}


@pytest.mark.fire
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_runner_that_is_killed_at_random_moments_loses_and_doubles_nothing(rows, mode, number):
    query, fields = MODES[mode]
    chance = random.Random(f"{mode}{number}{time.time_ns()}")
    if "there" in mode:
        rows.load(query)
        rows.on_source("DELETE FROM rows WHERE n % 7 = 0", "UPDATE rows SET v = 'changed' WHERE n % 11 = 0")
    (count,) = rows.on_source("SELECT count(*) FROM rows")[0]
    spec = rows.spec(query, batch_size=200, **fields)
    for _ in range(3):
        process = rows.spawn(spec)
        time.sleep(0.25 + chance.random() * 0.6)
        process.kill()
        process.communicate()
    ended = rows.wait(rows.spawn(spec), spec)
    assert (ended.code, ended.outcome) == (0, "DONE"), ended
    assert ended.rows_read == count, "each row is counted once"
    rows.assert_same(query)


@pytest.mark.fire
@pytest.mark.parametrize("number", range(ROUNDS))
def test_sessions_that_are_ended_at_random_moments_are_opened_again(rows, number):
    chance = random.Random(time.time_ns())
    spec = rows.spec(QUERY, batch_size=200)
    process = rows.spawn(spec)
    while process.poll() is None:
        time.sleep(0.1 + chance.random() * 0.5)
        victim = chance.choice(["headrace-read", "headrace-write", "headrace-report"])
        rows.on_source(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{victim} {spec.run_id}'"
        )
    ended = rows.wait(process, spec)
    assert (ended.code, ended.outcome, ended.rows_read, ended.rows_written) == (0, "DONE", ROWS, ROWS), ended
    rows.assert_same(QUERY)
