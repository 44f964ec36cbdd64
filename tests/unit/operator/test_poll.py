"""When the store is back, those who waited for it are looked at at once."""

from datetime import UTC, datetime

from headrace.errors import UnavailableError
from headrace.store.records import Snapshot
from headrace_operator.availability import StoreWatch
from headrace_operator.poll import Poll
from headrace_operator.slots import Slots
from headrace_operator.workqueue import WorkQueue


class Postgres:
    """Is there, or not."""

    def __init__(self):
        self.there = True

    async def observe(self, run_ids):
        if not self.there:
            raise UnavailableError("away", part="postgres")
        return Snapshot(now=datetime.now(UTC))


async def test_all_that_may_have_waited_for_the_store_are_woken_whoever_saw_first_that_it_is_back():
    store, queue = Postgres(), WorkQueue()
    watch = StoreWatch(store)
    poll = Poll(watch, Slots(1, queue.add), queue, every=1, unsettled=lambda: ["films"])
    await poll.once()
    assert queue._due.pop("films")
    await poll.once()
    assert len(queue) == 0
    store.there = False
    await poll.once()
    store.there = True
    await watch.observe([])  # A look at some pipeline.
    await poll.once()
    assert len(queue) == 1
