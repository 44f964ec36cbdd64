"""One source looked at for ever: what keeps a look off, and what does not."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.operator.monitor.kubernetes import Kubernetes

from headrace import names
from headrace.errors import UnavailableError
from headrace.store.store import Store
from headrace_operator.monitor.board import Board
from headrace_operator.monitor.gauge import Gauge
from headrace_operator.monitor.history import History
from headrace_operator.monitor.looks import Looks
from headrace_operator.monitor.recorder import Recorder
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.subjects import SUBJECTS
from headrace_operator.monitor.watchman import FAULT, Post, Refresh, Watchman

SOURCE = names.SOURCE_PLURAL
INTERVAL = 60.0
pytestmark = pytest.mark.looptime


class Broken(Looks):
    """Fails in a way that nobody thought of."""

    times: list[float]

    async def look(self, *_: Any, **__: Any) -> Sight:
        self.times.append(asyncio.get_running_loop().time())
        raise ZeroDivisionError


def _watchman(
    kubernetes: Kubernetes, history: History, source: dict[str, Any], looks: Looks, refresh: Refresh
) -> Watchman:
    return Watchman(
        subject=SUBJECTS[SOURCE],
        uid=source["metadata"]["uid"],
        post=Post(
            cluster=kubernetes,  # type: ignore[arg-type]
            index=kubernetes.index,
            recorder=Recorder(kubernetes, kubernetes.index, history, Board()),  # type: ignore[arg-type]
            refresh=refresh,
            interval=INTERVAL,
            dsn_secret="headrace-dsn",
        ),
        looks=looks,
        gauge=Gauge(uid=source["metadata"]["uid"], history=history, least_seconds=30.0),
    )


async def test_a_fault_is_told_once_and_is_tried_again_at_longer_and_longer_intervals() -> None:
    kubernetes, history = Kubernetes(), History(Store("postgresql://nowhere"), ("default", "headrace"))
    source = kubernetes.put(SOURCE, "shop", name="shop", host="db", database="shop")
    looks = Broken(seconds=1.0, targets=())
    looks.times = []
    watchman = _watchman(kubernetes, history, source, looks, _nobody)
    with capture_logs() as logs:
        working = asyncio.create_task(watchman.run())
        await asyncio.sleep(8 * INTERVAL)
        watchman.dismiss()
        await working
    assert [entry["log_level"] for entry in logs] == ["error"]
    (ready,) = (c for c in kubernetes.there[SOURCE, "shop"]["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ConnectionFailed")
    assert ready["message"].startswith(FAULT)
    assert all(after - before >= INTERVAL for before, after in pairwise(looks.times))
    assert 3 <= len(looks.times) <= 5


class Working(Looks):
    """Finds all well."""

    made = 0

    async def look(self, *_: Any, **__: Any) -> Sight:
        self.made += 1
        return Sight(server_version="PostgreSQL 17", verdicts=())


async def test_runs_that_cannot_be_given_their_login_keep_no_look_off_and_are_given_it_later() -> None:
    kubernetes, history = Kubernetes(), History(Store("postgresql://nowhere"), ("default", "headrace"))
    source = kubernetes.put(SOURCE, "shop", name="shop", host="db", database="shop")
    asked: list[str] = []

    async def refuse(_plural: str, resource: dict[str, Any]) -> None:
        asked.append(resource["metadata"]["name"])
        if len(asked) < 3:
            raise UnavailableError("Secrets may not be patched", part="kubernetes")

    looks = Working(seconds=1.0, targets=())
    watchman = _watchman(kubernetes, history, source, looks, refuse)
    working = asyncio.create_task(watchman.run())
    await asyncio.sleep(6 * INTERVAL)
    watchman.dismiss()
    await working
    assert len(asked) == 3
    assert looks.made >= 6


async def _nobody(_plural: str, _resource: dict[str, Any]) -> None:
    pass
