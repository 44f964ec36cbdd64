"""The state of a pipeline, as a table: each row is a sentence of the contract."""

import pytest

from headrace.lifecycle.state import Phase, PipelineView, RunPhase, RunView, pipeline_phase


def run(**changes: object) -> RunView:
    return RunView(uid="u", name="n", created_at="2026-01-01T00:00:00Z", **changes)  # type: ignore[arg-type]


REQUESTED = run()
STARTING = run(at_work=True)
RUNNING = run(at_work=True, phase=RunPhase.RUNNING, started=True)
HELD = run(phase=RunPhase.PAUSED, started=True)
RESUMING = run(phase=RunPhase.PAUSED, started=True, at_work=True)
TO_BE_STARTED = run(suspend=True)
DONE = run(phase=RunPhase.SUCCESS, started=True)
RECONCILE = run(kind="Reconcile", at_work=True, phase=RunPhase.RUNNING, started=True)
REBUILD = run(kind="Rebuild", at_work=True, phase=RunPhase.RUNNING, started=True)
REPLAY = run(kind="Replay")
PAUSED_ITSELF = run(suspend=True, phase=RunPhase.PAUSED, started=True)
STOPPING_ITSELF = run(suspend=True, phase=RunPhase.RUNNING, started=True, at_work=True)


@pytest.mark.parametrize(
    ("pipeline", "runs", "phase"),
    [
        pytest.param({}, [], Phase.IDLE, id="new"),
        pytest.param({}, [REQUESTED], Phase.RUN_REQUESTED, id="requested"),
        pytest.param({}, [STARTING], Phase.RUN_REQUESTED, id="its Job starts"),
        pytest.param({}, [RUNNING], Phase.RUNNING, id="running"),
        pytest.param({}, [RUNNING, REQUESTED], Phase.RUNNING, id="another waits"),
        pytest.param({"suspend": True}, [RUNNING], Phase.PAUSE_REQUESTED, id="pause in flight"),
        pytest.param({"suspend": True}, [STARTING], Phase.PAUSE_REQUESTED, id="pause while starting"),
        pytest.param({"suspend": True}, [HELD], Phase.PAUSED, id="paused"),
        pytest.param({}, [HELD], Phase.RUN_REQUESTED, id="to be resumed"),
        pytest.param({}, [RESUMING], Phase.RUN_REQUESTED, id="resuming"),
        pytest.param({}, [STOPPING_ITSELF], Phase.PAUSE_REQUESTED, id="the run itself is paused"),
        pytest.param({}, [PAUSED_ITSELF], Phase.PAUSED, id="the run itself has paused"),
        pytest.param({"suspend": True}, [], Phase.PAUSED, id="paused without a run"),
        pytest.param({"suspend": True}, [REQUESTED], Phase.PAUSED, id="paused before it started"),
        pytest.param({"suspend": True}, [DONE], Phase.PAUSED, id="ended while a pause was asked for"),
        pytest.param({"enabled": False}, [], Phase.PAUSED, id="disabled"),
        pytest.param({"enabled": False}, [REQUESTED], Phase.RUN_REQUESTED, id="disabled, asked for by hand"),
        pytest.param({"enabled": False}, [RUNNING], Phase.RUNNING, id="disabled, running"),
        pytest.param({"last_run_phase": RunPhase.FAILED}, [], Phase.FAILED, id="failed"),
        pytest.param({"last_run_phase": RunPhase.FAILED}, [REQUESTED], Phase.RUN_REQUESTED, id="again after a failure"),
        pytest.param({"last_run_phase": RunPhase.FAILED, "suspend": True}, [], Phase.PAUSED, id="failed, then paused"),
        pytest.param({"last_run_phase": RunPhase.FAILED, "enabled": False}, [], Phase.PAUSED, id="failed, disabled"),
        pytest.param({"last_run_phase": RunPhase.CANCELLED}, [], Phase.IDLE, id="cancelled"),
        pytest.param({"last_run_phase": RunPhase.SUCCESS}, [DONE], Phase.IDLE, id="succeeded"),
        pytest.param({}, [TO_BE_STARTED], Phase.IDLE, id="a run that waits for its start does not count"),
        pytest.param({}, [RECONCILE], Phase.IDLE, id="a reconcile does not count"),
        pytest.param({}, [REBUILD], Phase.RUNNING, id="a rebuild does"),
        pytest.param({}, [REPLAY], Phase.RUN_REQUESTED, id="a replay does"),
    ],
)
def test_the_state_follows_from_what_is_wanted_and_what_is_seen(
    pipeline: dict[str, object], runs: list[RunView], phase: Phase
) -> None:
    assert pipeline_phase(PipelineView(**pipeline), runs) == phase  # type: ignore[arg-type]
