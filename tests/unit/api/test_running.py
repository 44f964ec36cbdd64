"""What `/run` does, as a table over pipelines and their runs."""

import pytest

from headrace.errors import ConflictError
from headrace.runspec import RunKind
from headrace_api.services.running import RunDecision, decide_run, decide_start

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
REBUILD = run("rebuild", kind="Rebuild")
REBUILDING = run("rebuilding", kind="Rebuild", phase="RUNNING", at_work=True, started=True)
REBUILD_PAUSED = run("rebuild-paused", kind="Rebuild", phase="PAUSED", started=True)
REPLAY_HELD = run("replay-held", kind="Replay", phase="PAUSED", started=True, suspend=True)
REBUILT = run("rebuilt", kind="Rebuild", phase="SUCCESS", started=True)

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
    ([REBUILT], False, False, None, {}, None),
    ([REBUILD], False, False, "rebuild", {}, None),
    ([REBUILDING, REQUESTED], False, True, "rebuilding", {}, None),
    ([REBUILD_PAUSED], True, False, "rebuild-paused", {}, None),
    ([REBUILD_PAUSED], True, True, None, {}, "rebuild-paused"),
    ([REPLAY_HELD], False, False, "replay-held", {"suspend": False}, None),
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


@pytest.mark.parametrize(("held", "kind"), [(REBUILD_PAUSED, "Rebuild"), (PAUSED, "Load"), (REPLAY_HELD, "Load")])
def test_what_is_started_over_is_what_it_was_but_for_a_replay(held, kind):
    decision = decide_run({"spec": {"suspend": True}}, [held], restart=True)
    assert (decision.cancel, decision.run, decision.kind) == (held, None, kind)


STARTS = [
    # runs, paused, kind: run (None: a new one), change
    ([], False, RunKind.REBUILD, None, {}),
    ([], True, RunKind.REPLAY, None, {}),
    ([OVER, REBUILT, RECONCILE, WAITS, CANCELLED], False, RunKind.REBUILD, None, {}),
    ([REBUILD], False, RunKind.REBUILD, "rebuild", {}),
    ([REBUILDING, REBUILD], False, RunKind.REBUILD, "rebuilding", {}),
    ([REBUILD_PAUSED], True, RunKind.REBUILD, "rebuild-paused", {}),
    ([WORKING, REBUILD], False, RunKind.REBUILD, "rebuild", {}),
    ([REPLAY_HELD], False, RunKind.REPLAY, "replay-held", {"suspend": False}),
]


@pytest.mark.parametrize(("runs", "paused", "kind", "expected", "change"), STARTS)
def test_a_kind_of_its_own_is_asked_for_once(runs, paused, kind, expected, change):
    decision = decide_start({"spec": {"suspend": paused}}, runs, kind)
    assert (decision.run and decision.run["metadata"]["name"]) == expected
    assert (decision.change, decision.unpause, decision.cancel) == (change, paused, None)
    assert expected or decision.kind == kind


@pytest.mark.parametrize("ahead", [REQUESTED, WORKING, PAUSED, HELD, REBUILD_PAUSED, REBUILDING])
def test_it_is_not_asked_for_behind_another_kind(ahead):
    kind = ahead["spec"].get("kind", "Load")
    with pytest.raises(ConflictError, match=f"Replay can't start: a {kind} of the pipeline .* has to end first"):
        decide_start({"spec": {}}, [OVER, ahead], RunKind.REPLAY)


def test_a_decision_asks_for_all_its_rights_before_the_first_write():
    held = {"metadata": {"name": "r-1"}, "spec": {}}
    pipeline = {"metadata": {"name": "films"}}
    table = [
        (RunDecision(), ["create etlruns None"]),
        (RunDecision(run=held), []),
        (RunDecision(run=held, change={"suspend": False}), ["patch etlruns r-1"]),
        (RunDecision(run=held, unpause=True), ["patch etlpipelines films"]),
        (RunDecision(unpause=True), ["create etlruns None", "patch etlpipelines films"]),
        (
            RunDecision(cancel=held, unpause=True),
            ["patch etlruns r-1", "create etlruns None", "patch etlpipelines films"],
        ),
    ]
    for decision, rights in table:
        assert [f"{right.verb} {right.plural} {right.name}" for right in decision.rights(pipeline)] == rights
