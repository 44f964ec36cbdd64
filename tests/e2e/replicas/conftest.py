"""Two replicas of the API on a real API server, in a namespace without an operator: the tests play its part."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from headrace.cluster import Cluster
from headrace.names import PIPELINE_PLURAL, RUN_PLURAL
from headrace.store.store import Store
from headrace_api.app import create_app
from headrace_api.settings import Settings
from headrace_api.times import now
from headrace_local.kubectl import Kubectl

Body = dict[str, Any]


@dataclass
class Facade:
    """Two applications, and the API server that they write to."""

    one: httpx.AsyncClient
    two: httpx.AsyncClient
    cluster: Cluster
    store: Store

    def spec(self, **fields: Any) -> Body:
        name = f"p {uuid.uuid4()}"
        return {"name": name, "target_table": "analytics.t", "source_query": "SELECT 1 AS id", **fields}

    async def pipeline(self, **fields: Any) -> Body:
        answer = await self.one.post("/pipelines", json=self.spec(**fields))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def resource(self, pipeline_id: str) -> Body:
        listing = await self.cluster.list(PIPELINE_PLURAL)
        return next(p for p in listing.items if p["metadata"]["uid"] == pipeline_id)

    async def run_resource(self, run_id: str) -> Body:
        listing = await self.cluster.list(RUN_PLURAL)
        return next(r for r in listing.items if r["metadata"]["uid"] == run_id)

    async def operator_says(self, run_id: str, phase: str, *, active: bool = False, **status: Any) -> Body:
        """Writes a run's status, as the operator does."""
        run = await self.run_resource(run_id)
        job = {"name": "etl-x-a1", "attempt": 1, "epoch": 1, "active": active}
        times = {"startedAt": now(), "lastTransitionTime": now()}
        times |= {"finishedAt": now()} if phase in ("SUCCESS", "FAILED", "CANCELLED") else {}
        patch = {"status": {"phase": phase, "job": job, **times, **status}}
        return await self.cluster.patch(RUN_PLURAL, run["metadata"]["name"], patch, status=True)

    async def status(self, pipeline_id: str) -> str:
        """The state, which both replicas agree on."""
        answers = [(await client.get(f"/pipelines/{pipeline_id}/status")).json() for client in (self.one, self.two)]
        assert answers[0] == answers[1]
        return answers[0]["status"]


@asynccontextmanager
async def replica(settings: Settings, store: Store, cluster: Cluster) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, store, cluster)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api/api/v1", timeout=60) as client:
            yield client


@pytest.fixture(scope="session")
def namespace(world) -> Iterator[str]:
    name = f"facade-{uuid.uuid4().hex[:8]}"
    kubectl = Kubectl(tuple(world.status.kubectl.split()), world.status.kubeconfig, world.status.namespace)
    kubectl.run("create", "namespace", name)
    yield name
    kubectl.run("delete", "namespace", name, "--wait=false")


@pytest.fixture
async def facade(world, namespace) -> AsyncIterator[Facade]:
    settings = Settings(
        namespace=namespace,
        store_dsn=world.store_dsn,
        allowed_targets=("analytics.*", "es:*"),
        reconcile_seconds=2,
        api_prefix="/api/v1",
    )
    cluster = await Cluster.connect(namespace=namespace, kubeconfig=world.status.kubeconfig)
    stores = [Store(world.store_dsn, pool_size=2, max_overflow=0) for _ in range(2)]
    try:
        async with replica(settings, stores[0], cluster) as one, replica(settings, stores[1], cluster) as two:
            yield Facade(one, two, cluster, stores[0])
    finally:
        for store in stores:
            await store.close()
        await cluster.close()
