"""What every answer has in common, over HTTP, while neither Kubernetes nor Postgres is there."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from tests.integration.api.conftest import NOBODY, alone

UNKNOWN = f"/api/v1/pipelines/{uuid.uuid4()}"
SCHEDULE = {"pipeline_id": "films", "kind": "CRON", "expression": "0 2 * * *"}
BODY = {"name": "a", "target_table": "analytics.t", "source_query": "SELECT 1"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """One for all tests, for nothing that they do changes the application."""
    settings = {"allowed_targets": ("analytics.*",), "max_body_bytes": 2000}
    async with alone(tmp_path_factory.mktemp("http"), **settings) as client:

        @client._transport.app.get("/broken")
        async def broken() -> None:
            raise ZeroDivisionError("secret")

        yield client


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"detail", "error", "meta"}
    assert body["error"].keys() == {"code", "message", "details"}
    assert body["error"]["code"] == code
    assert body["meta"]["request_id"] == answer.headers["X-Request-ID"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", body["meta"]["timestamp"])
    assert isinstance(body["detail"], list) if status == 422 else body["detail"] == body["error"]["message"]
    assert "secret" not in answer.text
    assert NOBODY not in answer.text
    return body


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "NOT_FOUND"),
        ("GET", "/api/v1/pipelines/no-uuid", None, 404, "NOT_FOUND"),
        ("DELETE", "/api/v1/pipelines/%20", None, 404, "NOT_FOUND"),
        ("DELETE", "/api/v1/pipelines", None, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/api/v1/pipelines", b"{", 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/pipelines", b"[]", 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/pipelines", b"", 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/pipelines", b'{"name": "\\ud800"}', 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/pipelines", b'{"\\ud800": 1}', 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/pipelines", b'{"batch_size": NaN}', 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/pipelines", b"\xff", 400, "BAD_REQUEST"),
        ("POST", "/api/v1/pipelines", b"[" * 1500, 400, "BAD_REQUEST"),
        ("POST", "/api/v1/pipelines", b" " * 2001, 413, "PAYLOAD_TOO_LARGE"),
        ("POST", f"{UNKNOWN}/run", b'{"restart": 1}', 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/pipelines?limit=0", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/pipelines?limit=501", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/pipelines?offset=-1", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/pipelines?sort=color", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/pipelines?status=ASLEEP", None, 422, "VALIDATION_ERROR"),
        ("GET", f"{UNKNOWN}/runs?limit=0", None, 422, "VALIDATION_ERROR"),
        ("GET", f"{UNKNOWN}/dead-letters?limit=501", None, 422, "VALIDATION_ERROR"),
        ("GET", f"{UNKNOWN}/dead-letters?offset=x", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/pipelines/no-uuid/dead-letters", None, 404, "NOT_FOUND"),
        ("POST", "/api/v1/pipelines/no-uuid/dead-letters/replay", None, 404, "NOT_FOUND"),
        ("POST", "/api/v1/pipelines/no-uuid/rebuild", None, 404, "NOT_FOUND"),
        ("GET", f"{UNKNOWN}/dead-letters", None, 503, "UNAVAILABLE"),
        ("POST", f"{UNKNOWN}/dead-letters/replay", None, 503, "UNAVAILABLE"),
        ("POST", f"{UNKNOWN}/rebuild", None, 503, "UNAVAILABLE"),
        ("GET", "/api/v1/pipelines", None, 503, "UNAVAILABLE"),
        ("GET", UNKNOWN, None, 503, "UNAVAILABLE"),
        ("POST", "/api/v1/pipelines", json.dumps(BODY).encode(), 503, "UNAVAILABLE"),
        ("GET", "/api/v1/projects/no-uuid", None, 404, "NOT_FOUND"),
        ("DELETE", "/api/v1/projects/no-uuid", None, 404, "NOT_FOUND"),
        ("PUT", "/api/v1/projects/no-uuid", b"{}", 404, "NOT_FOUND"),
        ("PUT", "/api/v1/projects/no-uuid", b'{"name": null}', 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/projects/no-uuid/statistics", None, 404, "NOT_FOUND"),
        ("POST", "/api/v1/projects", b'{"name": " "}', 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/projects", b'{"name": "a", "colour": 1}', 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/projects", b'{"name": "a"}', 503, "UNAVAILABLE"),
        ("GET", "/api/v1/projects", None, 503, "UNAVAILABLE"),
        ("GET", f"/api/v1/projects/{uuid.uuid4()}", None, 503, "UNAVAILABLE"),
        ("GET", "/api/v1/projects?limit=0", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/projects?limit=101", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/projects?offset=-1", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/projects?sort=pipelines", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/schedules?sort=-color", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/schedules?enabled=perhaps", None, 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/schedules", None, 503, "UNAVAILABLE"),
        ("GET", "/api/v1/schedules/no-uuid", None, 404, "NOT_FOUND"),
        ("DELETE", "/api/v1/schedules/no-uuid", None, 404, "NOT_FOUND"),
        ("POST", "/api/v1/schedules/no-uuid/enable", None, 404, "NOT_FOUND"),
        ("POST", "/api/v1/schedules/no-uuid/disable", None, 404, "NOT_FOUND"),
        ("POST", "/api/v1/schedules/no-uuid/backfill", b'{"count": 1}', 404, "NOT_FOUND"),
        ("POST", "/api/v1/schedules/no-uuid/backfill", b'{"count": 0}', 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/schedules/no-uuid/backfill", b"{}", 422, "VALIDATION_ERROR"),
        ("GET", "/api/v1/schedules/no-uuid/backfills", None, 404, "NOT_FOUND"),
        ("GET", "/api/v1/schedules/no-uuid/backfills/no-uuid", None, 404, "NOT_FOUND"),
        ("PATCH", "/api/v1/schedules/no-uuid/backfills/no-uuid", b'{"retry": -1}', 422, "VALIDATION_ERROR"),
        ("POST", "/api/v1/schedules", json.dumps(SCHEDULE).encode(), 503, "UNAVAILABLE"),
        ("POST", f"/api/v1/schedules/{uuid.uuid4()}/backfill", b'{"count": 1}', 503, "UNAVAILABLE"),
        ("GET", "/broken", None, 500, "INTERNAL_ERROR"),
    ],
)
async def test_every_error_has_the_same_form(client, method, path, content, status, code):
    answer = await client.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, status, code)


async def test_a_body_that_grows_too_large_is_refused_while_it_comes(client):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield b" " * 1000

    answer = await client.post("/api/v1/pipelines", content=endless(), headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "PAYLOAD_TOO_LARGE")
    assert sent <= 3000


async def test_a_body_that_is_no_json_is_an_unsupported_media_type(client):
    assert_problem(await client.post("/api/v1/pipelines", data=BODY), 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_field_is_named_and_its_value_is_not(client):
    body = assert_problem(
        await client.post("/api/v1/pipelines", json={**BODY, "batch_size": "secret"}), 422, "VALIDATION_ERROR"
    )
    assert [d["field"] for d in body["error"]["details"]] == ["batch_size"]
    assert body["detail"][0].keys() == {"type", "loc", "msg"}


async def test_the_shape_is_checked_before_the_rules(client):
    wrong = {**BODY, "target_table": "forbidden.t", "source_query": "DROP TABLE t"}
    assert_problem(await client.post("/api/v1/pipelines", json=wrong), 422, "VALIDATION_ERROR")
    forbidden = assert_problem(
        await client.post("/api/v1/pipelines", json={**wrong, "source_query": "SELECT 1"}), 400, "BAD_REQUEST"
    )
    assert forbidden["detail"] == "target_table 'forbidden.t' is not allowed"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"expression": "61 * * * *"}, "expression"),
        ({"expression": "0 0 30 2 *"}, "expression"),
        ({"kind": "INTERVAL", "expression": "0s"}, "expression"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"kind": "NEVER"}, "kind"),
        ({"enabled": "yes"}, "enabled"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"timeout_seconds": "1"}, "timeout_seconds"),
        ({"catch_up": "some"}, "catch_up"),
        ({"params": {"a": "x" * 400, "b": "\0"}}, "params"),
        ({"params": {"a": 2**63}}, "params"),
        ({"params": []}, "params"),
        ({"pipeline_id": None}, "pipeline_id"),
        ({"project_id": "nobodys"}, "project_id"),
    ],
)
async def test_a_schedule_that_can_not_be_is_refused_by_the_name_of_the_field(client, sent, field):
    refused = assert_problem(await client.post("/api/v1/schedules", json={**SCHEDULE, **sent}), 422, "VALIDATION_ERROR")
    assert [detail["field"] for detail in refused["error"]["details"]] == [field]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("es:", "`es:` lacks the index's name"),
        ("es:Films", "the name of an index must be in lower case"),
        ("es:film*", "the name of an index can't have a `*` in it"),
        ("es:films", "it is not on the installation's list of allowed targets"),
    ],
)
async def test_a_target_that_is_not_allowed_says_why_in_the_details(client, address, why):
    refused = assert_problem(
        await client.post("/api/v1/pipelines", json={**BODY, "target_table": address}), 400, "BAD_REQUEST"
    )
    assert refused["detail"] == f"target_table '{address}' is not allowed"
    assert refused["error"]["details"] == [{"field": "target_table", "message": f"{refused['detail']}: {why}"}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version_column", "changed"),
        ("soft_delete_column", "gone"),
        ("max_bad_rows", 1),
        ("target", {"mapping": {"properties": {}}}),
    ],
)
async def test_what_only_an_index_has_is_refused_for_a_table(client, field, value):
    refused = assert_problem(
        await client.post("/api/v1/pipelines", json={**BODY, field: value}), 422, "VALIDATION_ERROR"
    )
    (detail,) = refused["error"]["details"]
    assert detail["field"] == field
    assert "is for Elasticsearch" in detail["message"]


@pytest.mark.parametrize("mapping", [{"mappings": {}}, {"properties": {"a": None}}, {"a": float("nan")}, []], ids=str)
async def test_a_mapping_that_is_none_is_refused_by_name(client, mapping):
    body = {**BODY, "target_table": "es:films", "target": {"mapping": mapping}}
    refused = assert_problem(
        await client.post("/api/v1/pipelines", content=json.dumps(body), headers={"Content-Type": "application/json"}),
        422,
        "VALIDATION_ERROR",
    )
    assert [detail["field"] for detail in refused["error"]["details"]] == ["target"]


async def test_an_unavailable_part_is_named(client):
    body = assert_problem(await client.get(UNKNOWN), 503, "UNAVAILABLE")
    assert "Kubernetes" in body["detail"]
    health = await client.get("/api/v1/health")
    assert health.status_code == 503
    assert health.json().items() >= {"status": "degraded", "db": "unavailable", "kubernetes": "unavailable"}.items()


async def test_probes_do_not_depend_on_postgres(client):
    for path in ("/livez", "/api/v1/livez"):
        assert (await client.get(path)).json() == {"status": "ok"}
    assert (await client.get("/readyz")).status_code == 503  # Kubernetes was never read.


async def test_a_method_that_is_not_there_is_answered_with_all_that_are(client):
    answer = await client.request("DELETE", "/api/v1/pipelines")
    assert answer.headers["Allow"] == "GET, POST"
    answer = await client.request("POST", UNKNOWN)
    assert answer.headers["Allow"] == "DELETE, GET, PATCH, PUT"


async def test_every_path_answers_with_and_without_a_slash_and_without_a_redirect(client):
    paths = [re.sub(r"\{\w+\}", "x", path) for path in client._transport.app.openapi()["paths"]]
    paths += ["/docs", "/redoc", "/openapi.json"]
    # At once: while Postgres is away some take 2 s.
    answers = await asyncio.gather(*(client.get(path + end) for end in ("", "/") for path in paths))
    for path, first, second in zip(paths, answers[: len(paths)], answers[len(paths) :], strict=True):
        assert first.status_code == second.status_code, path
        assert first.status_code not in (301, 302, 307, 308), path
        assert first.json()["detail"] != "Not Found" if first.status_code == 404 else True, path


async def test_a_callers_request_id_comes_back_and_anything_else_is_replaced(client):
    assert (await client.get("/livez", headers={"X-Request-ID": "mine-7"})).headers["X-Request-ID"] == "mine-7"
    assert len((await client.get("/nowhere", headers={"X-Request-ID": "x" * 200})).headers["X-Request-ID"]) == 32


async def test_the_schema_documents_every_call_and_its_errors(client):
    schema = (await client.get("/openapi.json")).json()
    operations = [op for path in schema["paths"].values() for op in path.values()]
    ids = [op["operationId"] for op in operations]
    assert len(ids) == len(set(ids))
    assert {"list_pipelines", "run_pipeline", "start_pipeline", "get_pipeline_status"} <= set(ids)
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            if "{pipeline_id}" in path:
                assert "404" in operation["responses"]
            if "requestBody" in operation:
                assert operation["responses"].keys() >= {"400", "413", "415", "422"}
    assert "HTTPValidationError" not in schema["components"]["schemas"]
