"""`POST /pipelines/preview`: what a pipeline would read, and the target it would make, with every status code."""

import uuid

import pytest
from tests.e2e.platform.client import refused

from headrace_local.api import Api
from headrace_local.chart import accounts

PLANTED = f"planted-row-{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def table(world):
    """A table of 30 rows, one of which has a text to look for."""
    name = world.source_table(30)
    world.source(f"UPDATE {name} SET name = '{PLANTED}' WHERE id = 1; UPDATE {name} SET name = NULL WHERE id = 2")
    return name


def preview(world, status=200, api=None, **body):
    answer = (api or world.api).request("POST", "/pipelines/preview", body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_first_rows_of_a_query_are_shown_as_text_with_the_table_that_would_be_made(world, table):
    target = world.fresh_target()
    query = f"SELECT id, name, modified FROM {table} ORDER BY id"
    shown = preview(world, source_query=query, target_table=target, key_columns=["id"], limit=2)
    assert [column["name"] for column in shown["columns"]] == ["id", "name", "modified"]
    assert [column["type"] for column in shown["columns"]] == ["bigint", "text", "timestamp with time zone"]
    assert [row[:2] for row in shown["rows"]] == [["1", PLANTED], ["2", None]]
    assert (shown["truncated"], shown["key_columns"]) == (True, ["id"])
    assert shown["target"].items() >= {"kind": "postgres", "exists": False, "mapping": None}.items()
    assert "CREATE TABLE" in shown["target"]["ddl"]
    schema, name = target.split(".")
    assert world.target(f"SELECT to_regclass('{schema}.{name}')") == [(None,)]

    made = world.api.create(
        name=f"seen {uuid.uuid4().hex}", source_query=query, target_table=target, key_columns=["id"]
    )
    world.done(made, world.api.run(made["id"])["run_id"])
    assert preview(world, source_query=query, target_table=target)["target"]["exists"] is True


def test_a_table_of_a_source_is_shown_to_its_end(world, table, connections):
    login = connections.role()
    source, destination = connections.source(login), connections.destination(login)
    ids = {"source_id": connections.uid(source), "destination_id": connections.uid(destination)}
    shown = preview(world, **ids, source_table=table, target_table=world.fresh_target(), limit=100)
    assert (len(shown["rows"]), shown["truncated"], shown["key_columns"]) == (30, False, ["id"])
    assert shown["target"]["exists"] is False


def test_parameters_are_bound_as_in_runs(world, table):
    query = f"SELECT id FROM {table} WHERE id <= %(most)s AND name IS DISTINCT FROM %(name)s"
    shown = preview(world, source_query=query, params={"most": 3, "name": "'; DROP TABLE x"})
    assert (sorted(row[0] for row in shown["rows"]), shown["target"]) == (["1", "2", "3"], None)


WRONG = {
    "nothing": ({}, 422, "source_query"),
    "both": ({"source_query": "SELECT 1 AS id", "source_table": "shop.t"}, 422, "source_table"),
    "no select": ({"source_query": "DELETE FROM shop.t"}, 422, "source_query"),
    "a malformed table": ({"source_table": "t"}, 422, "source_table"),
    "an unknown field": ({"source_query": "SELECT 1 AS id", "mode": "full"}, 422, "mode"),
    "no row": ({"source_query": "SELECT 1 AS id", "limit": 0}, 422, "limit"),
    "too many rows": ({"source_query": "SELECT 1 AS id", "limit": 101}, 422, "limit"),
    "a missing parameter": ({"source_query": "SELECT 1 AS id WHERE %(day)s <> ''"}, 422, "day"),
    "a parameter too many": ({"source_query": "SELECT 1 AS id", "params": {"day": 1}}, 422, "day"),
    "an unknown source": ({"source_query": "SELECT 1 AS id", "source_id": str(uuid.uuid4())}, 422, "source_id"),
    "an unknown destination": ({"source_query": "SELECT 1 AS id", "destination_id": "x"}, 422, "destination_id"),
    "a target that is not allowed": (
        {"source_query": "SELECT 1 AS id", "target_table": "public.x"},
        400,
        "target_table",
    ),
}


@pytest.mark.parametrize(("fields", "status", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_by_its_field(world, fields, status, field):
    code = "VALIDATION_ERROR" if status == 422 else "BAD_REQUEST"
    refused(world.api.request("POST", "/pipelines/preview", fields), status, code, field)


SAID = {
    "a syntax error": ("SELECT id FROM FROM", "syntax error"),
    "a column that does not exist": ("SELECT colour AS id FROM {table}", "colour"),
    "a table that does not exist": ("SELECT id FROM shop.nowhere", "nowhere"),
    "a division by zero": ("SELECT id / 0 AS id FROM {table}", "division by zero"),
    "a function that writes": ("SELECT lo_create(0) AS id", ""),
}


@pytest.mark.parametrize(("query", "says"), SAID.values(), ids=SAID.keys())
def test_what_the_database_says_of_a_query_is_told(world, table, query, says):
    answer = world.api.request("POST", "/pipelines/preview", {"source_query": query.format(table=table)})
    assert says in refused(answer, 400, "BAD_REQUEST")["detail"]


def test_a_query_that_takes_too_long_is_given_up_on(world):
    answer = world.api.request("POST", "/pipelines/preview", {"source_query": "SELECT pg_sleep(60)::text AS id"})
    assert (answer.status_code, answer.json()["error"]["code"]) in {(400, "BAD_REQUEST"), (504, "TIMEOUT")}
    assert answer.elapsed.total_seconds() < 29


def test_who_may_not_make_runs_sees_no_row(world, table):
    with Api(
        world.status.apis[0], token=accounts.token(world.kubectl, "preview-viewer", role="headrace-view")
    ) as viewer:
        preview(world, 403, viewer, source_table=table)
    with Api(world.status.apis[0]) as nobody:
        preview(world, 401, nobody, source_table=table)


def test_a_preview_is_no_pipeline_and_no_run_that_anybody_sees(world, table):
    preview(world, source_table=table)
    runs = world.kubectl.list("etlr")
    previews = {run["metadata"]["uid"] for run in runs if run["spec"].get("kind") == "Preview"}
    assert previews
    listed = world.api.call("GET", "/runs?limit=100")["data"] + world.other_api.call("GET", "/runs?limit=100")["data"]
    assert not previews & {run["id"] for run in listed}
    assert "Preview" not in {run["kind"] for run in listed}
    uid = sorted(previews)[0]
    for method, path in (("GET", ""), ("GET", "/tasks"), ("GET", "/logs"), ("POST", "/start"), ("POST", "/cancel")):
        refused(world.api.request(method, f"/runs/{uid}{path}"), 404, "NOT_FOUND")
    refused(world.api.request("GET", "/pipelines/preview"), 404, "NOT_FOUND")


def test_a_row_is_in_the_answer_and_nowhere_else(world, table):
    assert PLANTED in str(preview(world, source_table=table, limit=100)["rows"])
    for process in ("operator", "api"):
        assert PLANTED not in world.log(process, 100_000)
    for kind in ("etlr", "events", "jobs"):
        assert PLANTED not in str(world.kubectl.list(kind)), kind
