"""Runs on demand and streams over HTTP, while neither Kubernetes nor Postgres is there: what is refused, and how."""

import json
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from tests.integration.api.conftest import alone
from tests.integration.api.test_http import assert_problem

RUN = f"/api/v1/runs/{uuid.uuid4()}"
STREAM = {"pipeline": "films"}
STOP = {"execution_id": str(uuid.uuid4())}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """One for all tests, for nothing that they do changes the application."""
    async with alone(tmp_path_factory.mktemp("runs")) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/runs", {}, "pipeline_id"),
        ("/runs", {"pipeline_id": 5}, "pipeline_id"),
        ("/runs", {"pipeline_id": "films", "project_id": 5}, "project_id"),
        ("/runs", {"pipeline_id": "films", "params": []}, "params"),
        ("/runs", {"pipeline_id": "films", "params": {str(n): n for n in range(101)}}, "params"),
        ("/runs", {"pipeline_id": "films", "params": {"a": "x" * 262_144}}, "params"),
        ("/runs", {"pipeline_id": "films", "tags": "nightly"}, "tags"),
        ("/runs", {"pipeline_id": "films", "tags": [1]}, "tags"),
        ("/runs", {"pipeline_id": "films", "tags": {"a": None}}, "tags"),
        ("/runs", {"pipeline_id": "films", "tags": [""]}, "tags"),
        ("/runs", {"pipeline_id": "films", "state": "RUNNING"}, "state"),
        ("/runs/{id}/start", {"timeout_seconds": 0}, "timeout_seconds"),
        ("/runs/{id}/start", {"timeout_seconds": "60"}, "timeout_seconds"),
        ("/runs/{id}/start", {"timeout_seconds": True}, "timeout_seconds"),
        ("/runs/{id}/start", {"timeout_seconds": 31_536_001}, "timeout_seconds"),
        ("/runs/{id}/start", {"timeout": 5}, "timeout"),
        ("/runs/{id}/cancel", {"reason": "x" * 1001}, "reason"),
        ("/runs/{id}/cancel", {"reason": "a\0"}, "reason"),
        ("/runs/{id}/cancel", {"reason": 5}, "reason"),
        ("/stream/run", {}, "pipeline"),
        ("/stream/run", {**STREAM, "mode": "later"}, "mode"),
        ("/stream/run", {**STREAM, "config": []}, "config"),
        ("/stream/run", {**STREAM, "config": {"restart": 1}}, "config"),
        ("/stream/stop", {}, "execution_id"),
        ("/stream/stop", {**STOP, "timeout": -1}, "timeout"),
        ("/stream/stop", {**STOP, "timeout": 86_401}, "timeout"),
        ("/stream/stop", {**STOP, "timeout": 1.5}, "timeout"),
    ],
)
async def test_what_is_wrong_with_a_body_is_told_by_its_field(client, path, body, field):
    answer = await client.post(f"/api/v1{path.format(id=uuid.uuid4())}", json=body)
    problem = assert_problem(answer, 422, "VALIDATION_ERROR")
    assert {detail["field"] for detail in problem["error"]["details"]} == {field}


@pytest.mark.parametrize(
    "value",
    [
        '"a\\u0000"',
        '{"b": ["\\u0000"]}',
        '{"\\u0000": 1}',
        "NaN",
        "1e999",
        "9223372036854775808",
        '"\\ud800"',
        "[" * 120 + "]" * 120,
    ],
)
async def test_a_parameter_that_would_not_come_through_as_it_is_is_refused(client, value):
    content = f'{{"pipeline_id": "films", "params": {{"a": {value}}}}}'
    answer = await client.post("/api/v1/runs", content=content, headers={"Content-Type": "application/json"})
    problem = assert_problem(answer, 422, "VALIDATION_ERROR")
    assert {detail["field"] for detail in problem["error"]["details"]} <= {"a", "params"}


@pytest.mark.parametrize(
    "path",
    [
        "/runs?limit=0",
        "/runs?limit=101",
        "/runs?offset=-1",
        "/runs?sort=kind",
        "/runs?sort=--id",
        "/runs?state=ASLEEP",
        f"/runs/{uuid.uuid4()}/tasks?limit=101",
        f"/runs/{uuid.uuid4()}/logs?level=TRACE",
        f"/runs/{uuid.uuid4()}/logs?follow=maybe",
        "/stream/status?sort=lag_seconds",
    ],
)
async def test_what_is_out_of_bounds_is_refused(client, path):
    assert_problem(await client.get(f"/api/v1{path}"), 422, "VALIDATION_ERROR")


async def test_a_last_event_id_is_a_number(client):
    answer = await client.get(f"{RUN}/logs?follow=true", headers={"Last-Event-ID": "seven"})
    assert_problem(answer, 422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/runs/{id}"),
        ("POST", "/runs/{id}/start"),
        ("POST", "/runs/{id}/cancel"),
        ("GET", "/runs/{id}/tasks"),
        ("GET", "/runs/{id}/logs"),
        ("GET", "/runs/{id}/logs?follow=true"),
        ("GET", "/stream/status?execution_id={id}"),
    ],
)
async def test_an_id_that_is_none_is_not_found_and_one_that_may_be_is_not_known(client, method, path):
    for odd in ("no-uuid", "%20", str(uuid.uuid4()).upper(), "x" * 300):
        assert_problem(await client.request(method, f"/api/v1{path.format(id=odd)}"), 404, "NOT_FOUND")
    answer = await client.request(method, f"/api/v1{path.format(id=uuid.uuid4())}")
    assert_problem(answer, 503, "UNAVAILABLE")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/runs", None),
        ("POST", "/runs", {"pipeline_id": "films"}),
        ("POST", "/runs", {"pipeline_id": str(uuid.uuid4()), "project_id": str(uuid.uuid4())}),
        ("GET", "/statistics", None),
        ("GET", "/stream/status", None),
        ("POST", "/stream/run", STREAM),
        ("POST", "/stream/run", {**STREAM, "mode": "sync"}),
        ("POST", "/stream/stop", STOP),
    ],
)
async def test_what_needs_kubernetes_says_that_it_is_away(client, method, path, body):
    assert_problem(await client.request(method, f"/api/v1{path}", json=body), 503, "UNAVAILABLE")


async def test_a_project_that_can_not_be_one_is_told_by_its_field(client):
    answer = await client.post("/api/v1/runs", json={"pipeline_id": "films", "project_id": "no-uuid"})
    problem = assert_problem(answer, 422, "VALIDATION_ERROR")
    assert [detail["field"] for detail in problem["error"]["details"]] == ["project_id"]


async def test_the_schema_documents_what_each_call_answers(client):
    paths = (await client.get("/openapi.json")).json()["paths"]
    expected = {
        ("/runs", "post"): {"201", "400", "413", "415", "422"},
        ("/runs", "get"): {"200", "422"},
        ("/runs/{run_id}", "get"): {"200", "404"},
        ("/runs/{run_id}/start", "post"): {"202", "404", "409"},
        ("/runs/{run_id}/cancel", "post"): {"200", "404", "409"},
        ("/runs/{run_id}/tasks", "get"): {"200", "404"},
        ("/runs/{run_id}/logs", "get"): {"200", "404", "429"},
        ("/stream/run", "post"): {"200", "202", "409", "422", "429"},
        ("/stream/status", "get"): {"200", "404"},
        ("/stream/stop", "post"): {"202", "404", "409"},
        ("/statistics", "get"): {"200", "503"},
    }
    for (path, method), statuses in expected.items():
        assert paths[f"/api/v1{path}"][method]["responses"].keys() >= statuses, path
    logs = paths["/api/v1/runs/{run_id}/logs"]["get"]["responses"]["200"]["content"]
    assert logs.keys() == {"application/json", "text/event-stream"}


async def test_what_serves_here_is_told(client):
    data = (await client.get("/api/v1/info")).json()["data"]
    assert data["kinds"] == [
        "EtlProject", "EtlSource", "EtlDestination", "EtlPipeline", "EtlRun", "EtlSchedule", "EtlBackfill",
    ]  # fmt: skip
    assert data["configuration"].items() >= {"page_limit": 100, "max_params_bytes": 262_144}.items()
    assert "secret" not in json.dumps(data)
