"""Rebuilds and dead letters of pipelines into Elasticsearch, as the API asks for them and shows them."""

import asyncio
import uuid

import psycopg
import pytest

from headrace.runspec import RunSpec
from headrace.store.dead_letters import Letter, save

INDEX = {"target_table": "es:films", "key_columns": ["id"]}
WITH_PARAMETER = {"source_query": "SELECT 1 AS id WHERE %(day)s <> ''", "prune": False}
CALLS = {"Rebuild": "rebuild", "Replay": "dead-letters/replay"}


async def letters(world, facade, pipeline, count=1):
    """Puts rows aside, as a runner does; returns the id of its run."""
    resource = await facade.resource(pipeline["id"])
    spec = RunSpec(
        run_id=str(uuid.uuid4()), installation="default", namespace=resource["metadata"]["namespace"],
        pipeline_name=resource["metadata"]["name"], pipeline_uid=pipeline["id"], query="", target_schema="",
        target_table="films",
    )  # fmt: skip
    with psycopg.connect(world.store_dsn) as connection:
        save(
            connection,
            spec,
            [
                Letter(document_id=str(n), key=(str(n),), document=b"{}", error_type="odd", reason=f"no {n}")
                for n in range(count)
            ],
        )
    return spec.run_id


@pytest.mark.parametrize("kind", CALLS)
async def test_twenty_calls_at_once_through_two_replicas_make_one_run(world, facade, kind):
    made = await facade.pipeline(**INDEX)
    await letters(world, facade, made)
    url = f"/pipelines/{made['id']}/{CALLS[kind]}"
    answers = await asyncio.gather(*(client.post(url) for client in [facade.one, facade.two] * 10))
    assert {a.status_code for a in answers} == {200}
    (run_id,) = {a.json()["run_id"] for a in answers}
    assert {a.json()["status"] for a in answers} == {"RUN_REQUESTED"}
    (run,) = (await facade.two.get(f"/pipelines/{made['id']}/runs")).json()
    assert (run["id"], run["kind"], run["bad_rows"]) == (run_id, kind, 0)


async def test_while_a_rebuild_has_the_pipeline_run_is_that_and_a_replay_has_to_wait(world, facade):
    made = await facade.pipeline(**INDEX)
    await letters(world, facade, made)
    url = f"/pipelines/{made['id']}"
    run_id = (await facade.one.post(f"{url}/rebuild")).json()["run_id"]
    await facade.operator_says(run_id, "RUNNING", active=True)
    assert (await facade.two.post(f"{url}/run")).json()["run_id"] == run_id
    refused = await facade.two.post(f"{url}/dead-letters/replay")
    assert refused.status_code == 409
    assert refused.json()["detail"] == f"Replay can't start: a Rebuild of the pipeline ({run_id}) has to end first"

    assert (await facade.one.post(f"{url}/pause")).json()["status"] == "PAUSE_REQUESTED"
    await facade.operator_says(run_id, "PAUSED")
    assert await facade.status(made["id"]) == "PAUSED"
    resumed = (await facade.two.post(f"{url}/run")).json()
    assert (resumed["run_id"], resumed["status"]) == (run_id, "RUN_REQUESTED")

    await facade.operator_says(run_id, "FAILED", errorMessage="the index is read-only")
    assert await facade.status(made["id"]) == "FAILED"
    again = (await facade.one.post(f"{url}/rebuild")).json()
    assert again["run_id"] != run_id
    assert (await facade.one.get(f"{url}/status")).json()["last_run_id"] == again["run_id"]


async def test_a_rebuild_has_to_wait_for_a_load(facade):
    made = await facade.pipeline(**INDEX)
    run_id = (await facade.one.post(f"/pipelines/{made['id']}/run")).json()["run_id"]
    refused = await facade.one.post(f"/pipelines/{made['id']}/rebuild")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")
    assert f"a Load of the pipeline ({run_id}) has to end first" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "kind", "says"),
    [
        ({}, "Rebuild", "Rebuild is for Elasticsearch: the pipeline's target is a table"),
        ({}, "Replay", "Replay is for Elasticsearch: the pipeline's target is a table"),
        (INDEX, "Replay", "There is nothing to replay: the pipeline has no dead letters"),
        (INDEX | WITH_PARAMETER, "Rebuild", "a query with parameters can't be rebuilt: each run brings a part only"),
    ],
)
async def test_what_can_not_be_is_said_and_no_run_is_made(facade, fields, kind, says):
    made = await facade.pipeline(**fields)
    refused = await facade.one.post(f"/pipelines/{made['id']}/{CALLS[kind]}")
    assert (refused.status_code, refused.json()["detail"]) == (409, says)
    assert (await facade.one.get(f"/pipelines/{made['id']}/runs")).json() == []


async def test_letters_of_a_query_with_parameters_are_replayed_with_these(world, facade):
    made = await facade.pipeline(**INDEX | WITH_PARAMETER)
    await letters(world, facade, made)
    refused = await facade.one.post(f"/pipelines/{made['id']}/dead-letters/replay")
    assert refused.status_code == 409
    assert "parameters (%(day)s): replay with an EtlRun" in refused.json()["detail"]


async def test_letters_are_shown_page_by_page(world, facade):
    made, other = await facade.pipeline(**INDEX), await facade.pipeline(**INDEX)
    run_id = await letters(world, facade, made, count=3)
    url = f"/pipelines/{made['id']}/dead-letters"
    answer = await facade.two.get(url, params={"limit": 2})
    assert (answer.status_code, answer.headers["X-Total-Count"]) == (200, "3")
    assert [one["key"] for one in answer.json()] == [["2"], ["1"]]
    first = answer.json()[0]
    assert first.pop("created_at").endswith("Z")
    assert first == {
        "id": first["id"], "pipeline_id": made["id"], "run_id": run_id, "key": ["2"], "document_id": "2",
        "document": "{}", "is_cut": False, "error_type": "odd", "reason": "no 2",
    }  # fmt: skip
    assert [one["key"] for one in (await facade.one.get(f"{url}/", params={"offset": 2})).json()] == [["0"]]
    answer = await facade.one.get(f"/pipelines/{other['id']}/dead-letters")
    assert (answer.json(), answer.headers["X-Total-Count"]) == ([], "0")


async def test_a_mapping_is_kept_and_replaced_as_it_was_sent(facade):
    first = {"dynamic": False, "properties": {"id": {"type": "long"}, "title": {"type": "text"}}}
    second = {"properties": {"id": {"type": "keyword"}}}
    made = await facade.pipeline(**INDEX, target={"mapping": first})
    url = f"/pipelines/{made['id']}"
    assert (await facade.two.get(url)).json()["target"] == {"mapping": first}
    answer = await facade.one.patch(url, json={"target": {"mapping": second}})
    assert (answer.status_code, answer.json()["target"]) == (200, {"mapping": second})
    assert (await facade.resource(made["id"]))["spec"]["target"] == {"mapping": second}
    assert (await facade.one.patch(url, json={"target": None})).json()["target"] is None
    assert "target" not in (await facade.resource(made["id"]))["spec"]
