"""A run's end is counted when it is saved: once, whoever saves it and however often."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from headrace import names
from headrace.errors import ConflictError
from headrace.lifecycle.actions import SaveRun
from headrace.lifecycle.observed import Limits, Observed
from headrace.model.run import RunStatus
from headrace_operator.credentials.ends import Ends
from headrace_operator.credentials.secrets import RunSecrets
from headrace_operator.figures.tally import Tally
from headrace_operator.index import Index
from headrace_operator.pipelines.apply import Hands
from headrace_operator.pipelines.observe import Sight
from headrace_operator.settings import Settings

RUN = {
    "metadata": {"name": "films-1", "uid": "r", "resourceVersion": "1"},
    "spec": {"pipeline": "films", "kind": "Load"},
    "status": {"phase": "RUNNING"},
}


class Server:
    """Keeps one run, and refuses who saw an older version."""

    def __init__(self) -> None:
        self.run: dict[str, Any] = RUN

    async def patch(self, plural: str, name: str, patch: Any, *, resource_version: str, status: bool) -> dict[str, Any]:
        metadata = self.run["metadata"]
        if (plural, name, status) != (names.RUN_PLURAL, "films-1", True) or resource_version != metadata[
            "resourceVersion"
        ]:
            raise ConflictError("moved on")
        metadata = {**metadata, "resourceVersion": str(int(resource_version) + 1)}
        self.run = {**self.run, "metadata": metadata, "status": {**self.run["status"], **patch["status"]}}
        return self.run


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def tally() -> Tally:
    return Tally(lambda _: None)


def hands(server: Server, tally: Tally, monkeypatch: pytest.MonkeyPatch) -> Hands:
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    observed = Observed(now=datetime(2026, 5, 1, tzinfo=UTC), limits=Limits(), pipeline=None)
    sight = Sight(observed, None, {"r": server.run})
    secrets = RunSecrets(server, Ends(server, installation="headrace-dsn"))  # type: ignore[arg-type]
    return Hands(server, None, Index(), Settings(), sight, tally=tally, secrets=secrets)  # type: ignore[arg-type]


def durations(outcome: str) -> float:
    labels = {"kind": "Load", "outcome": outcome}
    return REGISTRY.get_sample_value("headrace_run_duration_seconds_sum", labels) or 0.0


async def test_an_end_is_counted_once(server, tally, monkeypatch):
    before = durations("failed")
    step = SaveRun(run="films-1", uid="r", status=RunStatus(phase="FAILED", worked_seconds=12.0))
    mine, theirs = hands(server, tally, monkeypatch), hands(server, tally, monkeypatch)
    await mine.take(step)
    await mine.take(step)
    with pytest.raises(ConflictError):
        await theirs.take(step)
    await hands(server, tally, monkeypatch).take(SaveRun(run="films-1", uid="r", status=RunStatus(phase="FAILED")))
    assert tally.ended == {("films", "Load", "failed"): 1}
    assert durations("failed") - before == 12.0


async def test_a_run_that_goes_on_has_not_ended(server, tally, monkeypatch):
    await hands(server, tally, monkeypatch).take(SaveRun(run="films-1", uid="r", status=RunStatus(phase="PAUSED")))
    assert tally.ended == {}
