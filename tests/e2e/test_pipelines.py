"""Pipelines through the API: each call that needs no run, with every status code that it may answer."""

import re
import uuid
from urllib.parse import urlsplit

import pytest

UNKNOWN = [str(uuid.uuid4()), "no-uuid", "1", "%20", "a" * 300]
FIELDS = {
    "id", "name", "description", "type", "mode", "enabled", "target_table", "batch_size", "source_query",
    "incremental_key", "status", "created_at", "updated_at", "project_id", "source_id", "destination_id",
    "key_columns", "prune", "allow_empty", "lookback", "max_rows_per_second", "snapshot_seconds",
}  # fmt: skip


def refused(answer, status, *, says="", field=None):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert says in body["error"]["message"] or says in str(body["error"]["details"]), body
    if field is not None:
        assert field in {detail["field"] for detail in body["error"]["details"]}, body
    return body


def test_a_new_pipeline_is_idle_and_has_all_fields_with_their_defaults(world):
    sent = {"name": f"Фильмы {uuid.uuid4()}", "target_table": world.fresh_target(), "source_query": "SELECT 1 AS id"}
    answer = world.api.request("POST", "/pipelines", sent)
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() >= FIELDS
    assert made.items() >= {
        **sent, "status": "IDLE", "type": "SQL", "mode": "full", "enabled": True, "batch_size": 1000, "prune": True,
        "description": None, "incremental_key": None, "project_id": None, "source_id": None, "destination_id": None,
    }.items()  # fmt: skip
    assert uuid.UUID(made["id"])
    for moment in (made["created_at"], made["updated_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", moment)
    location = urlsplit(answer.headers["Location"]).path
    assert location.endswith(f"/api/v1/pipelines/{made['id']}")
    assert world.api.pipeline(made["id"]) == made
    assert world.other_api.pipeline(made["id"]) == made


def test_a_disabled_pipeline_shows_as_paused_right_after_post(world):
    made = world.pipeline(enabled=False)
    assert made["status"] == "PAUSED"
    assert world.api.call("PATCH", f"/pipelines/{made['id']}", {"enabled": True})["status"] == "IDLE"


def test_names_are_unique_and_case_counts(world):
    first = world.pipeline()
    refused(
        world.other_api.request("POST", "/pipelines", {**world.spec(), "name": first["name"]}),
        400,
        says="Pipeline with this name already exists",
    )
    assert world.pipeline(name=first["name"].upper())["id"] != first["id"]
    second = world.pipeline()
    answer = world.api.request("PATCH", f"/pipelines/{second['id']}", {"name": first["name"]})
    refused(answer, 400, says="Pipeline with this name already exists")
    # The same name to the same pipeline is no conflict.
    assert world.api.call("PATCH", f"/pipelines/{second['id']}", {"name": second["name"]})["name"] == second["name"]


def test_a_renamed_pipeline_leaves_its_name_to_others(world):
    first = world.pipeline()
    world.api.call("PATCH", f"/pipelines/{first['id']}", {"name": first["name"] + " old"})
    second = world.pipeline(name=first["name"])
    assert second["id"] != first["id"]
    names = {world.resource("etlp", made["id"])["metadata"]["name"] for made in (first, second)}
    assert len(names) == 2


@pytest.mark.parametrize("made_by", ["api", "other_api"])
def test_patch_changes_only_what_was_sent(world, made_by):
    made = getattr(world, made_by).create(**world.spec(description="old", batch_size=7))
    changed = world.api.call("PATCH", f"/pipelines/{made['id']}", {"description": "new"})
    assert changed["description"] == "new"
    assert changed["batch_size"] == 7
    assert changed["updated_at"] >= made["updated_at"]
    assert world.api.call("PATCH", f"/pipelines/{made['id']}", {"description": None})["description"] is None


def test_an_empty_patch_changes_nothing(world):
    made = world.pipeline()
    assert world.api.call("PATCH", f"/pipelines/{made['id']}", {}) == made


def test_put_replaces_and_what_is_left_out_gets_its_default(world):
    made = world.pipeline(description="old", batch_size=7)
    body = world.spec()
    put = world.api.call("PUT", f"/pipelines/{made['id']}", body)
    assert put["id"] == made["id"]
    assert (put["description"], put["batch_size"]) == (None, 1000)
    assert put["target_table"] == body["target_table"]


def test_a_pause_stays_over_a_put_and_does_not_move_updated_at(world):
    made = world.pipeline()
    assert world.api.pause(made["id"])["status"] == "PAUSED"
    paused = world.api.pipeline(made["id"])
    assert paused["updated_at"] == made["updated_at"]
    body = {name: made[name] for name in ("name", "target_table", "source_query", "key_columns")}
    assert world.api.call("PUT", f"/pipelines/{made['id']}", body)["status"] == "PAUSED"


@pytest.mark.parametrize("field", ["name", "target_table", "source_query", "batch_size", "mode", "enabled", "type"])
def test_null_is_refused_where_it_is_no_value(world, field):
    made = world.pipeline()
    refused(world.api.request("PATCH", f"/pipelines/{made['id']}", {field: None}), 422, field=field)


def test_null_clears_what_may_be_null(world):
    made = world.pipeline(description="x", max_rows_per_second=5)
    changed = world.api.call("PATCH", f"/pipelines/{made['id']}", {"description": None, "max_rows_per_second": None})
    assert (changed["description"], changed["max_rows_per_second"]) == (None, None)


def test_delete_takes_a_pipeline_away(world):
    made = world.pipeline()
    assert world.api.request("DELETE", f"/pipelines/{made['id']}").status_code == 204
    for api in (world.api, world.other_api):
        refused(api.request("GET", f"/pipelines/{made['id']}"), 404, says="Pipeline not found")
        assert made["id"] not in {one["id"] for one in api.call("GET", "/pipelines")}
    refused(world.api.request("DELETE", f"/pipelines/{made['id']}"), 404)
    assert world.pipeline(name=made["name"])["id"] != made["id"]


CALLS_ON_ONE = [
    ("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None), ("POST", "/run", None), ("POST", "/start", None),
    ("POST", "/pause", None), ("GET", "/status", None), ("GET", "/state", None), ("GET", "/runs", None),
    ("GET", f"/runs/{uuid.uuid4()}", None), ("POST", "/reconcile", None),
    ("PUT", "", {"name": "x", "target_table": "analytics.x", "source_query": "SELECT 1 AS id"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), CALLS_ON_ONE, ids=lambda value: str(value)[:12])
@pytest.mark.parametrize("unknown", UNKNOWN, ids=["uuid", "word", "digit", "space", "long"])
def test_a_pipeline_that_does_not_exist_is_not_found(world, method, path, body, unknown):
    answer = world.api.request(method, f"/pipelines/{unknown}{path}", body)
    assert refused(answer, 404)["error"]["code"] == "NOT_FOUND"
    assert answer.json()["detail"] == "Pipeline not found"


def test_a_run_that_does_not_exist_is_not_found(world):
    made = world.pipeline()
    for run in (str(uuid.uuid4()), "no-uuid", made["id"]):
        refused(world.api.request("GET", f"/pipelines/{made['id']}/runs/{run}"), 404)


def test_the_list_is_newest_first_and_can_be_narrowed(world):
    tag = uuid.uuid4().hex
    first = world.pipeline(name=f"A {tag}")
    second = world.pipeline(name=f"b {tag.upper()}", enabled=False)
    third = world.pipeline(name=f"c {tag}", mode="incremental", incremental_key="modified")

    def ids(query):
        return [one["id"] for one in world.api.call("GET", f"/pipelines?q={tag}&{query}")]

    newest = [third["id"], second["id"], first["id"]]
    assert set(ids("")) == set(newest)
    assert ids("sort=created_at") == ids("sort=-created_at")[::-1]
    assert ids("sort=name")[0] == first["id"]
    assert ids("mode=incremental") == [third["id"]]
    assert ids("enabled=false") == ids("status=PAUSED") == [second["id"]]
    assert set(ids("status=IDLE")) == {first["id"], third["id"]}
    assert ids("type=PYTHON") == []
    assert ids("project_id=none-such") == []
    assert ids("sort=name&limit=1&offset=1") == [second["id"]]
    answer = world.api.request("GET", f"/pipelines?q={tag}&limit=1")
    assert answer.headers["X-Total-Count"] == "3"
    assert len(answer.json()) == 1


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=501", "limit=x", "offset=-1", "status=BUSY", "mode=partial", "type=RUBY", "enabled=maybe",
        "sort=colour", "sort=", "status=idle",
    ],
)  # fmt: skip
def test_a_filter_out_of_bounds_is_refused_by_name(world, query):
    refused(world.api.request("GET", f"/pipelines?{query}"), 422, field=query.split("=")[0])


def test_health_says_what_is_well(world):
    body = world.api.call("GET", "/health")
    assert body.items() >= {"status": "ok", "db": "ok", "kubernetes": "ok"}.items()
    assert body.keys() >= {"version", "timestamp"}
