"""Two replicas of the API on a real API server, in a namespace without an operator: the tests play its part."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from headrace.cluster import Cluster
from headrace.names import API_VERSION, PIPELINE_PLURAL, RUN_PLURAL
from headrace.store.records import RunRecord
from headrace.store.store import Store
from headrace_api.app import create_app
from headrace_api.settings import Settings
from headrace_api.times import now, parse
from headrace_local.kubectl import Kubectl

Body = dict[str, Any]
NEVER = "never by this installation"


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


async def test_twenty_posts_of_one_name_through_two_replicas_make_one_pipeline(facade):
    body = facade.spec()
    clients = [facade.one, facade.two] * 10
    answers = await asyncio.gather(*(client.post("/pipelines", json=body) for client in clients))
    assert sorted(a.status_code for a in answers) == [201] + [400] * 19
    assert {a.json()["detail"] for a in answers if a.status_code == 400} == {"Pipeline with this name already exists"}


async def test_a_name_that_was_renamed_away_is_free(facade):
    first = await facade.pipeline()
    old = first["name"]
    assert (await facade.one.patch(f"/pipelines/{first['id']}", json={"name": old + " b"})).status_code == 200
    second = await facade.two.post("/pipelines", json=facade.spec(name=old))
    assert second.status_code == 201
    assert (await facade.resource(second.json()["id"]))["metadata"]["name"].endswith("-2")
    third = await facade.one.post("/pipelines", json=facade.spec(name=old))
    assert third.status_code == 400


async def test_renames_to_one_name_at_once_leave_at_most_one_with_it(facade):
    pipelines = [await facade.pipeline() for _ in range(6)]
    wanted = f"wanted {uuid.uuid4()}"
    clients = [facade.one, facade.two] * 3
    calls = [c.patch(f"/pipelines/{p['id']}", json={"name": wanted}) for c, p in zip(clients, pipelines, strict=True)]
    answers = await asyncio.gather(*calls, facade.two.post("/pipelines", json=facade.spec(name=wanted)))
    assert {a.status_code for a in answers} <= {200, 201, 400}
    held = [p for p in (await facade.cluster.list(PIPELINE_PLURAL)).items if p["spec"]["name"] == wanted]
    assert len(held) == len([a for a in answers if a.status_code < 300]) <= 1


async def test_a_name_that_kubectl_took_under_another_resource_name_is_taken(facade):
    body = facade.spec(name=f"a,b=c\\d {uuid.uuid4()}")
    spec = {"name": body["name"], "targetTable": "analytics.t", "sourceQuery": "SELECT 1"}
    name = f"by-hand-{uuid.uuid4().hex[:8]}"
    manifest = {"apiVersion": API_VERSION, "kind": "EtlPipeline", "metadata": {"name": name}, "spec": spec}
    await facade.cluster.create(PIPELINE_PLURAL, manifest)
    answer = await facade.one.post("/pipelines", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Pipeline with this name already exists")


async def test_twenty_runs_asked_for_at_once_through_two_replicas_are_one(facade):
    pipeline = await facade.pipeline()
    clients = [facade.one, facade.two] * 10
    answers = await asyncio.gather(*(client.post(f"/pipelines/{pipeline['id']}/run") for client in clients))
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["run_id"] for a in answers}) == 1
    assert {a.json()["status"] for a in answers} == {"RUN_REQUESTED"}


async def test_twenty_runs_at_once_of_a_paused_pipeline_are_one_and_leave_it_unpaused(facade):
    pipeline = await facade.pipeline()
    await facade.one.post(f"/pipelines/{pipeline['id']}/pause")
    clients = [facade.one, facade.two] * 10
    answers = await asyncio.gather(
        *(client.post(f"/pipelines/{pipeline['id']}/start", json={"restart": True}) for client in clients)
    )
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["run_id"] for a in answers}) == 1
    assert await facade.status(pipeline["id"]) == "RUN_REQUESTED"


async def test_a_run_goes_through_the_states(facade):
    pipeline = await facade.pipeline()
    url = f"/pipelines/{pipeline['id']}"
    before = (await facade.one.get(f"{url}/status")).json()
    assert (before["last_run_id"], before["last_updated_at"]) == (None, pipeline["created_at"])
    run_id = (await facade.one.post(f"{url}/run")).json()["run_id"]
    assert await facade.status(pipeline["id"]) == "RUN_REQUESTED"
    asked = (await facade.two.get(f"{url}/status")).json()
    assert asked["last_run_id"] == run_id
    assert parse(asked["last_updated_at"]) > parse(before["last_updated_at"])
    await facade.operator_says(run_id, "RUNNING", active=True)
    assert await facade.status(pipeline["id"]) == "RUNNING"
    assert (await facade.two.post(f"{url}/run")).json()["run_id"] == run_id
    for call in (facade.one.patch(url, json={"batch_size": 7}), facade.one.put(url, json=facade.spec())):
        answer = await call
        assert (answer.status_code, answer.json()["detail"]) == (409, "Cannot update pipeline while it is RUNNING")
    assert (await facade.one.patch(url, json={})).status_code == 200
    answer = await facade.one.delete(url)
    assert (answer.status_code, answer.json()["detail"]) == (409, "Cannot delete pipeline while it is RUNNING")
    paused = await facade.one.post(f"{url}/pause")
    assert paused.json()["status"] == "PAUSE_REQUESTED"
    answer = await facade.one.delete(url)
    assert answer.json()["detail"] == "Cannot delete pipeline while it is PAUSE_REQUESTED"
    withdrawn = await facade.two.post(f"{url}/run")
    assert (withdrawn.json()["status"], withdrawn.json()["run_id"]) == ("RUNNING", run_id)
    await facade.one.post(f"{url}/pause")
    await facade.operator_says(run_id, "PAUSED")
    assert await facade.status(pipeline["id"]) == "PAUSED"
    resumed = await facade.two.post(f"{url}/run")
    assert (resumed.json()["status"], resumed.json()["run_id"]) == ("RUN_REQUESTED", run_id)
    await facade.operator_says(run_id, "FAILED", errorMessage="relation does not exist")
    assert await facade.status(pipeline["id"]) == "FAILED"
    await asyncio.sleep(1)  # Kubernetes notes creation in whole seconds.
    following = (await facade.one.post(f"{url}/run")).json()
    assert following["run_id"] != run_id
    assert following["status"] == "RUN_REQUESTED"
    runs = (await facade.one.get(f"{url}/runs")).json()
    assert [(r["id"], r["status"]) for r in runs][-1] == (run_id, "FAILED")
    assert runs[-1]["error_message"] == "relation does not exist"


async def test_a_restart_of_a_paused_run_cancels_it_and_makes_another(facade):
    pipeline = await facade.pipeline()
    url = f"/pipelines/{pipeline['id']}"
    first = (await facade.one.post(f"{url}/run")).json()["run_id"]
    await facade.operator_says(first, "PAUSED")
    await facade.one.post(f"{url}/pause")
    second = (await facade.one.post(f"{url}/run", json={"restart": True})).json()
    assert second["run_id"] != first
    assert (await facade.run_resource(first))["spec"]["cancel"] is True
    assert (await facade.run_resource(second["run_id"]))["spec"]["restart"] is True
    assert second["status"] == "RUN_REQUESTED"


async def test_a_run_that_kubectl_held_by_itself_is_resumed(facade):
    pipeline = await facade.pipeline()
    url = f"/pipelines/{pipeline['id']}"
    run_id = (await facade.one.post(f"{url}/run")).json()["run_id"]
    run = await facade.operator_says(run_id, "PAUSED")
    await facade.cluster.patch(RUN_PLURAL, run["metadata"]["name"], {"spec": {"suspend": True}})
    assert await facade.status(pipeline["id"]) == "PAUSED"
    assert (await facade.one.post(f"{url}/run")).json()["run_id"] == run_id
    assert await facade.status(pipeline["id"]) == "RUN_REQUESTED"


async def test_updated_at_moves_with_the_configuration_and_not_with_the_state(facade):
    made = await facade.pipeline()
    url = f"/pipelines/{made['id']}"
    assert made["updated_at"] == made["created_at"]
    paused = (await facade.one.post(f"{url}/pause")).json()
    assert paused["updated_at"] == made["updated_at"]
    same = (await facade.one.patch(url, json={"batch_size": made["batch_size"]})).json()
    assert same["updated_at"] == made["updated_at"]
    changed = (await facade.one.patch(url, json={"batch_size": 5, "description": "d"})).json()
    assert parse(changed["updated_at"]) > parse(made["updated_at"])
    assert (changed["batch_size"], changed["description"], changed["status"]) == (5, "d", "PAUSED")
    reset = (await facade.two.patch(url, json={"description": None})).json()
    assert (reset["batch_size"], reset["description"]) == (5, None)


async def test_put_replaces_all_but_the_pause(facade):
    made = await facade.pipeline(description="old", batch_size=5)
    url = f"/pipelines/{made['id']}"
    await facade.one.post(f"{url}/pause")
    body = facade.spec(mode="incremental", incremental_key="id")
    replaced = (await facade.two.put(url, json=body)).json()
    assert replaced["id"] == made["id"]
    assert replaced.items() >= {**body, "description": None, "batch_size": 1000, "status": "PAUSED"}.items()


async def test_a_disabled_pipeline_shows_as_paused_and_can_be_run(facade):
    made = await facade.pipeline(enabled=False)
    assert made["status"] == "PAUSED"
    run = (await facade.one.post(f"/pipelines/{made['id']}/run")).json()
    assert (run["status"], run["enabled"]) == ("RUN_REQUESTED", False)


async def test_a_list_shows_at_once_what_its_replica_wrote_and_soon_what_the_other_did(facade):
    made = await facade.pipeline()
    run = (await facade.one.post(f"/pipelines/{made['id']}/run")).json()

    async def listed(client: httpx.AsyncClient) -> list[Body]:
        answer = await client.get("/pipelines", params={"q": made["name"].upper()})
        assert answer.headers["X-Total-Count"] == str(len(answer.json()))
        return answer.json()

    shown = {k: v for k, v in run.items() if k not in ("run_id", "pipeline_id")}
    assert await listed(facade.one) == [shown]
    async with asyncio.timeout(2):
        while await listed(facade.two) != [shown]:  # noqa: ASYNC110  # the other replica tells nobody
            await asyncio.sleep(0.02)
    assert (await facade.one.delete(f"/pipelines/{made['id']}")).status_code == 204
    assert await listed(facade.one) == []
    assert (await facade.two.get(f"/pipelines/{made['id']}")).status_code == 404
    assert (await facade.one.post(f"/pipelines/{made['id']}/run")).status_code == 404


async def test_lists_are_sorted_and_paged(facade):
    prefix = uuid.uuid4().hex
    made = [await facade.pipeline(name=f"{prefix} {n}") for n in (2, 0, 1)]

    async def names(**params: Any) -> list[str]:
        answer = await facade.one.get("/pipelines", params={"q": prefix, **params})
        assert answer.headers["X-Total-Count"] == "3"
        return [p["name"][-1] for p in answer.json()]

    assert await names() == [p["name"][-1] for p in reversed(made)]
    assert await names(sort="name") == ["0", "1", "2"]
    assert await names(sort="-name", limit=1, offset=1) == ["1"]
    assert await names(offset=7) == []


async def test_a_pipeline_made_again_under_its_name_has_none_of_the_runs_before(facade):
    made = await facade.pipeline()
    run_id = (await facade.one.post(f"/pipelines/{made['id']}/run")).json()["run_id"]
    run = await facade.run_resource(run_id)
    await facade.one.delete(f"/pipelines/{made['id']}")
    again = await facade.pipeline(name=made["name"])
    assert (await facade.resource(again["id"]))["metadata"]["name"] == run["spec"]["pipeline"]
    assert await facade.status(again["id"]) == "IDLE"
    assert (await facade.one.get(f"/pipelines/{again['id']}/runs")).json() == []
    assert (await facade.one.get(f"/pipelines/{again['id']}/runs/{run_id}")).status_code == 404


async def test_runs_are_the_stores_rows_and_the_resources_that_it_lacks(facade, namespace):
    made = await facade.pipeline()
    url = f"/pipelines/{made['id']}"
    for n in range(5):
        record = RunRecord(
            run_id=str(uuid.uuid4()), installation=NEVER, namespace=namespace, pipeline_uid=made["id"],
            pipeline_name="x", run_name=f"r{n}", kind="Load", status="SUCCESS",
            created_at=parse(f"2026-01-01T00:00:0{n}Z"), finished_at=parse("2026-01-01T00:01:00Z"),
        )  # fmt: skip
        await facade.store.save_run(record)
    run_id = (await facade.one.post(f"{url}/run")).json()["run_id"]

    async def page(**params: int) -> list[str]:
        answer = await facade.two.get(f"{url}/runs", params=params)
        assert answer.headers["X-Total-Count"] == "6"
        return [run["created_at"][-3:-1] if run["id"] != run_id else "new" for run in answer.json()]

    assert await page() == ["new", "04", "03", "02", "01", "00"]
    assert await page(limit=2) == ["new", "04"]
    assert await page(limit=2, offset=1) == ["04", "03"]
    assert await page(limit=9, offset=5) == ["00"]
    assert await page(offset=6) == []


async def test_a_reconcile_answers_with_its_result_or_where_it_will_be(facade):
    made = await facade.pipeline()
    url = f"/pipelines/{made['id']}"
    late = await facade.one.post(f"{url}/reconcile")
    assert late.status_code == 202
    run_id = late.headers["Location"].rsplit("/", 1)[-1]
    assert late.headers["Location"] == f"/api/v1{url}/runs/{run_id}"
    counts = {"sourceCount": 5, "targetCount": 7, "difference": -2, "status": "WARNING"}
    await facade.operator_says(run_id, "SUCCESS", result=counts)
    result = {"pipeline_id": made["id"], "source_count": 5, "target_count": 7, "difference": -2, "status": "WARNING"}
    assert (await facade.two.get(f"{url}/runs/{run_id}")).json()["result"] == result
    assert (await facade.two.get(f"{url}/runs")).json() == []
    assert await facade.status(made["id"]) == "IDLE"

    async def answer(phase: str, **status: Any) -> httpx.Response:
        asked = asyncio.create_task(facade.one.post(f"{url}/reconcile"))
        known = {run_id}
        while True:
            await asyncio.sleep(0.05)
            runs = [r["metadata"] for r in (await facade.cluster.list(RUN_PLURAL)).items if "status" not in r]
            new = [m["uid"] for m in runs if m["name"].startswith(f"{made['id']}-reconcile") and m["uid"] not in known]
            if new:
                await facade.operator_says(new[0], phase, **status)
                return await asked

    quick = await answer("SUCCESS", result=counts)
    assert (quick.status_code, quick.json()) == (200, result)
    failed = await answer("FAILED", errorMessage="no such table")
    assert (failed.status_code, failed.json()["detail"]) == (400, "Reconcile failed: no such table")


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"target_table": "other.t"}, 400, "target_table"),
        ({"target_table": "no_schema"}, 400, "target_table"),
        ({"target_table": ""}, 400, "target_table"),
        ({"target_table": "es:Films"}, 400, "target_table"),
        ({"max_bad_rows": 1}, 422, "max_bad_rows"),
        ({"target_table": "es:films", "target": {"mapping": {"mappings": {}}}}, 422, "target"),
        ({"type": "PYTHON"}, 400, "type"),
        ({"mode": "streaming"}, 400, "mode"),
        ({"mode": "incremental"}, 422, "incremental_key"),
        ({"source_query": "DELETE FROM t"}, 422, "source_query"),
        ({"source_query": ""}, 422, "source_query"),
        ({"source_query": None}, 422, "source_query"),
        ({"project_id": "x"}, 422, "project_id"),
        ({"name": "x" * 201}, 422, "name"),
        ({"name": "a\x9fb"}, 422, "name"),
        ({"name": " a"}, 422, "name"),
        ({"name": None}, 422, "name"),
        ({"batch_size": None}, 422, "batch_size"),
        ({"batch_size": "5"}, 422, "batch_size"),
        ({"batch_size": True}, 422, "batch_size"),
        ({"batch_size": 0}, 422, "batch_size"),
        ({"batch_size": 1.5}, 422, "batch_size"),
        ({"enabled": "yes"}, 422, "enabled"),
        ({"key_columns": ["a", "a"]}, 422, "key_columns"),
        ({"max_rows_per_second": "1"}, 422, "max_rows_per_second"),
        ({"unknown": 1}, 422, "unknown"),
        ({"suspend": True}, 422, "suspend"),
    ],
)
async def test_bad_input_is_refused_alike_by_post_put_and_patch(facade, fields, status, field):
    made = await facade.pipeline()
    url = f"/pipelines/{made['id']}"
    body = facade.spec(**fields)
    for call in (
        facade.one.post("/pipelines", json=body),
        facade.one.put(url, json=body),
        facade.one.patch(url, json=fields),
    ):
        answer = await call
        assert answer.status_code == status, answer.text
        assert field in [d["field"] for d in answer.json()["error"]["details"]], answer.text
        assert "'input'" not in str(answer.json()["detail"])
    assert (await facade.one.get(url)).json() == made
