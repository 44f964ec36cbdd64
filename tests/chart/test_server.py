"""What only an API server can say: whether it takes what is rendered, and what the chart makes of what is there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.chart.conftest import Server
from tests.chart.matrix import MATRIX, SECRET, is_unknown_here
from tests.chart.rendering import NAMESPACE, Manifest, kinds, named, pods

from headrace import names
from headrace.model.kinds import KINDS
from headrace.target import is_allowed
from headrace_local.chart.helm import HelmError
from headrace_local.kubectl import KubectlError
from headrace_local.waiting import wait_for

CRDS = tuple(f"{kind.plural}.{names.GROUP}" for kind in KINDS)
TARGETS = ["analytics.*", "es:film-*", "we[i]rd.t+(x)|\\*y", "exact.one"]


@pytest.fixture(scope="module")
def crds(server: Server) -> Iterator[None]:
    """The definitions, made by a release that is another one."""
    _apply_crds(server, "owner", "elsewhere")
    server.kubectl.run("wait", "--for=condition=Established", "--timeout=30s", *(f"crd/{name}" for name in CRDS))
    yield
    server.kubectl.run("delete", "crd", *CRDS)


@pytest.fixture
def secret(server: Server) -> Iterator[None]:
    """The Secret that the values name."""
    metadata = {"name": "headrace-dsn", "namespace": NAMESPACE}
    server.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"store": "x"}})
    yield
    server.kubectl.run("delete", "secret", "headrace-dsn")


def test_the_api_server_takes_everything(server: Server, crds: None):
    """But what it does not know: kinds of the Prometheus operator and the Gateway API, which are looked at below.

    Ingress, HorizontalPodAutoscaler and NetworkPolicy are only held against their schemas: nothing here serves them.
    """
    rendered = [manifest for values in MATRIX.values() for manifest in server.chart.manifests(values)]
    different = {json.dumps(m): m for m in rendered if not is_unknown_here(m)}.values()
    assert kinds(list(different)) >= {"Ingress", "HorizontalPodAutoscaler", "NetworkPolicy", "EtlPipeline", "Job"}
    for manifest in different:
        if manifest["kind"] == "CustomResourceDefinition":
            # Those are there. Another name makes it a new one, whose schema is looked at all the same.
            manifest["spec"]["group"] = "headrace.example"
            manifest["metadata"]["name"] = manifest["metadata"]["name"].replace("headrace.dev", "headrace.example")
    server.create(*different)


def test_a_manifest_that_is_wrong_is_not_taken(server: Server):
    """So the test above can fail."""
    deployment = named(server.chart.manifests(SECRET), "Deployment", "api")
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Perhaps"
    with pytest.raises(KubectlError, match="imagePullPolicy"):
        server.create(deployment)


@pytest.mark.parametrize("name", ["minimal", "from-values", "oidc", "placed", "every-target"])
def test_pods_pass_restricted_pod_security_and_a_quota(server: Server, name: str):
    """Bare pods, for of a Deployment the server only warns; the quota is on requests and limits of CPU and memory."""
    server.create(*(_bare(pod) for pod in pods(server.chart.manifests(MATRIX[name])).values()))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"securityContext": {"allowPrivilegeEscalation": True}}, "allowPrivilegeEscalation"),
        ({"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}}, "seccompProfile"),
        ({"podSecurityContext": {"runAsNonRoot": False}}, "runAsNonRoot"),
        ({"api": {"resources": {"limits": {"cpu": None}}}}, "limits.cpu"),
    ],
)
def test_pods_that_are_weakened_are_refused(server: Server, values: dict, reason: str):
    """So the test above can fail."""
    pod = pods(server.chart.manifests(SECRET | values))["etl-headrace-api"]
    with pytest.raises(KubectlError, match=reason):
        server.create(_bare(pod))


def _bare(pod: Manifest) -> Manifest:
    """With an account that is there."""
    return {**pod, "spec": {**pod["spec"], "serviceAccountName": "default"}}


def test_what_the_server_does_not_know_points_at_what_is_there(server: Server):
    """A small check of our own in place of the schemas of the Prometheus operator and the Gateway API.

    Required fields, and that selectors and ports lead to the Service and the pods: not every field, as a server would.
    """
    manifests = server.chart.manifests(MATRIX["watched"])
    service, operator = named(manifests, "Service"), named(manifests, "Deployment", "operator")
    monitor = named(manifests, "ServiceMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [e["port"] for e in monitor["spec"]["endpoints"]] == [port["name"] for port in service["spec"]["ports"]]
    pod = operator["spec"]["template"]
    monitor = named(manifests, "PodMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ports = [port["name"] for port in pod["spec"]["containers"][0]["ports"]]
    assert [e["port"] for e in monitor["spec"]["podMetricsEndpoints"]] == ports
    for group in named(manifests, "PrometheusRule")["spec"]["groups"]:
        assert group["name"]
        for rule in group["rules"]:
            assert rule["expr"]
            assert ("alert" in rule) != ("record" in rule)
    json.loads(named(manifests, "ConfigMap", "dashboard")["data"]["headrace.json"])
    manifests = server.chart.manifests(MATRIX["reached-from-outside"])
    route, service = named(manifests, "HTTPRoute")["spec"], named(manifests, "Service")
    assert all(reference["name"] for reference in route["parentRefs"])
    (rule,) = route["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    backend = {"name": service["metadata"]["name"], "port": service["spec"]["ports"][0]["port"]}
    assert rule["backendRefs"] == [backend]


def _apply_crds(server: Server, release: str, namespace: str, change: Any = None) -> None:
    made = [m for m in server.chart.manifests(SECRET) if m["kind"] == "CustomResourceDefinition"]
    for manifest in made:
        notes = manifest["metadata"]["annotations"]
        notes |= {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
        if change:
            change(manifest)
    everything = {"apiVersion": "v1", "kind": "List", "items": made}
    server.kubectl.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(everything))


def _definitions(manifests: list[Manifest]) -> set[str]:
    return {m["metadata"]["name"] for m in manifests if m["kind"] == "CustomResourceDefinition"}


class TestDefinitions:
    """Whose they are decides what is done with them."""

    @pytest.fixture(autouse=True)
    def _there(self, server: Server, crds: None, secret: None) -> Iterator[None]:
        yield
        _apply_crds(server, "owner", "elsewhere")

    def test_those_of_another_release_are_left_alone_when_they_are_the_same(self, server: Server):
        assert _definitions(server.asked(SECRET)) == set()

    def test_also_when_nobody_noted_what_they_are(self, server: Server):
        """Those that `kubectl apply -f crds/` made."""
        server.kubectl.run("annotate", "crd", *CRDS, "headrace.dev/schema-hash-")
        assert _definitions(server.asked(SECRET)) == set()

    def test_our_own_are_upgraded(self, server: Server):
        _apply_crds(server, "etl", NAMESPACE, _older)
        assert _definitions(server.asked(SECRET)) == set(CRDS)

    @pytest.mark.parametrize("change", ["schema", "note"])
    def test_those_of_another_release_that_differ_are_refused(self, server: Server, change: str):
        _apply_crds(server, "owner", "elsewhere", _older if change == "schema" else _noted)
        with pytest.raises(HelmError) as refused:
            server.asked(SECRET)
        said = " ".join(str(refused.value).split())
        assert f"{min(CRDS)} is in the cluster already, as headrace-0.0.1 has it" in said
        assert "It belongs to release owner in namespace elsewhere. Upgrade that release to this chart first" in said
        assert "--set crds.takeOwnership=true --take-ownership" in said

    def test_they_can_be_taken_over_or_left_to_others(self, server: Server):
        _apply_crds(server, "owner", "elsewhere", _older)
        taken = SECRET | {"crds": {"takeOwnership": True}}
        with pytest.raises(HelmError, match="invalid ownership metadata"):
            server.asked(taken)
        assert _definitions(server.asked(taken, "--take-ownership")) == set(CRDS)
        assert _definitions(server.asked(SECRET | {"crds": {"install": False}})) == set()


def _older(manifest: Manifest) -> None:
    properties = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties.pop("description", None) or properties.pop("timeoutSeconds", None)
    _noted(manifest)


def _noted(manifest: Manifest) -> None:
    manifest["metadata"]["labels"]["helm.sh/chart"] = "headrace-0.0.1"
    manifest["metadata"]["annotations"]["headrace.dev/schema-hash"] = "older"


def test_a_secret_that_is_not_there_or_lacks_the_store_is_refused(server: Server, crds: None, secret: None):
    server.asked(SECRET)
    with pytest.raises(HelmError, match="there is no Secret missing in namespace data"):
        server.asked({"connections": {"existingSecret": "missing"}})
    server.kubectl.patch("secret", "headrace-dsn", {"data": {"store": None, "target": "eA=="}})
    with pytest.raises(HelmError, match="lacks the key `store`"):
        server.asked(SECRET)


def test_a_namespace_takes_one_release(server: Server, crds: None, secret: None):
    deployment = named(server.chart.manifests(SECRET), "Deployment", "operator")
    deployment["spec"]["replicas"] = 0
    notes = {"meta.helm.sh/release-name": "etl", "meta.helm.sh/release-namespace": NAMESPACE}
    deployment["metadata"]["annotations"] = notes
    server.kubectl.apply(deployment)
    try:
        server.asked(SECRET)
        with pytest.raises(HelmError, match="release etl is in namespace data already"):
            server.asked(SECRET, release="second")
    finally:
        server.kubectl.run("delete", "deployment", deployment["metadata"]["name"])


def test_roles_for_people_that_another_release_made_are_left_alone(server: Server, crds: None, secret: None):
    def roles(**rbac: object) -> set[tuple[str, str]]:
        found = server.asked(SECRET | {"rbac": rbac})
        return {(m["kind"], m["metadata"]["name"]) for m in found if m["metadata"]["name"] == "headrace-view"}

    assert roles() == {("ClusterRole", "headrace-view")}
    role = named(server.chart.manifests(SECRET), "ClusterRole", "headrace-view")
    role["metadata"]["annotations"] = {
        "meta.helm.sh/release-name": "owner",
        "meta.helm.sh/release-namespace": "elsewhere",
    }
    server.kubectl.apply(role)
    try:
        assert roles() == set()
        assert roles(aggregate=False) == {("Role", "headrace-view")}
    finally:
        server.kubectl.run("delete", "clusterrole", "headrace-view")


@pytest.fixture(scope="module")
def policy(server: Server, crds: None) -> Iterator[None]:
    """The admission policy, in force."""
    manifests = [m for m in server.chart.manifests(SECRET | {"allowedTargets": TARGETS}) if _admits(m)]
    assert len(manifests) == 3
    server.kubectl.apply(*manifests)
    # It takes a moment until the server has compiled it.
    wait_for("the policy", lambda: _refusal(server, "private.salaries"), seconds=30, every=0.3)
    yield
    for manifest in reversed(manifests):
        server.kubectl.run("delete", manifest["kind"], manifest["metadata"]["name"])


@pytest.mark.usefixtures("policy")
class TestAdmission:
    """The policy, applied for real, on pipelines of kubectl."""

    @pytest.mark.parametrize(
        "target",
        [
            "analytics.film_dim", "analytics.", "analytics", "xanalytics.t", "analytics.new\nline", "private.t",
            "es:film-dim", "es:film", "es:other", "we[i]rd.t+(x)|\\zzzy", "weird.txy", "exact.one", "exact.one2",
            "exactxone", "ex\nexact.one", "EXACT.ONE",
        ],
    )  # fmt: skip
    def test_it_refuses_what_operator_and_api_refuse(self, server: Server, target: str):
        said = _refusal(server, target)
        assert (said is None) == is_allowed(target, tuple(TARGETS))
        if said and "\n" not in target:
            assert f"spec.targetTable '{target}' is not allowed" in said.replace("\\\\", "\\")

    def test_a_pipeline_whose_target_left_the_list_can_be_paused_but_not_moved(self, server: Server):
        pipeline = _pipeline("exact.one", name="old")
        server.kubectl.create(pipeline)
        config = f"configmap/{_list_name(server)}"
        server.kubectl.run("patch", config, "--type=merge", "-p", '{"data": {"pattern": "(?s)^(other[.]one)$"}}')
        wait_for("the shorter list", lambda: _refusal(server, "exact.one"), seconds=30, every=0.3)
        server.kubectl.patch("etlpipeline", "old", {"spec": {"suspend": True}})
        with pytest.raises(KubectlError, match="not allowed"):
            server.kubectl.patch("etlpipeline", "old", {"spec": {"targetTable": "exact.two"}})
        server.kubectl.run("delete", "etlpipeline", "old")

    def test_other_namespaces_are_none_of_its_business(self, server: Server):
        pipeline = _pipeline("private.salaries", namespace="default")
        server.kubectl.run("create", "--namespace=default", "--dry-run=server", "-f", "-", stdin=json.dumps(pipeline))


def _admits(manifest: Manifest) -> bool:
    return manifest["metadata"]["labels"]["app.kubernetes.io/component"] == "admission"


def _list_name(server: Server) -> str:
    return str(named(server.chart.manifests(SECRET), "ConfigMap", "allowed-targets")["metadata"]["name"])


def _pipeline(target: str, *, name: str = "some", namespace: str = NAMESPACE) -> Manifest:
    spec = {"name": name, "targetTable": target, "sourceQuery": "SELECT 1 AS id", "keyColumns": ["id"]}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "headrace.dev/v1alpha1", "kind": "EtlPipeline", "metadata": metadata, "spec": spec}


def _refusal(server: Server, target: str) -> str | None:
    try:
        server.create(_pipeline(target))
    except KubectlError as error:
        return str(error)
    return None
