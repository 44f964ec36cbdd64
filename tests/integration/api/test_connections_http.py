"""Sources, destinations and the WAL over HTTP, while neither Kubernetes nor Postgres is there: who is told what."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from tests.integration.api.conftest import NOBODY, write_kubeconfig
from tests.integration.api.test_http import assert_problem

from headrace.cluster import Cluster
from headrace.store.store import Store
from headrace_api.app import create_app
from headrace_api.settings import Settings

DSN = f"postgresql://user:secret@{NOBODY}/store"
SECRET = "geheim-17"
BODY = {"name": "films", "type": "postgres", "host": "films.example.com", "database": "films", "password": SECRET}
ENDS = ("/api/v1/sources", "/api/v1/destinations")
ONE = f"/{uuid.uuid4()}"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """The application, alone in the world; one for all tests, for nothing that they do changes it."""
    kubeconfig = write_kubeconfig(tmp_path_factory.mktemp("connections") / "kubeconfig")
    store = Store(DSN, pool_size=1, max_overflow=0, pool_timeout=0.2)
    cluster = await Cluster.connect(namespace="headrace", kubeconfig=kubeconfig)
    app = create_app(Settings(store_dsn=DSN), store, cluster)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            yield client
    await store.close()
    await cluster.close()


@pytest.mark.parametrize("path", ENDS)
@pytest.mark.parametrize(
    ("method", "below", "body"),
    [("GET", "", None), ("POST", "", BODY), ("GET", ONE, None), ("PUT", ONE, BODY), ("DELETE", f"{ONE}/", None)],
)
async def test_without_kubernetes_nothing_can_be_said_and_no_password_is_repeated(client, path, method, below, body):
    answer = await client.request(method, path + below, json=body)
    problem = assert_problem(answer, 503, "UNAVAILABLE")
    assert "Kubernetes" in problem["detail"]
    assert SECRET not in answer.text


@pytest.mark.parametrize("path", ENDS)
@pytest.mark.parametrize(
    "wrong",
    [{"port": 0}, {"password": f"{SECRET}\n"}, {"type": "oracle"}, {"options": {"password": SECRET}}],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_the_shape_comes_first(client, path, wrong):
    answer = await client.post(path, json={**BODY, **wrong})
    problem = assert_problem(answer, 422, "VALIDATION_ERROR")
    assert {each["field"] for each in problem["error"]["details"]} == set(wrong)
    assert SECRET not in answer.text


@pytest.mark.parametrize("path", ENDS)
async def test_what_is_no_id_is_nobodys_without_asking(client, path):
    for method, body in (("GET", None), ("PUT", BODY), ("DELETE", None)):
        assert_problem(await client.request(method, f"{path}/default", json=body), 404, "NOT_FOUND")


async def test_the_wal_is_known_to_the_store_alone(client):
    problem = assert_problem(await client.get("/api/v1/metrics/wal"), 503, "UNAVAILABLE")
    assert "Postgres" in problem["detail"]
    assert_problem(await client.get("/api/v1/metrics/wal", params={"since": "yesterday"}), 422, "VALIDATION_ERROR")
    # Prometheus' own figures are beside it, and need nobody.
    assert (await client.get("/api/v1/metrics")).status_code == 200
