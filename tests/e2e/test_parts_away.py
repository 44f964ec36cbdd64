"""Postgres or Kubernetes goes away: what needs it says so, what does not goes on, and all catches up afterwards."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from headrace_local.waiting import wait_for

STORE = "headrace_store"


@contextlib.contextmanager
def store_refuses(world):
    """The store's database takes no sessions; source and target, on the same server, do."""
    with psycopg.connect(world.status.admin_dsn, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {STORE} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (STORE,))
    try:
        yield
    finally:
        with psycopg.connect(world.status.admin_dsn, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {STORE} ALLOW_CONNECTIONS true")


@contextlib.contextmanager
def postgres_hangs(world):
    """The server with all its sessions stands still: no refusal, no answer."""
    root = world.pid("postgres")
    pids = [root, *_children(root)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _children(root):
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, below = [], {root}
    while below := {pid for pid, parent in parents.items() if parent in below}:
        found += below
    return found


def unavailable(answer):
    return answer.status_code == 503 and answer.json()["error"]["code"] == "UNAVAILABLE"


@pytest.mark.parametrize("away", [store_refuses, postgres_hangs])
def test_the_api_says_503_for_what_needs_the_store_and_serves_the_rest(world, away):
    made = world.pipeline(rows=3)
    run_id = world.api.run(made["id"])["run_id"]
    world.done(made, run_id)
    body = world.spec(rows=1)
    path = f"/pipelines/{made['id']}"
    with away(world):
        began = time.monotonic()
        for needs in (f"{path}/runs", f"{path}/state"):
            answer = world.api.request("GET", needs)
            assert unavailable(answer), answer.text
            assert "postgres" in answer.text.lower()
        health = world.api.request("GET", "/health")
        assert health.status_code == 503
        assert health.json().items() >= {"status": "degraded", "db": "unavailable", "kubernetes": "ok"}.items()
        assert time.monotonic() - began < 45, "each answer has to come in bounded time"
        for fine in ("/pipelines?limit=2", path, f"{path}/status"):
            assert world.api.request("GET", fine).status_code == 200, fine
        assert world.api.request("POST", "/pipelines", body).status_code == 201
        address = world.api.base.removesuffix("/api/v1")
        for probe in ("/livez", "/readyz"):
            assert world.api._http.get(address + probe).status_code == 200
    wait_for("the history", lambda: world.api.request("GET", f"{path}/runs").is_success, seconds=30)
    assert world.api.one_run(made["id"], run_id)["status"] == "SUCCESS"


def test_a_run_goes_on_without_the_store_and_its_end_is_caught_up_with(world):
    running, asked = world.slow_pipeline(seconds=5), world.pipeline(rows=5)
    run_id = world.running(running)
    with store_refuses(world):
        second = world.api.run(asked["id"])["run_id"]
        time.sleep(8)
        (rows,) = world.target(f"SELECT count(*) FROM {running['target_table']}")
        assert rows[0] > 500, "the batches do not need the store"
    for pipeline, run in ((running, run_id), (asked, second)):
        world.done(pipeline, run, seconds=90)
        assert world.differs(pipeline) == ""


def test_a_server_that_stands_still_for_a_while_costs_no_run(world):
    made = world.slow_pipeline(seconds=5)
    run_id = world.running(made)
    with postgres_hangs(world):
        time.sleep(5)
    world.done(made, run_id, seconds=120)
    assert world.differs(made) == ""


def test_the_api_says_503_for_kubernetes_and_history_is_still_there(world):
    made = world.pipeline(rows=3)
    world.done(made, world.api.run(made["id"])["run_id"])
    pid = world.pid("kube-apiserver")
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        for method, path in (("GET", f"/pipelines/{made['id']}"), ("POST", f"/pipelines/{made['id']}/run")):
            answer = world.api.request(method, path)
            assert unavailable(answer), answer.text
            assert "kubernetes" in answer.text.lower()
        health = world.api.request("GET", "/health")
        assert health.status_code == 503
        assert health.json().items() >= {"db": "ok", "kubernetes": "unavailable"}.items()
        assert time.monotonic() - began < 60, "each answer has to come in bounded time"
        assert world.api._http.get(world.api.base.removesuffix("/api/v1") + "/livez").status_code == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for("the pipeline", lambda: world.api.request("GET", f"/pipelines/{made['id']}").is_success, seconds=30)
    world.done(made, world.api.run(made["id"])["run_id"])
