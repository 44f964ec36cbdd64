"""What the API server's audit log is read as."""

import json

import pytest

from headrace_local.machine import audit


def line(verb, resource, *, group="headrace.dev", code=200, user="headrace-operator", **about):
    event = {
        "kind": "Event",
        "verb": verb,
        "user": {"username": user},
        "objectRef": {"resource": resource, "apiGroup": group, **about},
        "responseStatus": {"code": code},
    }
    return json.dumps(event, separators=(",", ":")) + "\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "audit-2026-05-01T12-00-00.000.log").write_text(line("list", "etlpipelines"))
    path = '{"verb":"get","user":{"username":"headrace-api"},"requestURI":"/version"}\n'
    audit.path(tmp_path).write_text(
        line("patch", "etlruns", subresource="status", name="r")
        + line("update", "leases", group="coordination.k8s.io", name="l")
        + path
        + line("delete", "jobs", group="batch", code=403)
        + line("create", "secrets", group="", code=201)
        + line("get", "secrets", group="", name="s")
        + line("create", "etlruns")[:-20]
    )
    return tmp_path


def test_all_requests_are_read_with_those_of_the_log_before(folder):
    seen = [(one.verb, one.group, one.resource, one.code) for one in audit.requests(folder)]
    assert seen == [
        ("list", "headrace.dev", "etlpipelines", 200),
        ("patch", "headrace.dev", "etlruns/status", 200),
        ("update", "coordination.k8s.io", "leases", 200),
        ("get", "", "", 0),
        ("delete", "batch", "jobs", 403),
        ("create", "", "secrets", 201),
        ("get", "", "secrets", 200),
    ]


def test_changes_are_those_of_pipelines_runs_jobs_and_secrets(folder):
    assert [(one.verb, one.resource) for one in audit.changes(folder)] == [
        ("patch", "etlruns/status"),
        ("delete", "jobs"),
        ("create", "secrets"),
    ]
