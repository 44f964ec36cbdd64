"""Values that can't be used are refused, with the key that is wrong and what to do."""

import pytest
from tests.chart.matrix import SECRET
from tests.chart.rendering import Chart

NAMESPACED = {"rbac": {"scope": "namespaced"}}


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"conections": {}}, "conections"),
        ({"api": {"replicaz": 3}}, "replicaz"),
        ({"api": {"ingress": {"hostnames": []}}}, "hostnames"),
        ({"api": {"ingress": {"hosts": [{"hots": "a"}]}}}, "hots"),
        ({"operator": {"probes": {"liveness": {"period": 1}}}}, "period"),
        ({"auth": {"oidc": {"isuer": "https://x"}}}, "isuer"),
        ({"monitoring": {"rule": {}}}, "rule"),
        ({"networkPolicy": {"databases": [{"cdir": "10.0.0.0/8"}]}}, "cdir"),
    ],
)
def test_a_key_that_does_not_exist_is_named(chart: Chart, values: dict, key: str):
    said = chart.refusal(SECRET | values)
    assert "additional properties" in said
    assert f"'{key}'" in said


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"api": {"replicas": "two"}}, "/api/replicas"),
        ({"api": {"replicas": -1}}, "/api/replicas"),
        ({"api": {"port": 70000}}, "/api/port"),
        ({"api": {"prefix": "api"}}, "/api/prefix"),
        ({"api": {"service": {"type": "External"}}}, "/api/service/type"),
        ({"api": {"image": {"digest": "sha256:short"}}}, "/api/image/digest"),
        ({"api": {"rateLimit": "many"}}, "/api/rateLimit"),
        ({"api": {"podDisruptionBudget": {"maxUnavailable": "half"}}}, "/api/podDisruptionBudget/maxUnavailable"),
        ({"auth": {"mode": "basic"}}, "/auth/mode"),
        ({"auth": {"open": ["everything"]}}, "/auth/open/0"),
        ({"auth": {"oidc": {"issuer": "login.example"}}}, "/auth/oidc/issuer"),
        ({"rbac": {"scope": "namespace"}}, "/rbac/scope"),
        ({"image": {"tag": 1.2}}, "/image/tag"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"installation": "with space"}, "/installation"),
        ({"allowedTargets": []}, "/allowedTargets"),
        ({"allowedTargets": ["a.b,c.d"]}, "/allowedTargets/0"),
        ({"runner": {"memory": "lots"}}, "/runner/memory"),
        ({"listenOn": "everything"}, "/listenOn"),
        ({"fullnameOverride": "Upper"}, "/fullnameOverride"),
    ],
)
def test_a_value_of_another_form_is_named(chart: Chart, values: dict, path: str):
    assert f"'{path}'" in chart.refusal(SECRET | values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "connections.existingSecret is missing: Headrace needs a Postgres of its own, the store"),
        ({"connections": {"source": "postgresql://x"}}, "connections.existingSecret is missing"),
        (
            {"connections": {"existingSecret": "x", "source": "postgresql://x"}},
            "connections.existingSecret and connections.source exclude each other",
        ),
        (
            {"connections": {"existingSecret": "x", "elasticsearch": {"password": "x"}}},
            "connections.existingSecret and connections.elasticsearch.password exclude each other",
        ),
        (SECRET | {"auth": {"mode": "oidc"}}, "auth.oidc.issuer is missing"),
        (SECRET | {"auth": {"mode": "oidc", "oidc": {"issuer": "https://x"}}}, "auth.oidc.audience is missing"),
        (SECRET | NAMESPACED | {"auth": {"review": "token"}}, "auth.review token needs a ClusterRole"),
        (SECRET | {"auth": {"review": "self", "audiences": ["x"]}}, "auth.audiences needs auth.review token"),
        (SECRET | NAMESPACED | {"auth": {"audiences": ["x"]}}, "auth.audiences needs auth.review token"),
        (SECRET | {"api": {"ingress": {"enabled": True}}}, "api.ingress.hosts is missing"),
        (SECRET | {"api": {"httpRoute": {"enabled": True}}}, "api.httpRoute.parentRefs is missing"),
        (
            SECRET | {"api": {"autoscaling": {"enabled": True, "minReplicas": 9}}},
            "api.autoscaling.minReplicas is more than api.autoscaling.maxReplicas",
        ),
        (SECRET | {"api": {"autoscaling": {"enabled": True, "targetCpu": 0}}}, "needs targetCpu or targetMemory"),
    ],
)
def test_values_that_do_not_go_together_are_refused_with_a_sentence(chart: Chart, values: dict, sentence: str):
    assert sentence in chart.refusal(values)


def test_an_old_kubernetes_is_refused(chart: Chart):
    assert "which is incompatible with Kubernetes v1.30.0" in chart.refusal(SECRET, "--kube-version=1.30.0")
    chart.text(SECRET, "--kube-version=1.31.0")
