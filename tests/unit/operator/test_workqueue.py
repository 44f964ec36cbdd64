"""The queue of keys: one worker a key, once however often asked for, and again when asked for meanwhile."""

import asyncio

import pytest

from headrace_operator.queues.workqueue import LONGEST_DELAY, WorkQueue

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


class Workers:
    """Workers that take a second a key, and note who was handled when."""

    def __init__(self, count: int) -> None:
        self.queue = WorkQueue()
        self.handled: list[tuple[str, float]] = []
        self.at_once: dict[str, int] = {}
        self.tasks = [asyncio.create_task(self.queue.work(self._handle)) for _ in range(count)]

    async def _handle(self, key: str) -> None:
        self.at_once[key] = self.at_once.get(key, 0) + 1
        assert self.at_once[key] == 1
        self.handled.append((key, now()))
        await asyncio.sleep(1)
        self.at_once[key] -= 1

    def end(self) -> None:
        for task in self.tasks:
            task.cancel()


async def test_keys_are_handled_side_by_side():
    workers = Workers(3)
    for key in "abc":
        workers.queue.add(key)
    await asyncio.sleep(0.5)
    assert workers.handled == [("a", 0), ("b", 0), ("c", 0)]
    workers.end()


async def test_asked_for_many_times_is_handled_once():
    workers = Workers(2)
    for _ in range(10):
        workers.queue.add("a")
    await asyncio.sleep(5)
    assert len(workers.handled) == 1
    workers.end()


async def test_asked_for_at_work_is_handled_again_afterwards():
    workers = Workers(4)
    workers.queue.add("a")
    await asyncio.sleep(0.5)
    workers.queue.add("a")
    workers.queue.add("b")
    await asyncio.sleep(5)
    assert workers.handled == [("a", 0), ("b", 0.5), ("a", 1)]
    workers.end()


async def test_an_earlier_time_wins():
    workers = Workers(1)
    workers.queue.add("a", delay=60)
    workers.queue.add("a", delay=5)
    workers.queue.add("a", delay=30)
    await asyncio.sleep(100)
    assert workers.handled == [("a", 5)]
    workers.end()


async def test_failures_are_tried_again_later_each_time_up_to_a_bound():
    queue = WorkQueue()
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[:4] == [0.2, 0.4, 0.8, 1.6]
    assert delays[-1] == LONGEST_DELAY
    assert [queue.retry("a", longest=5) for _ in range(2000)] == [5] * 2000, "an outage of hours is no overflow"
    queue.succeed("a")
    assert queue.retry("a") == 0.2
