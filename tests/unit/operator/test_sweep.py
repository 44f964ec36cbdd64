"""What a sweep wakes although no event told of it."""

import pytest

from headrace import names
from headrace.cluster import Listing
from headrace_operator.index import Index
from headrace_operator.settings import Settings
from headrace_operator.slots import Slots
from headrace_operator.sweep import Sweep
from headrace_operator.workqueue import WorkQueue


class Kubernetes:
    """What there is."""

    def __init__(self, pipelines):
        self._pipelines = pipelines

    async def list(self, plural):
        return Listing(self._pipelines if plural == names.PIPELINE_PLURAL else [], "9")


def pipeline(uid, shown, *, reason="Valid"):
    created = {"a": "2026-01-01T00:00:00Z", "b": "2026-01-02T00:00:00Z"}[uid]
    metadata = {"name": uid, "uid": uid, "resourceVersion": "1", "generation": 1, "creationTimestamp": created}
    status = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "reason": reason}]}
    return {"metadata": metadata, "spec": {"name": shown}, "status": status}


@pytest.mark.parametrize(
    ("older", "reason", "woken"),
    [("Films", "Valid", 1), ("Films", "DuplicateName", 0), ("Renamed", "DuplicateName", 1), ("Renamed", "Valid", 0)],
)
async def test_a_pipeline_whose_name_was_taken_or_freed_is_looked_at(older, reason, woken):
    there = [pipeline("a", older), pipeline("b", "Films", reason=reason)]
    index, queue = Index(), WorkQueue()
    for each in there:
        index.put(names.PIPELINE_PLURAL, each)
    sweep = Sweep(
        cluster=Kubernetes(there),
        index=index,
        slots=Slots(1, queue.add),
        queue=queue,
        settings=Settings(store_dsn="postgresql://x"),
        forget=lambda name, uid: None,
    )
    await sweep.once()
    assert len(queue) == woken
