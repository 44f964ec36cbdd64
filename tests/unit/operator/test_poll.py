"""What wakes a pipeline: the store is back, or its run has news; a stream at rest has none."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.errors import UnavailableError
from headrace.lifecycle.holds import Holds
from headrace.store.records import RunProgress, Snapshot
from headrace_operator.availability import StoreWatch
from headrace_operator.pipelines.poll import Poll
from headrace_operator.pipelines.slots import Slots
from headrace_operator.queues.workqueue import WorkQueue

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Postgres:
    """Is there, or not."""

    def __init__(self):
        self.there = True
        self.progress = {}

    async def observe(self, run_ids):
        if not self.there:
            raise UnavailableError("away", part="postgres")
        return Snapshot(now=NOW, progress=self.progress)


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


def progress(caught_up_seconds_ago=None, **changes):
    ago = caught_up_seconds_ago
    values = {"reporter_epoch": 1, "reporter_holder": 1, "first_seen_at": NOW - timedelta(hours=1)} | changes
    return RunProgress(
        **dict.fromkeys(("outcome", "outcome_message", "result", "advanced_at"), None),
        **dict.fromkeys(("rows_read", "rows_written", "bad_rows", "batches", "bytes_read", "sequence"), 0),
        run_id="r",
        notes={},
        seen_at=NOW,
        caught_up_at=None if ago is None else NOW - timedelta(seconds=ago),
        **values,
    )


@pytest.mark.parametrize(
    ("before", "after", "is_stream", "woken"),
    [
        # At rest: it caught up again, and again.
        (progress(1), progress(0), True, False),
        (progress(60), progress(61), True, True),
        (progress(61), progress(0), True, True),
        (progress(), progress(0), True, True),
        (progress(300), progress(301), True, False),
        (progress(0), progress(0, reporter_holder=2), True, True),
        (progress(60), progress(61), False, False),
    ],
    ids=["at rest", "falls behind", "caught up", "caught up at last", "stays behind", "taken over", "no stream"],
)
async def test_a_stream_is_looked_at_when_it_falls_behind_or_catches_up(before, after, is_stream, woken):
    store, queue = Postgres(), WorkQueue()
    slots = Slots(1, queue.add)
    runs = frozenset({"r"})
    slots.settle("films", Holds(at_work=runs, streams=runs if is_stream else frozenset()))
    poll = Poll(StoreWatch(store), slots, queue, every=1, unsettled=list)
    store.progress = {"r": before}
    await poll.once()
    queue._due.clear()
    store.progress = {"r": after}
    await poll.once()
    assert ("films" in queue._due) is woken
