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
        ({"runner": {"user": 0}}, "/runner/user"),
        ({"runner": {"user": "root"}}, "/runner/user"),
        ({"networkPolicy": {"store": [{"cidr": "10.3.0.7", "ports": [5432]}]}}, "/networkPolicy/store/0/cidr"),
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
        (
            {"connections": {"existingSecret": "x", "elasticsearch": {"verify": False}}},
            "connections.existingSecret and connections.elasticsearch.verify exclude each other",
        ),
        (SECRET | {"auth": {"mode": "oidc"}}, "auth.oidc.issuer is missing"),
        (SECRET | {"auth": {"mode": "oidc", "oidc": {"issuer": "https://x"}}}, "auth.oidc.audience is missing"),
        (
            SECRET | {"auth": {"oidc": {"issuer": "https://x"}}},
            "auth.oidc.issuer is set, but auth.mode is kubernetes: set it to oidc",
        ),
        (
            SECRET | {"auth": {"mode": "none", "oidc": {"audience": "x"}}},
            "auth.oidc.audience is set, but auth.mode is none: set it to oidc",
        ),
        (
            SECRET | {"auth": {"mode": "none", "audiences": ["x"]}},
            "auth.audiences is set, but auth.mode is none: set it to kubernetes",
        ),
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
        (
            SECRET | {"api": {"preStopSeconds": 30}},
            "api.preStopSeconds must be less than api.terminationGracePeriodSeconds",
        ),
        (SECRET | {"fullnameOverride": "1st"}, "1st can't be the name of a Service"),
        (SECRET | {"nameOverride": "a", "fullnameOverride": "0"}, "--set fullnameOverride=NAME"),
        (SECRET | {"commonLabels": {"app.kubernetes.io/name": "x"}}, "commonLabels: app.kubernetes.io/name is one"),
        (SECRET | {"commonLabels": {"helm.sh/chart": "x"}}, "commonLabels: helm.sh/chart is one"),
        (SECRET | {"api": {"serviceAccount": {"create": False}}}, "api.serviceAccount.name is missing: the rights"),
        (SECRET | {"operator": {"serviceAccount": {"create": False}}}, "operator.serviceAccount.name is missing"),
        (
            SECRET | NAMESPACED | {"monitoring": {"dashboard": {"enabled": True, "namespace": "grafana"}}},
            "monitoring.dashboard.namespace is grafana, but rbac.scope namespaced makes nothing outside of namespace",
        ),
        (
            SECRET | {"runner": {"extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/database"}]}},
            "runner.extraVolumeMounts names ca, which runner.extraVolumes does not have",
        ),
    ],
)
def test_values_that_do_not_go_together_are_refused_with_a_sentence(chart: Chart, values: dict, sentence: str):
    assert sentence in chart.refusal(values)


@pytest.mark.parametrize("component", ["api", "operator"])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HEADRACE_INSTALLATION", "installation"),
        ("HEADRACE_NAMESPACE", "the release's namespace, by --namespace,"),
        ("PORT", "api.port"),
        ("HEADRACE_PROBE_PORT", "operator.probePort"),
    ],
)
def test_a_variable_that_other_objects_go_by_is_set_by_its_value(
    chart: Chart, component: str, variable: str, value: str
):
    said = chart.refusal(SECRET | {component: {"extraEnv": [{"name": variable, "value": "1"}]}})
    assert f"{component}.extraEnv sets {variable}, by which other objects of the chart go too" in said
    assert f"set {value} instead" in said


@pytest.mark.parametrize(
    ("connections", "sentence"),
    [
        ({"existingSecret": "postgresql://store:planted@planted/store"}, "connections.existingSecret is no name"),
        ({"existingSecret": "planted-" * 40}, "connections.existingSecret is no name"),
        (
            {"store": "x", "elasticsearch": {"url": "https://elastic:planted@planted:9200"}},
            "connections.elasticsearch.url has a user or a password in it",
        ),
        (
            {"store": "x", "elasticsearch": {"url": "elastic:planted@planted"}},
            "connections.elasticsearch.url has a user or a password in it",
        ),
        ({"store": "x", "elasticsearch": {"url": "planted:9200"}}, "connections.elasticsearch.url is no address"),
        (
            {"store": "x", "elasticsearch": {"url": "https://x/?a=planted"}},
            "connections.elasticsearch.url is no address",
        ),
    ],
)
def test_a_connection_that_can_not_be_is_refused_without_being_shown(chart: Chart, connections: dict, sentence: str):
    said = chart.refusal({"connections": connections})
    assert sentence in said
    assert "planted" not in said


@pytest.mark.parametrize("url", ["http://search", "https://search.example:9200", "https://[::1]:9200/behind/"])
def test_an_address_of_elasticsearch_is_taken(chart: Chart, url: str):
    chart.text({"connections": {"store": "x", "elasticsearch": {"url": url}}})


def test_an_old_kubernetes_is_refused(chart: Chart):
    assert "which is incompatible with Kubernetes v1.30.0" in chart.refusal(SECRET, "--kube-version=1.30.0")
    chart.text(SECRET, "--kube-version=1.31.0")
