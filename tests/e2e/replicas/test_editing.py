"""What changes a pipeline's configuration, and what is refused alike by each call that could."""

import pytest

from headrace_api.times import parse


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
        ({"mode": "streaming"}, 422, "incremental_key"),
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
