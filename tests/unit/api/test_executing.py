"""Starting, cancelling and stopping, as tables over runs; and what may be asked of one."""

import pytest
from fastapi.exceptions import RequestValidationError

from headrace.errors import ConflictError
from headrace_api.services.executing import decide_cancel, decide_start, decide_stop, run_spec
from headrace_api.services.running import decide_stream
from headrace_api.translate.executions import Execution

CREATED = "2026-03-01T12:00:00Z"


def execution(*, phase="PENDING", at_work=False, started=False, paused=False, mode="full", gone=False, **spec):
    status = {"phase": phase, "job": {"active": at_work}} | ({"startedAt": CREATED} if started else {})
    run = {
        "metadata": {"name": "r", "uid": "r", "creationTimestamp": CREATED},
        "spec": {"pipeline": "p", **spec},
        "status": status,
    }
    target = {"name": "p", "targetTable": "a.b", "sourceQuery": "SELECT 1", "mode": mode, "incrementalKey": "m"}
    pipeline = {
        "metadata": {"name": "p", "uid": "u", "creationTimestamp": CREATED},
        "spec": {**target, "suspend": paused},
    }
    return Execution(pipeline=pipeline, project_id=None, run=run, record=None)


WAITS = {"suspend": True}
WORKS = {"phase": "RUNNING", "at_work": True, "started": True}
HELD = {"phase": "PAUSED", "started": True, "suspend": True}

STARTS = [
    # the run, asked timeout: change, unpause
    (WAITS, None, {"suspend": False, "timeoutSeconds": 3600}, False),
    (WAITS, 60, {"suspend": False, "timeoutSeconds": 60}, False),
    ({**WAITS, "timeoutSeconds": 5}, None, {"suspend": False}, False),
    ({**WAITS, "timeoutSeconds": 5}, 60, {"suspend": False, "timeoutSeconds": 60}, False),
    ({**WAITS, "mode": "streaming"}, None, {"suspend": False}, False),
    ({**WAITS, "mode": "streaming"}, 60, {"suspend": False, "timeoutSeconds": 60}, False),
    ({**WAITS, "mode": "incremental", "stream": True}, None, {"suspend": False}, False),
    ({**WAITS, "mode": "incremental"}, None, {"suspend": False, "timeoutSeconds": 3600}, False),
    ({**WAITS, "paused": True}, None, {"suspend": False, "timeoutSeconds": 3600}, True),
    ({}, 60, {}, False),
    ({"paused": True}, None, {}, True),
    ({"paused": True, "kind": "Reconcile"}, None, {}, False),
    (WORKS, 60, {}, False),
    ({**WORKS, "suspend": True}, 60, {"suspend": False}, False),
    (HELD, 60, {"suspend": False}, False),
    ({**HELD, "paused": True}, None, {"suspend": False}, True),
    ({"phase": "PAUSED", "started": True, "paused": True}, None, {}, True),
]


@pytest.mark.parametrize(("fields", "timeout", "change", "unpause"), STARTS)
def test_a_run_is_started_once_and_goes_on_when_it_is_paused(fields, timeout, change, unpause):
    decision = decide_start(execution(**fields), timeout)
    assert (decision.change, decision.unpause) == (change, unpause)


def test_a_start_asks_for_all_its_rights_before_the_first_write():
    held = execution(**HELD, paused=True)
    rights = decide_start(held, None).rights(held)
    assert [f"{right.verb} {right.plural} {right.name}" for right in rights] == [
        "patch etlruns r",
        "patch etlpipelines p",
    ]
    works = execution(**WORKS)
    assert decide_start(works, None).rights(works) == []


@pytest.mark.parametrize("phase", ["SUCCESS", "FAILED", "CANCELLED"])
@pytest.mark.parametrize("decide", [decide_start, decide_cancel, decide_stop])
def test_nothing_can_be_done_to_a_run_that_is_over(decide, phase):
    with pytest.raises(ConflictError, match=f"Run is over: {phase}"):
        decide(execution(phase=phase, started=True), 5)


def test_what_is_being_cancelled_is_not_started():
    with pytest.raises(ConflictError, match="being cancelled"):
        decide_start(execution(**WAITS, cancel=True), None)


def test_a_run_is_cancelled_once_and_the_first_reason_stays():
    assert decide_cancel(execution(**WORKS), "wrong month") == {"cancel": True, "cancelReason": "wrong month"}
    assert decide_cancel(execution(**WAITS), None) == {"cancel": True}
    assert decide_cancel(execution(**WORKS, cancel=True, cancelReason="a"), "b") == {}


@pytest.mark.parametrize(
    ("given", "seconds", "change"),
    [
        ({}, 30, {"cancel": True, "stopSeconds": 30}),
        ({}, 0, {"cancel": True, "stopSeconds": 0}),
        ({"cancel": True}, 30, {"stopSeconds": 30}),
        ({"cancel": True, "stopSeconds": 30}, 30, {}),
        ({"cancel": True, "stopSeconds": 30}, 60, {}),
        ({"cancel": True, "stopSeconds": 30}, 5, {"stopSeconds": 5}),
    ],
)
def test_a_stop_can_be_made_shorter_and_not_longer(given, seconds, change):
    assert decide_stop(execution(**WORKS, **given), seconds) == change


def test_what_is_asked_for_becomes_a_specification():
    fields = {"params": {"a": 1}, "tags": ["x"], "timeout_seconds": 5, "restart": None}
    assert run_spec(fields) == {"params": {"a": 1}, "tags": ["x"], "timeoutSeconds": 5}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tags", [""]),
        ("tags", ["x" * 201]),
        ("tags", {"a": "b\0"}),
        ("tags", [str(number) for number in range(51)]),
        ("params", {"a": "x" * 262_144}),
    ],
)
def test_what_breaks_a_rule_is_told_by_its_field(field, value):
    with pytest.raises(RequestValidationError) as caught:
        run_spec({field: value})
    assert {error["loc"] for error in caught.value.errors()} == {("body", field)}


def test_a_stream_is_asked_for_once_whatever_else_is_at_work():
    """Among the pipeline's runs only streams are looked at: a load that is at work ends first."""
    load = execution(mode="incremental", **WORKS)
    waiting = execution(mode="incremental", stream=True)
    held = execution(mode="incremental", **HELD)
    held.run["status"]["stream"] = True
    assert decide_stream(load.pipeline, [load.run], restart=False).run is None
    assert decide_stream(load.pipeline, [load.run, waiting.run], restart=False).run is waiting.run
    assert decide_stream(load.pipeline, [held.run], restart=False).change == {"suspend": False}
    assert decide_stream(load.pipeline, [held.run], restart=True).cancel is held.run
