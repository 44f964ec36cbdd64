"""Previews and tables over HTTP, while neither Kubernetes nor Postgres is there: what is refused, and how."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from tests.integration.api.conftest import alone
from tests.integration.api.test_http import assert_problem

PREVIEW = "/api/v1/pipelines/preview"
QUERY = {"source_query": "SELECT id FROM content.film_work"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """One for all tests, for nothing that they do changes the application."""
    async with alone(tmp_path_factory.mktemp("previews")) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "source_query"),
        ({"source_query": ""}, "source_query"),
        ({"source_query": "DELETE FROM f"}, "source_query"),
        ({"source_query": "SELECT 1 -- " + "x" * 262_144}, "source_query"),
        ({"source_query": 5}, "source_query"),
        ({**QUERY, "source_table": "content.film_work"}, "source_table"),
        ({"source_table": "film_work"}, "source_table"),
        ({"source_table": 'content."film_work"'}, "source_table"),
        ({"source_table": ""}, "source_table"),
        ({**QUERY, "limit": 0}, "limit"),
        ({**QUERY, "limit": 101}, "limit"),
        ({**QUERY, "limit": "5"}, "limit"),
        ({**QUERY, "limit": True}, "limit"),
        ({**QUERY, "key_columns": ["id", "id"]}, "key_columns"),
        ({**QUERY, "key_columns": "id"}, "key_columns"),
        ({**QUERY, "key_columns": [""]}, "key_columns"),
        ({**QUERY, "params": []}, "params"),
        ({**QUERY, "params": {"day": 1}}, "day"),
        ({"source_query": "SELECT 1 AS id WHERE %(day)s"}, "day"),
        ({"source_query": "SELECT 1 AS id WHERE %(x)s", "params": {"x": "a\x7f"}}, "params"),
        ({**QUERY, "source_id": 5}, "source_id"),
        ({**QUERY, "destination_id": 5}, "destination_id"),
        ({**QUERY, "source_id": "no-uuid"}, "source_id"),
        ({**QUERY, "destination_id": ""}, "destination_id"),
        ({**QUERY, "mode": "full"}, "mode"),
        ({**QUERY, "rows": 5}, "rows"),
    ],
)
async def test_what_is_wrong_with_a_preview_is_told_by_its_field(client, body, field):
    problem = assert_problem(await client.post(PREVIEW, json=body), 422, "VALIDATION_ERROR")
    assert {detail["field"] for detail in problem["error"]["details"]} == {field}


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "offset=-1", "refresh=maybe", "limit=x"])
async def test_what_is_out_of_bounds_is_refused(client, query):
    answer = await client.get(f"/api/v1/sources/{uuid.uuid4()}/tables?{query}")
    assert_problem(answer, 422, "VALIDATION_ERROR")


async def test_an_id_that_is_none_is_not_found_and_one_that_may_be_is_not_known(client):
    for odd in ("no-uuid", "%20", str(uuid.uuid4()).upper(), "x" * 300):
        problem = assert_problem(await client.get(f"/api/v1/sources/{odd}/tables"), 404, "NOT_FOUND")
        assert problem["detail"] == "Source not found"
    assert_problem(await client.get(f"/api/v1/sources/{uuid.uuid4()}/tables"), 503, "UNAVAILABLE")


@pytest.mark.parametrize("path", [PREVIEW, f"{PREVIEW}/"])
async def test_a_preview_needs_kubernetes(client, path):
    for body in (QUERY, {**QUERY, "source_id": str(uuid.uuid4())}):
        assert_problem(await client.post(path, json=body), 503, "UNAVAILABLE")


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("PATCH", 404), ("DELETE", 404), ("POST", 503)])
async def test_a_preview_is_no_pipeline_of_that_id(client, method, status):
    body = {"PATCH": {}, "POST": QUERY}.get(method)
    answer = await client.request(method, PREVIEW, json=body)
    assert answer.status_code == status
    assert status == 503 or answer.json()["detail"] == "Pipeline not found"


async def test_the_body_is_json_and_not_too_large(client):
    assert (await client.post(PREVIEW, content="{}")).status_code == 415
    large = {**QUERY, "params": {"a": "x" * 5_000_000}}
    assert_problem(await client.post(PREVIEW, json=large), 413, "PAYLOAD_TOO_LARGE")


async def test_the_schema_documents_what_each_call_answers(client):
    paths = (await client.get("/openapi.json")).json()["paths"]
    preview, tables = paths[PREVIEW]["post"], paths["/api/v1/sources/{source_id}/tables"]["get"]
    assert preview["responses"].keys() >= {"200", "400", "409", "413", "415", "422", "503", "504"}
    assert tables["responses"].keys() >= {"200", "400", "404", "409", "422", "503", "504"}
    assert tables["responses"]["200"]["headers"].keys() == {"X-Total-Count", "X-Truncated"}
    assert (preview["operationId"], tables["operationId"]) == ("preview_pipeline", "list_source_tables")
