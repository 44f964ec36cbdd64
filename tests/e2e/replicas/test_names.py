"""A pipeline's name has one holder, whoever asks for it, through whichever replica."""

import asyncio
import uuid

from headrace.names import API_VERSION, PIPELINE_PLURAL


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
