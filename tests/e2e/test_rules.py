"""What holds for every endpoint: slashes, errors in the superset, request ids, limits of a request, documentation."""

import json
import uuid

import httpx
import pytest

from headrace_local.api import PREFIX

CODES = {
    400: "BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE", 422: "VALIDATION_ERROR",
}  # fmt: skip
ERRORS = {
    "an unknown path": ("GET", "/nothing/here", {}, 404),
    "an unknown method": ("DELETE", "/pipelines", {}, 405),
    "an unknown id": ("GET", "/pipelines/x", {}, 404),
    "a wrong filter": ("GET", "/pipelines?limit=0", {}, 422),
    "broken JSON": (
        "POST", "/pipelines", {"content": b'{"name": ', "headers": {"Content-Type": "application/json"}}, 422,
    ),
    "no body": ("POST", "/pipelines", {"headers": {"Content-Type": "application/json"}}, 422),
    "a list": ("POST", "/pipelines", {"json": []}, 422),
    "not UTF-8": (
        "POST", "/pipelines", {"content": b'{"name": "\xff"}', "headers": {"Content-Type": "application/json"}}, 400,
    ),
    "a form": ("POST", "/pipelines", {"data": {"name": "x"}}, 415),
    "ten megabytes": ("POST", "/pipelines", {"json": {"name": "x" * 10_000_000}}, 413),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "options", "status"), ERRORS.values(), ids=ERRORS.keys())
def test_every_error_is_the_same_superset(world, method, path, options, status):
    answer = world.api.request(method, path, **options)
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert body["error"]["code"] == CODES[status]
    assert body["error"]["message"]
    assert isinstance(body["error"]["details"], list)
    assert body["meta"]["request_id"] == answer.headers["X-Request-ID"]
    assert body["meta"]["timestamp"].endswith("Z")
    assert isinstance(body["detail"], list if status == 422 else str)


def test_a_422_names_its_fields_and_echoes_no_input(world):
    secret = "hunter2-" + uuid.uuid4().hex
    answer = world.api.request("POST", "/pipelines", {"name": 7, "colour": secret, "source_query": secret})
    assert answer.status_code == 422
    assert secret not in answer.text
    body = answer.json()
    fields = {detail["field"] for detail in body["error"]["details"]}
    assert fields >= {"name", "colour", "target_table"}
    assert all("input" not in error for error in body["detail"])
    assert all(set(detail) == {"field", "message"} for detail in body["error"]["details"])


def test_every_path_answers_with_and_without_a_slash(world):
    made = world.pipeline()
    for path in ("/pipelines", f"/pipelines/{made['id']}", f"/pipelines/{made['id']}/status", "/health"):
        plain, slashed = world.api.request("GET", path), world.api.request("GET", path + "/")
        assert (plain.status_code, slashed.status_code) == (200, 200), path
    assert world.api.request("POST", "/pipelines/", world.spec()).status_code == 201
    assert world.api.request("GET", "/pipelines/?limit=1").status_code == 200


def test_the_callers_request_id_comes_back_and_is_in_the_log(world):
    wanted = f"test-{uuid.uuid4()}"
    answer = world.api.request("GET", "/pipelines/x", headers={"X-Request-ID": wanted})
    assert answer.headers["X-Request-ID"] == wanted
    assert answer.json()["meta"]["request_id"] == wanted
    assert wanted in world.log("api", 200)


@pytest.mark.parametrize("sent", ["", "x" * 5000, "a\tb", "é"])
def test_a_request_id_that_is_none_is_replaced(world, sent):
    answer = world.api.request("GET", "/health", headers={"X-Request-ID": sent.encode()})
    assert 1 <= len(answer.headers["X-Request-ID"]) <= 200


def test_the_log_is_json_with_the_request(world):
    wanted = f"test-{uuid.uuid4()}"
    world.api.request("GET", "/pipelines?limit=1", headers={"X-Request-ID": wanted})
    (line,) = [json.loads(line) for line in world.log("api", 200).splitlines() if wanted in line][-1:]
    assert wanted in line.values()


def test_docs_are_there_and_describe_every_call(world):
    address = world.api.base.removesuffix(PREFIX)
    for path in ("/docs", "/redoc"):
        assert httpx.get(address + path).status_code == 200
    schema = httpx.get(address + "/openapi.json").json()
    for path in (
        "/pipelines", "/pipelines/{pipeline_id}", "/pipelines/{pipeline_id}/run", "/pipelines/{pipeline_id}/start",
        "/pipelines/{pipeline_id}/pause", "/pipelines/{pipeline_id}/status", "/pipelines/{pipeline_id}/state",
        "/pipelines/{pipeline_id}/runs", "/pipelines/{pipeline_id}/runs/{run_id}",
        "/pipelines/{pipeline_id}/reconcile", "/health",
    ):  # fmt: skip
        assert PREFIX + path in schema["paths"], path
    for path, calls in schema["paths"].items():
        for method, call in calls.items():
            assert call.get("summary"), (method, path)


def test_probes_answer_beside_the_prefix(world):
    for address in (world.api, world.other_api):
        for probe in ("/livez", "/readyz"):
            assert httpx.get(address.base.removesuffix(PREFIX) + probe).status_code == 200


def test_head_and_options_do_no_harm(world):
    for method in ("HEAD", "OPTIONS"):
        assert world.api.request(method, "/pipelines").status_code < 500


def test_no_log_holds_a_password_or_a_query(world):
    made = world.pipeline(rows=1, description="a secret of my own")
    world.done(made, world.api.run(made["id"])["run_id"])
    dsns = (world.status.source_dsn, world.status.target_dsn, world.status.store_dsn)
    secrets = [dsn.split("@")[0].rsplit(":", 1)[-1] for dsn in dsns] + [made["source_query"]]
    for process in ("operator", "api", "api-2"):
        written = world.log(process, 1_000_000)
        assert written
        assert [secret for secret in secrets if secret in written] == [], process
