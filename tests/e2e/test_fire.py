"""Parts are killed and stopped at random moments; every run ends, and the target equals the source."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from tests.fire import SEED, chance, rounds

from headrace_local.demo import runners
from headrace_local.waiting import wait_for

ROUNDS = rounds(2)
VICTIMS = ("runner", "operator", "api", "postgres", "kube-apiserver")
SECONDS, RATE = 5, 500
WITHOUT_PROGRESS = 60
pytestmark = pytest.mark.fire


class Observer:
    """Looks at a run from outside, at its processes and its rows, while parts of the platform may be dead."""

    def __init__(self, world, pipeline, run_id):
        self._world, self._pipeline, self.run_id = world, pipeline, run_id
        self.most_runners = 0
        self.longest_gap = 0.0
        self._rows, self._moved = -1, time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *args):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(0.2):
            self.most_runners = max(self.most_runners, len(runners.find(self.run_id)))
            rows = self._count()
            if rows is not None and rows != self._rows:
                self._rows, self._moved = rows, time.monotonic()
            self.longest_gap = max(self.longest_gap, time.monotonic() - self._moved)

    def _count(self):
        try:
            return self._world.target(f"SELECT count(*) FROM {self._pipeline['target_table']}")[0][0]
        except psycopg.Error:
            return None


def strike(world, victim, run_ids):
    """Kills the victim; a runner only when there is one."""
    if victim == "runner":
        return [pid for run_id in run_ids for pid in runners.kill(run_id)]
    pid = world.pid(victim)
    os.kill(pid, signal.SIGKILL)
    return [pid]


@pytest.mark.timeout(120 + ROUNDS * 150)
@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_random_moments_every_run_ends_and_is_right(world, victim, count):
    when = chance(victim)
    kills, gap = 0, 0.0
    for _ in range(ROUNDS):
        made = [world.slow_pipeline(seconds=SECONDS) for _ in range(2)]
        asked = [world.api.run(pipeline["id"])["run_id"] for pipeline in made]
        moment = when.uniform(0.1, SECONDS + 2)
        with Observer(world, made[0], asked[0]) as one, Observer(world, made[1], asked[1]) as two:
            time.sleep(moment)
            killed = strike(world, victim, asked)
            kills += len(killed)
            if victim != "runner":
                # The runs may be over already: then nothing else waits for it, and the comparison needs it.
                world.wait_until_back(victim, killed[0])
            for pipeline, run_id in zip(made, asked, strict=True):
                finished(world, pipeline, run_id, f"{victim} killed after {moment:.2f} s (seed {SEED})")
        assert max(one.most_runners, two.most_runners) <= 1, "two runners of one run at once"
        gap = max(gap, one.longest_gap, two.longest_gap)
        assert gap <= WITHOUT_PROGRESS
    count(f"{victim}: {ROUNDS} rounds, {2 * ROUNDS} runs, {kills} kills, longest time without progress {gap:.1f} s")


def finished(world, pipeline, run_id, what):
    """Waits for the run's end, also while the API itself is restarted."""

    def look():
        try:
            return world.api.wait_for_end(pipeline["id"], run_id, seconds=0.1)
        except Exception:  # noqa: BLE001 - refused, 503, not over: whatever it is, it has to pass in time
            return None

    run = wait_for(f"the end of a run, {what}", look, seconds=150, every=0.3)
    assert run["status"] == "SUCCESS", (what, run)
    assert run["rows_read"] == SECONDS * RATE, (what, run)
    assert world.differs(pipeline) == "", what


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """The processes stand still, and go on afterwards if they are still there."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                continue


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_runner_that_stands_still_is_replaced(world, count):
    made = world.slow_pipeline(seconds=8)
    run_id = world.running(made)
    (old,) = runners.find(run_id)
    with stopped([old]):
        seconds = until_it_goes_on(world, made, run_id, 3 * world.lost_after + 60, old)
        # The old one wakes up while its successor works, and must change nothing any more.
        os.kill(old, signal.SIGCONT) if old in runners.find(run_id) else None
    finished_after_loss(world, made, run_id)
    count(f"runner stopped: went on after {seconds:.1f} s")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_node_that_falls_silent_does_not_hold_a_run(world, count):
    """Its kubelet stands still and the runner is dead: nobody tells Kubernetes that the pod is gone."""
    made = world.slow_pipeline(seconds=8)
    run_id = world.running(made)
    (pod,) = world.kubectl.list("pods", "-l", f"headrace.dev/run={run_id}")
    with stopped([world.pid(f"kubelet-{pod['spec']['nodeName']}")]):
        (old,) = runners.kill(run_id)
        seconds = until_it_goes_on(world, made, run_id, world.lost_after + 60, old)
        finished_after_loss(world, made, run_id)
    count(f"kubelet stopped, runner killed: went on after {seconds:.1f} s")


def until_it_goes_on(world, pipeline, run_id, limit, old):
    """Seconds until another runner than the old one has committed a batch."""
    began = time.monotonic()
    before = world.target(f"SELECT count(*) FROM {pipeline['target_table']}")[0][0]

    def goes_on():
        rows = world.target(f"SELECT count(*) FROM {pipeline['target_table']}")[0][0]
        return rows > before and set(runners.find(run_id)) != {old}

    wait_for("the run to go on", goes_on, seconds=limit, every=0.5, seen=lambda: runners.find(run_id))
    return time.monotonic() - began


def finished_after_loss(world, pipeline, run_id):
    run = world.done(pipeline, run_id, seconds=120)
    assert run["rows_read"] == 8 * RATE
    assert world.differs(pipeline) == ""
