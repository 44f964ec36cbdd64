"""Schedules under fire: whatever dies, each due time runs exactly once, or is accounted for."""

import os
import signal
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from tests.e2e.scheduling.books import books, next_minute
from tests.fire import IS_ALL, SEED, chance

from headrace_local.waiting import wait_for

LONG = IS_ALL
KILLS = 30 if LONG else 3
SCHEDULES = 50 if LONG else 20
pytestmark = pytest.mark.fire


def schedule(world, pipeline, number, **spec):
    name = f"fire-{pipeline[-8:]}-{number}"
    return {
        "apiVersion": "headrace.dev/v1alpha1", "kind": "EtlSchedule", "metadata": {"name": name},
        "spec": {"pipeline": pipeline, "kind": "CRON", "expression": "* * * * *", **spec},
    }  # fmt: skip


def pipelines(world, count):
    """Pipelines that move one row each; returns their metadata.name."""
    made = [world.manifest(world.spec(source_query="SELECT 1 AS id")) for _ in range(count)]
    world.kubectl.apply(*made)
    return [each["metadata"]["name"] for each in made]


def closed(world, names, until):
    """The books of these schedules, once all due times up to a moment are accounted for and nothing waits."""

    def look():
        there = {s["metadata"]["name"]: s for s in world.kubectl.list("etls") if s["metadata"]["name"] in names}
        statuses = [s.get("status") or {} for s in there.values()]
        if any(s.get("waiting") or s.get("handledUntil", "") < until for s in statuses):
            return None
        runs = world.kubectl.list("etlr")
        return [books(s, runs) for s in there.values()]

    return wait_for("all due times to be accounted for", look, seconds=150, every=1)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ["one with the Lease", "two without it"])
def test_the_operator_is_killed_while_many_schedules_are_due_in_the_same_second(request, count, who):
    world = request.getfixturevalue("world" if who == "one with the Lease" else "rivals")
    operators = [name for name in world.now().processes if name.startswith("operator")]
    when = chance(who)
    made = [
        schedule(world, pipeline, number, catchUp="all" if number % 2 else "last")
        for number, pipeline in enumerate(pipelines(world, SCHEDULES))
    ]
    # All of them before the same minute begins.
    if next_minute() - datetime.now(UTC) < timedelta(seconds=15):
        time.sleep((next_minute() - datetime.now(UTC)).total_seconds() + 0.5)
    world.kubectl.apply(*made)
    first = next_minute()
    minutes = 6 if LONG else 1
    moments = sorted(
        (first + timedelta(minutes=when.randrange(minutes), seconds=when.uniform(-1, 12 if LONG else 5)))
        for _ in range(KILLS)
    )
    killed = 0
    for moment in moments:
        time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
        victim = when.choice(operators)
        os.kill(world.pid(victim), signal.SIGKILL)
        killed += 1
    last = first + timedelta(minutes=minutes - 1)
    names = {each["metadata"]["name"] for each in made}
    found = closed(world, names, last.strftime("%Y-%m-%dT%H:%M:%S"))
    for name in names:
        world.kubectl.patch("etls", name, {"spec": {"enabled": False}})
    faults = [each.fault for each in found if each.fault]
    assert not faults, f"seed {SEED}: {faults[:3]}"
    due, ran = sum(len(each.due) for each in found), sum(len(each.ran) for each in found)
    assert len(found) == SCHEDULES
    assert all(len(each.due) >= minutes for each in found)
    count(f"{who}: operator killed {killed} times, {due} due times, {ran} ran once, {due - ran} accounted for")


@pytest.mark.timeout(600)
def test_catch_up_decides_what_runs_after_the_api_server_was_away(world, count):
    """Late by more than 30 s is missed: all of them run, only the last one, or none."""
    away = 120 if LONG else 50
    names = pipelines(world, 3)
    every = "10s"
    made = {
        catch_up: schedule(world, name, 0, kind="INTERVAL", expression=every, catchUp=catch_up)
        for catch_up, name in zip(("all", "last", "none"), names, strict=True)
    }
    world.kubectl.apply(*made.values())
    for each in made.values():
        world.wait_for_resource("etls", each["metadata"]["name"], lambda s: (s.get("status") or {}).get("nextRunAt"))
    pid = world.pid("kube-apiserver")
    os.kill(pid, signal.SIGSTOP)
    try:
        stopped = datetime.now(UTC)
        time.sleep(away)
    finally:
        os.kill(pid, signal.SIGCONT)
    back = datetime.now(UTC)
    wait_for("the API server", lambda: answers(world), seconds=120, every=1)
    found = closed(world, {s["metadata"]["name"] for s in made.values()}, back.strftime("%Y-%m-%dT%H:%M:%S"))
    after = {s["spec"]["catchUp"]: s for s in world.kubectl.list("etls") if s["spec"]["pipeline"] in names}
    for each in made.values():
        world.kubectl.patch("etls", each["metadata"]["name"], {"spec": {"enabled": False}})
    assert not [each.fault for each in found if each.fault]
    runs = world.kubectl.list("etlr")
    missed = {name: books(s, runs).missed for name, s in after.items()}
    assert missed["all"] == 0
    # Of those that were late by more than 30 s one fewer is left out.
    assert missed["last"] == missed["none"] - 1 > 0
    assert after["none"]["status"]["reasons"].keys() == {"Missed"}
    count(f"API server away for {(back - stopped).total_seconds():.0f} s, due every {every}: missed {missed}")


def answers(world):
    try:
        return world.kubectl.list("etls") is not None
    except Exception:  # noqa: BLE001 - whatever it says while it comes back
        return False


@pytest.mark.timeout(900)
def test_many_schedules_one_of_them_due_each_second(world, count):
    """Their runs queue behind one that is held: only scheduling is measured."""
    many, seconds = (1_000, 300) if LONG else (60, 20)
    with ExitStack() as stack:
        held = [stack.enter_context(world.held_pipeline())[0] for _ in range(5)]
        for pipeline in held:
            world.api.run(pipeline["id"])
        names = [world.resource("etlp", pipeline["id"])["metadata"]["name"] for pipeline in held]
        ahead = 60 if LONG else 10
        made = [
            schedule(world, names[n % 5], n, kind="INTERVAL", expression=f"{ahead + n}s", maxConcurrency=100)
            for n in range(many)
        ]
        began = time.monotonic()
        for start in range(0, many, 100):
            world.kubectl.apply(*made[start : start + 100])
        applied = time.monotonic() - began
        process = psutil.Process(world.pid("operator"))
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(ahead + seconds)
        spent = time.monotonic() - began
        after = process.cpu_times()
        own = {each["metadata"]["name"] for each in made}
        schedules = [s for s in world.kubectl.list("etls") if s["metadata"]["name"] in own]
        runs = [run for run in world.kubectl.list("etlr") if run["spec"].get("schedule") in own]
        lags = sorted(lag(run) for run in runs)
        found = [books(s, runs) for s in schedules]
        world.kubectl.run("delete", "etls", *own, "--wait=false", seconds=300)
    assert len(runs) >= seconds * 0.9
    assert not [each.fault for each in found if each.fault]
    share = 100 * (after.user + after.system - before.user - before.system) / spent
    memory = process.memory_info().rss / 2**20
    assert lags[-1] <= 2, f"the slowest run was there {lags[-1]:.2f} s after its due time"
    count(
        f"{many} schedules (applied in {applied:.0f} s), {len(runs)} due times in {spent:.0f} s: run there after"
        f" {lags[len(lags) // 2]:.2f} s (median), {lags[-1]:.2f} s (slowest)"
    )
    count(f"the operator meanwhile: {share:.0f} % of a core, {memory:.0f} MB")


def lag(run):
    """Seconds from a due time until its run was there, by the clock of the machine that all run on."""
    made = run["metadata"]["creationTimestamp"]
    stamp = run["metadata"]["annotations"]["headrace.dev/created-at"]
    created = max(datetime.fromisoformat(stamp), datetime.fromisoformat(made))
    return (created - datetime.fromisoformat(run["spec"]["dueAt"])).total_seconds()
