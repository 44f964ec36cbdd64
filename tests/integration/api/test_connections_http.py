"""Sources, destinations and the WAL over HTTP, while neither Kubernetes nor Postgres is there: who is told what."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from tests.integration.api.conftest import alone
from tests.integration.api.test_http import assert_problem

SECRET = "geheim-17"
BODY = {"name": "films", "type": "postgres", "host": "films.example.com", "database": "films", "password": SECRET}
ENDS = ("/api/v1/sources", "/api/v1/destinations")
ONE = f"/{uuid.uuid4()}"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """One for all tests, for nothing that they do changes the application."""
    async with alone(tmp_path_factory.mktemp("connections")) as client:
        yield client


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
@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"options": {f"postgres://me:{SECRET}@h": {}}}, ["body", "options", "?"]),
        ({f"postgres://me:{SECRET}@h": 1}, ["body", "?"]),
        ({"options": {"sslmode": []}}, ["body", "options", "sslmode"]),
        ({"options": {"sslmode": "x" * 201}}, ["body", "options", "sslmode"]),
    ],
)
async def test_a_name_that_may_hold_a_password_is_not_repeated(client, path, wrong, place):
    answer = await client.post(path, json={**BODY, **wrong})
    problem = assert_problem(answer, 422, "VALIDATION_ERROR")
    assert [item["loc"] for item in problem["detail"]] == [place]
    assert [each["field"] for each in problem["error"]["details"]] == [place[1]]
    assert SECRET not in answer.text


@pytest.mark.parametrize("path", ENDS)
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password": "x" * 4097}, "String should have at most 4096 characters"),
        ({"name": " films"}, "no control characters, and no space at either end"),
        ({"name": "fi\0lms"}, "no control characters, and no space at either end"),
    ],
)
async def test_what_is_wrong_is_told_in_words(client, path, wrong, says):
    problem = assert_problem(await client.post(path, json={**BODY, **wrong}), 422, "VALIDATION_ERROR")
    assert problem["error"]["details"] == [{"field": next(iter(wrong)), "message": says}]


@pytest.mark.parametrize("path", ENDS)
async def test_what_only_answers_have_may_be_put_back_and_nothing_else(client, path):
    shown = {**BODY, "id": "x", "ready": True, "conditions": [], "pipelines": 3, "created_at": "2026-03-01T12:00:00Z"}
    assert_problem(await client.put(path + ONE, json=shown), 503, "UNAVAILABLE")
    assert_problem(await client.post(path, json=shown), 422, "VALIDATION_ERROR")
    problem = assert_problem(await client.put(path + ONE, json={**shown, "statuss": 1}), 422, "VALIDATION_ERROR")
    assert [each["field"] for each in problem["error"]["details"]] == ["statuss"]


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
