"""What is told of requests to Kubernetes: kinds of calls, of which there are few, and how they went."""

import pytest

from headrace.cluster.calls import Call, told
from headrace.errors import ConflictError, HeadraceError, InvalidError, NotFoundError, UnavailableError

OURS = "/apis/headrace.dev/v1alpha1/namespaces/namespaces/etlruns"


@pytest.mark.parametrize(
    ("method", "path", "verb", "resource"),
    [
        ("GET", OURS, "list", "etlruns"),
        ("GET", f"{OURS}/films-1", "get", "etlruns"),
        ("POST", OURS, "create", "etlruns"),
        ("PATCH", f"{OURS}/films-1", "patch", "etlruns"),
        ("PATCH", f"{OURS}/films-1/status", "patch", "etlruns/status"),
        ("DELETE", "/apis/batch/v1/namespaces/headrace/jobs/etl-1-a1", "delete", "jobs"),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/headrace/leases/headrace", "update", "leases"),
        ("GET", "/api/v1/namespaces/headrace/pods", "list", "pods"),
        ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "create", "tokenreviews"),
        ("GET", "/version", "get", "version"),
        ("GET", "/apis", "get", "discovery"),
        ("GET", "/api", "get", "discovery"),
    ],
)
def test_a_call_is_told_by_verb_and_kind_and_never_by_name(method, path, verb, resource):
    heard: list[Call] = []
    with told(heard.append, method, path):
        pass
    (call,) = heard
    assert (call.verb, call.resource, call.outcome) == (verb, resource, "ok")
    assert 0 <= call.seconds < 1


def test_a_watch_is_told_as_one():
    heard: list[Call] = []
    with told(heard.append, "GET", OURS, watch=True):
        pass
    assert heard[0].verb == "watch"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConflictError("no"), "conflict"),
        (NotFoundError("no"), "not_found"),
        (InvalidError("no"), "invalid"),
        (UnavailableError("no", part="kubernetes"), "unavailable"),
    ],
)
def test_a_call_that_failed_is_told_with_why(error, outcome):
    heard: list[Call] = []
    with pytest.raises(HeadraceError), told(heard.append, "POST", OURS):
        raise error
    assert heard[0].outcome == outcome
