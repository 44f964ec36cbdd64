"""What `/run` does, as a table over pipelines and their runs."""

import pytest

from headrace_api.running import decide_run

CREATED = "2026-03-01T12:00:00Z"


def run(name, *, phase="PENDING", at_work=False, started=False, created=CREATED, **spec):
    status = {"phase": phase, "job": {"active": at_work}} | ({"startedAt": CREATED} if started else {})
    metadata = {"name": name, "uid": name, "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"pipeline": "p", **spec}, "status": status}


REQUESTED = run("requested")
WORKING = run("working", phase="RUNNING", at_work=True, started=True)
STOPPING = run("working", phase="RUNNING", at_work=True, started=True, suspend=True)
PAUSED = run("paused", phase="PAUSED", started=True)
HELD = run("held", phase="PAUSED", started=True, suspend=True)
WAITS = run("waits", suspend=True)
SILENT = run("silent", phase="PAUSED", suspend=True)
"""Stopped before its runner said a word: what it is to do was written down already."""
CANCELLED = run("cancelled", phase="RUNNING", at_work=True, started=True, cancel=True)
OVER = run("over", phase="SUCCESS", started=True)
RECONCILE = run("reconcile", kind="Reconcile")
RESTARTED = run("restarted", restart=True)

TABLE = [
    # runs, paused, restart: run (None: a new one), change, cancel
    ([], False, False, None, {}, None),
    ([], True, False, None, {}, None),
    ([OVER, RECONCILE, WAITS, CANCELLED], False, False, None, {}, None),
    ([OVER, REQUESTED], False, False, "requested", {}, None),
    ([REQUESTED], False, True, "requested", {}, None),
    ([WORKING], False, True, "working", {}, None),
    ([REQUESTED, WORKING], False, False, "working", {}, None),
    ([STOPPING], False, False, "working", {"suspend": False}, None),
    ([STOPPING], True, True, "working", {"suspend": False}, None),
    ([PAUSED], True, False, "paused", {}, None),
    ([HELD], False, False, "held", {"suspend": False}, None),
    ([HELD], True, False, "held", {"suspend": False}, None),
    ([HELD, REQUESTED], False, False, "requested", {}, None),
    ([PAUSED], True, True, None, {}, "paused"),
    ([HELD], False, True, None, {}, "held"),
    ([SILENT], False, False, "silent", {"suspend": False}, None),
    ([SILENT], False, True, None, {}, "silent"),
    ([REQUESTED], True, True, "requested", {"restart": True}, None),
    ([RESTARTED], True, True, "restarted", {}, None),
]


@pytest.mark.parametrize(("runs", "paused", "restart", "expected", "change", "cancelled"), TABLE)
def test_at_most_one_run_is_asked_for(runs, paused, restart, expected, change, cancelled):
    decision = decide_run({"spec": {"suspend": paused}}, runs, restart=restart)
    assert (decision.run and decision.run["metadata"]["name"]) == expected
    assert (decision.cancel and decision.cancel["metadata"]["name"]) == cancelled
    assert (decision.change, decision.unpause) == (change, paused)


def test_of_several_that_wait_the_oldest_goes_on():
    runs = [run("b", created="2026-03-01T12:00:01Z"), run("c", created="2026-03-01T12:00:00Z")]
    for order in (runs, runs[::-1]):
        assert decide_run({"spec": {"suspend": True}}, order, restart=False).run["metadata"]["name"] == "c"
