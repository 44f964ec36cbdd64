"""A pipeline that is gone: what it held is given to others, unless another one has its name by then."""

import pytest

from headrace import names
from headrace.lifecycle.holds import Holds
from headrace_operator.index import Index
from headrace_operator.pipelines.departed import Departed
from headrace_operator.pipelines.reconcile import Reconciler
from headrace_operator.pipelines.slots import Slots
from headrace_operator.queues.workqueue import WorkQueue
from headrace_operator.settings import Settings


class History:
    """The store's."""

    def __init__(self):
        self.marked = []

    async def mark_deleted(self, uid):
        self.marked.append(uid)


@pytest.mark.parametrize(("there", "at_work"), [(None, {}), ("old", {}), ("new", {"r": "films"})])
async def test_the_slots_of_a_namesake_are_its_own(there, at_work):
    index, slots, history = Index(), Slots(10, lambda _: None), History()
    if there:
        metadata = {"name": "films", "uid": there, "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
        index.put(names.PIPELINE_PLURAL, {"metadata": metadata, "spec": {"name": "Films"}})
    slots.settle("films", Holds(at_work=frozenset({"r"})))
    reconciler = Reconciler(
        cluster=None, store=history, observer=None, index=index, slots=slots, queue=WorkQueue(),
        settings=Settings(store_dsn="postgresql://x"), tally=None, secrets=None,
        departed=Departed(None, slots, grace_seconds=1),
    )  # fmt: skip
    await reconciler.forget("films", "old")
    assert (slots.runs, history.marked) == (at_work, ["old"])
