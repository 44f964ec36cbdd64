"""What the API shows of itself: few labels whatever callers send, and a registry of its own for each application."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from headrace.cluster import Cluster
from headrace.store.store import Store
from headrace_api.app import create_app
from headrace_api.requests import lift_limit
from headrace_api.settings import Settings

NOBODY = "127.0.0.1:1"
DSN = f"postgresql://user:secret@{NOBODY}/store"
SYSTEM = [
    "headrace_system_cpu_seconds_total", "headrace_system_cpus", "headrace_system_load", "headrace_system_memory_bytes",
    "headrace_system_memory_available_bytes", "headrace_system_disk_bytes", "headrace_system_disk_free_bytes",
    "process_resident_memory_bytes", "process_cpu_seconds_total",
]  # fmt: skip


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Names an API server that is not there."""
    cluster = {"name": "c", "cluster": {"server": f"http://{NOBODY}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    content = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    path: Path = tmp_path_factory.mktemp("metrics") / "kubeconfig"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **content}))
    return str(path)


@asynccontextmanager
async def alone(kubeconfig: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An application, alone in the world."""
    store = Store(DSN, pool_size=1, max_overflow=0, pool_timeout=1)
    kubernetes = await Cluster.connect(namespace="headrace", kubeconfig=kubeconfig)
    app = create_app(Settings(store_dsn=DSN, **settings), store, kubernetes)

    @app.get("/patient")
    async def patient(request: Request) -> None:
        lift_limit(request)

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api") as client:
        yield client
    await store.close()
    await kubernetes.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(kubeconfig: str) -> AsyncIterator[httpx.AsyncClient]:
    """One that asks nobody who they are, for all tests that count nothing: its first answer takes 0.2 s."""
    async with alone(kubeconfig) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(kubeconfig: str) -> AsyncIterator[httpx.AsyncClient]:
    """The same, which nobody has called yet."""
    async with alone(kubeconfig) as client:
        yield client


async def series(client: httpx.AsyncClient, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric by its labels' values, in the order of the labels' names."""
    families = list(text_string_to_metric_families((await client.get("/metrics")).text))
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in samples}


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/api/v1/metrics", "/api/v1/metrics/"])
async def test_metrics_are_prometheus_text_with_and_without_prefix_and_slash(client, path):
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert answer.headers["X-Request-ID"]
    assert list(text_string_to_metric_families(answer.text))


async def test_other_methods_are_answered_as_elsewhere(client):
    statuses = [(await client.request(method, path)).status_code for method in ("HEAD", "POST") for path in
                ("/metrics", "/livez")]  # fmt: skip
    assert statuses == [405] * 4


async def test_process_and_system_are_shown(client):
    for name in SYSTEM:
        values = await series(client, name)
        assert values, name
        assert all(value >= 0 for value in values.values()), name


async def test_requests_are_counted_by_route_and_never_by_what_was_sent(fresh):
    for identifier in ("4fb4e3a8-86a1-4a29-9a5a-2f1a3c6b4c11", "no-uuid", "%20"):
        await fresh.get(f"/api/v1/pipelines/{identifier}")
    for path in ("/nowhere", "/api/v1/else", "/wp-login.php"):
        await fresh.get(path)
    await fresh.request("BREW", "/livez")
    await fresh.get("/broken")
    counted = await series(fresh, "headrace_api_requests_total")
    assert counted == {
        ("GET", "/pipelines/{pipeline_id}", "404"): 2,
        ("GET", "/pipelines/{pipeline_id}", "503"): 1,
        ("GET", "none", "404"): 3,
        ("OTHER", "/livez", "405"): 1,
        ("GET", "/broken", "500"): 1,
    }
    assert (await series(fresh, "headrace_api_request_seconds_count"))["GET", "none", "404"] == 3


async def test_calls_that_are_refused_have_the_same_route_as_those_that_are_not(kubeconfig):
    async with alone(kubeconfig, auth_mode="kubernetes") as client:
        statuses = [(await client.get(f"/api/v1{path}")).status_code for path in ("/pipelines", "/livez", "/metrics")]
        assert statuses == [401, 200, 200]
        assert await series(client, "headrace_api_requests_total") == {
            ("GET", "/pipelines", "401"): 1,
            ("GET", "/livez", "200"): 1,
            ("GET", "/metrics", "200"): 1,
        }


async def test_two_applications_do_not_share_a_registry(kubeconfig, client):
    called = ("GET", "/readyz", "503")
    async with alone(kubeconfig) as other:
        await other.get("/readyz")
        assert await series(other, "headrace_api_requests_total") == {called: 1}
    assert called not in await series(client, "headrace_api_requests_total")


async def test_requests_in_work_are_shown(client):
    assert await series(client, "headrace_api_requests_in_flight") == {(): 1}
    assert await series(client, "headrace_api_requests_in_flight") == {(): 1}


async def test_what_the_api_stands_on_is_shown(fresh):
    await fresh.get("/api/v1/health")
    assert (await series(fresh, "headrace_kubernetes_requests_total"))["unavailable", "version", "get"] == 1
    assert await series(fresh, "headrace_store_requests_total") == {("unavailable",): 1}
    plurals = {
        "etlpipelines", "etlruns", "etlprojects", "etlsources", "etldestinations", "etlschedules", "etlbackfills",
    }  # fmt: skip
    assert {plural for (plural,) in await series(fresh, "headrace_api_mirror_age_seconds")} == plurals
    assert await series(fresh, "headrace_store_connections") == {(): 0}
    assert len(await series(fresh, "headrace_store_connections_wanted")) == 1
    assert (await series(fresh, "headrace_store_connection_failures_total"))[()] > 0
    assert len(await series(fresh, "headrace_build_info")) == 1


async def test_no_address_and_no_secret_is_shown(client):
    await client.get("/api/v1/health")
    text = (await client.get("/metrics")).text
    assert "secret" not in text
    assert NOBODY not in text


async def test_what_a_caller_waits_for_on_purpose_is_counted_and_not_timed(client):
    """Followed logs go on for half an hour: as a slow answer they would raise an alarm."""
    assert [(await client.get(path)).status_code for path in ("/patient", "/livez")] == [200, 200]
    counted, timed = [
        {route for _, route, _ in await series(client, f"headrace_api_request{name}")}
        for name in ("s_total", "_seconds_count")
    ]
    assert (counted & {"/patient", "/livez"}, timed & {"/patient", "/livez"}) == ({"/patient", "/livez"}, {"/livez"})
