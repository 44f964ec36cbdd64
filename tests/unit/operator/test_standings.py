"""Where pipelines and runs stand: what is counted, and what outlives the resources of runs."""

from datetime import UTC, datetime

import pytest

from headrace import names
from headrace.errors import UnavailableError
from headrace.store.records import Success
from headrace_operator.figures.successes import Successes
from headrace_operator.index import Index

BEGAN, ENDED = datetime(2026, 5, 1, 8, tzinfo=UTC), datetime(2026, 5, 1, 9, tzinfo=UTC)


@pytest.fixture
def index():
    made = Index()
    made.put(names.PIPELINE_PLURAL, pipeline())
    return made


def pipeline(uid="p", version=1, phase="IDLE", **spec):
    metadata = {
        "name": "films",
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": {"name": "Films", **spec}, "status": {"phase": phase}}


def run(uid, phase, *, hour=9, kind="Load", version=1, owner="p", stream=False):
    owners = [{"kind": names.PIPELINE_KIND, "uid": owner}]
    times = {
        "startedAt": f"2026-05-01T{hour - 1:02}:00:00.000000Z",
        "finishedAt": f"2026-05-01T{hour:02}:00:00.000000Z",
    }
    return {
        "metadata": {"name": uid, "uid": uid, "resourceVersion": str(version), "ownerReferences": owners},
        "spec": {"pipeline": "films", "kind": kind},
        "status": {
            "phase": phase,
            **(times if phase in {"SUCCESS", "FAILED", "CANCELLED"} else {}),
            **({"stream": True, "startedAt": times["startedAt"]} if stream else {}),
        },
    }


def put(index, *runs):
    for each in runs:
        index.put(names.RUN_PLURAL, each)


def test_phases_are_counted_as_they_change(index):
    put(index, run("a", "PENDING"), run("b", "RUNNING"), run("b", "SUCCESS", version=2))
    index.put(names.PIPELINE_PLURAL, pipeline(version=2, phase="RUNNING"))
    runs, pipelines = index.standings.run_phases(), index.standings.pipeline_phases()
    assert {phase: number for phase, number in runs.items() if number} == {"PENDING": 1, "SUCCESS": 1}
    assert {phase: number for phase, number in pipelines.items() if number} == {"RUNNING": 1}
    index.remove(names.RUN_PLURAL, "a")
    index.remove(names.PIPELINE_PLURAL, "p")
    assert index.standings.run_phases()["PENDING"] == 0
    assert index.standings.pipelines == {}


def test_failures_count_since_the_last_success_and_only_of_loads(index):
    put(index, run("a", "FAILED", hour=1), run("b", "SUCCESS", hour=2), run("c", "FAILED", hour=3))
    put(index, run("d", "FAILED", hour=4, kind="Reconcile"), run("e", "CANCELLED", hour=5), run("f", "RUNNING"))
    assert index.standings.failures("p") == 1
    put(index, run("g", "FAILED", hour=6))
    assert index.standings.failures("p") == 2
    put(index, run("h", "SUCCESS", hour=7))
    assert index.standings.failures("p") == 0


@pytest.mark.parametrize(
    ("phase", "hour", "failures"),
    [("RUNNING", 9, 0), ("PAUSED", 9, 1), ("PENDING", 9, 1), ("CANCELLED", 9, 1), ("RUNNING", 7, 1)],
)
def test_a_stream_that_is_at_work_leaves_earlier_failures_behind(index, phase, hour, failures):
    put(index, run("a", "FAILED", hour=7), run("b", phase, hour=hour, stream=True))
    assert index.standings.failures("p") == failures


def test_a_success_outlives_its_resource_but_not_its_pipeline(index):
    put(index, run("a", "SUCCESS", hour=9), run("b", "SUCCESS", hour=8), run("c", "SUCCESS", hour=10, kind="Reconcile"))
    index.remove(names.RUN_PLURAL, "a")
    assert index.standings.success("p") == (BEGAN.timestamp(), ENDED.timestamp())
    index.put(names.PIPELINE_PLURAL, pipeline(uid="q"))
    index.remove(names.PIPELINE_PLURAL, "p")
    assert (index.standings.success("p"), index.standings.success("q")) == (None, None)


@pytest.mark.parametrize(
    ("spec", "is_incremental", "is_held"),
    [
        ({}, False, False),
        ({"mode": "incremental", "suspend": True}, True, True),
        ({"enabled": False}, False, True),
        # Its runs succeed never: its streams' own lag is shown instead.
        ({"mode": "streaming"}, False, False),
    ],
)
def test_what_is_said_of_a_pipeline(index, spec, is_incremental, is_held):
    index.put(names.PIPELINE_PLURAL, pipeline(version=2, **spec))
    standing = index.standings.pipelines["p"]
    assert (standing.name, standing.is_incremental, standing.is_held) == ("films", is_incremental, is_held)


class History:
    """A store that knows of one success, or is away."""

    def __init__(self):
        self.asked = []
        self.there = True

    async def last_successes(self, uids):
        if not self.there:
            raise UnavailableError("away", part="postgres")
        self.asked.append(list(uids))
        return {"p": Success(started_at=BEGAN, finished_at=ENDED)}


async def test_the_store_is_asked_once_about_pipelines_whose_runs_tell_of_no_success(index):
    store = History()
    successes = Successes(store, index.standings)
    store.there = False
    with pytest.raises(UnavailableError):
        await successes.once()
    store.there = True
    put(index, run("a", "FAILED", hour=12))
    index.put(names.PIPELINE_PLURAL, pipeline(uid="never"))
    await successes.once()
    await successes.once()
    assert store.asked == [["p", "never"]]
    assert index.standings.success("p") == (BEGAN.timestamp(), ENDED.timestamp())
    assert index.standings.success("never") is None
    assert index.standings.failures("p") == 1


def test_a_run_that_is_put_after_its_pipeline_was_removed_leaves_nothing(index):
    index.remove(names.PIPELINE_PLURAL, "p")
    put(index, run("late", "SUCCESS"))
    index.remove(names.RUN_PLURAL, "late")
    assert index.standings.success("p") is None
