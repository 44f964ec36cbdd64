"""What the chart renders, over a matrix of values."""

import os
from pathlib import Path

import pytest
import yaml
from tests.chart.matrix import GOLDEN, MATRIX, PLANTED, SECRET
from tests.chart.rendering import CLUSTER_WIDE, NAMESPACE, Chart, environment, kinds, named, pods

from headrace.model.kinds import KINDS
from headrace_api.settings import Settings as ApiSettings
from headrace_operator.settings import Settings as OperatorSettings

FOLDER = Path(__file__).parent / "golden"
OWN = {
    "api": {"namespace", "installation", "auth_mode", "host"},
    "operator": {
        "namespace",
        "installation",
        "identity",
        "dsn_secret",
        "runner_image",
        "runner_service_account",
        "probe_host",
    },
}
"""Settings whose default is the chart's own."""
UNSET = {"api": {"SECRET_KEY"}, "operator": {"HEADRACE_LEASE"}}
"""Settings that no value is for: SECRET_KEY is accepted and used for nothing, HEADRACE_LEASE is for tests. `extraEnv`
sets them."""


@pytest.fixture(scope="module", params=MATRIX)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def manifests(chart: Chart, name: str) -> list[dict]:
    return chart.manifests(MATRIX[name])


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(chart: Chart, name: str):
    """What is rendered is what was looked at.

    After a change that is meant, HEADRACE_RENEW_GOLDEN=1 writes the files anew, and the difference is for the review.
    The CRDs are left out: they are in the checkout, in crds/.
    """
    text = chart.text({**MATRIX[name], "crds": {"install": False}})
    path = FOLDER / f"{name}.yaml"
    if os.environ.get("HEADRACE_RENEW_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"{path} differs: HEADRACE_RENEW_GOLDEN=1 renews it"


def test_lint_finds_nothing(chart: Chart, name: str):
    said = chart.lint(MATRIX[name])
    assert "[WARNING]" not in said
    assert "[ERROR]" not in said


def test_everything_is_labelled_and_in_the_namespace(manifests: list[dict]):
    for manifest in manifests:
        metadata = manifest["metadata"]
        assert metadata["labels"]["app.kubernetes.io/instance"] == "etl"
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        assert metadata.get("namespace") == (None if manifest["kind"] in CLUSTER_WIDE else NAMESPACE), metadata["name"]


def test_names_are_unique(manifests: list[dict]):
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
    assert len(names) == len(set(names))


def test_pods_have_requests_and_limits(manifests: list[dict]):
    for pod in pods(manifests).values():
        for container in pod["spec"]["containers"]:
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}


def test_only_api_and_operator_have_a_token(manifests: list[dict]):
    mounted = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]
        for pod in pods(manifests).values()
        if pod["spec"]["automountServiceAccountToken"]
    }
    assert mounted == {"api", "operator"}
    for account in (m for m in manifests if m["kind"] == "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_every_variable_is_a_setting(manifests: list[dict], name: str):
    extra = {"TZ"} if name == "placed" else set()
    for component, settings in (("api", ApiSettings), ("operator", OperatorSettings)):
        known = {field.alias for field in settings.model_fields.values()}
        assert environment(manifests, component).keys() - extra <= known


@pytest.mark.parametrize(("component", "settings"), [("api", ApiSettings), ("operator", OperatorSettings)])
def test_every_setting_can_be_set_by_a_value(chart: Chart, component: str, settings: type):
    rendered: set[str] = set()
    for values in ({}, {"auth": MATRIX["oidc"]["auth"] | {"oidc": _everything_about_oidc()}}):
        rendered |= environment(chart.manifests(SECRET | values), component).keys()
    assert {field.alias for field in settings.model_fields.values()} - rendered == UNSET[component]


def _everything_about_oidc() -> dict:
    return {**MATRIX["oidc"]["auth"]["oidc"], "jwksUrl": "https://login.example/keys"}


@pytest.mark.parametrize(("component", "settings"), [("api", ApiSettings), ("operator", OperatorSettings)])
def test_the_programs_take_what_is_rendered(
    manifests: list[dict], component: str, settings: type, monkeypatch: pytest.MonkeyPatch
):
    """Each value's form is one that the setting has."""
    elsewhere = {"HEADRACE_STORE_DSN": "postgresql://store", "HOST": "10.0.0.1", "HEADRACE_IDENTITY": "pod"}
    for variable, value in environment(manifests, component).items():
        monkeypatch.setenv(variable, elsewhere[variable] if value is None else value)
    monkeypatch.delenv("HEADRACE_OIDC_CA_FILE", raising=False)
    settings()


@pytest.mark.parametrize(("component", "settings"), [("api", ApiSettings), ("operator", OperatorSettings)])
def test_values_have_the_defaults_of_the_settings(
    chart: Chart, component: str, settings: type, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    bare = settings().model_dump()
    for variable, value in environment(chart.manifests(SECRET), component).items():
        if value is not None:
            monkeypatch.setenv(variable, value)
    rendered = settings().model_dump()
    assert {name for name, value in rendered.items() if value != bare[name] and value} <= OWN[component]


@pytest.mark.parametrize("name", [name for name in MATRIX if name.startswith("namespaced")])
def test_a_namespaced_installation_has_nothing_of_the_whole_cluster(chart: Chart, name: str):
    manifests = chart.manifests(MATRIX[name])
    wanted = set() if name.endswith("without-crds") else {"CustomResourceDefinition"}
    assert kinds(manifests) & CLUSTER_WIDE == wanted
    assert environment(manifests, "api")["HEADRACE_AUTH_REVIEW"] == "self"
    assert {m["metadata"]["name"] for m in manifests if m["kind"] == "Role"} >= {"headrace-view", "headrace-edit"}


def test_what_is_for_the_whole_cluster_does_not_collide_with_another_release(chart: Chart):
    """The roles for people do: a release leaves those of another alone."""
    shared = {"headrace-view", "headrace-edit", "headrace-admin"}
    names = []
    for namespace in ("one", "two"):
        found = chart.manifests(MATRIX["namespaced-without-crds"] | {"rbac": {}}, f"--namespace={namespace}")
        names.append({m["metadata"]["name"] for m in found if m["kind"] in CLUSTER_WIDE} - shared)
    assert names[0]
    assert not names[0] & names[1]


def test_secrets_from_values_are_in_secrets_only(chart: Chart):
    manifests = chart.manifests(MATRIX["from-values"])
    for manifest in manifests:
        if manifest["kind"] != "Secret":
            assert "planted" not in yaml.safe_dump(manifest), manifest["metadata"]["name"]
    assert "planted" not in chart.notes(MATRIX["from-values"], "--hide-secret")
    made = named(manifests, "Secret", "connections")["stringData"]
    elasticsearch = {f"elasticsearch-{key}" for key in ("url", "api-key", "username", "password", "ca", "verify")}
    assert made.keys() == {"store", "source", "target"} | elasticsearch


def test_a_secret_that_exists_is_only_named(chart: Chart):
    manifests = chart.manifests(SECRET)
    assert "Secret" not in kinds(manifests)
    assert environment(manifests, "operator")["HEADRACE_DSN_SECRET"] == "headrace-dsn"


def test_pods_are_replaced_when_a_secret_of_the_chart_changes(chart: Chart):
    def checksum(store: str) -> str:
        deployment = named(chart.manifests({"connections": {"store": store}}), "Deployment", "api")
        return str(deployment["spec"]["template"]["metadata"]["annotations"]["checksum/connections"])

    assert checksum("postgresql://one") == checksum("postgresql://one") != checksum("postgresql://two")


def test_the_migration_sees_the_dsn_before_anything_else_is_there(chart: Chart):
    manifests = chart.manifests({"connections": PLANTED})
    job, secret = named(manifests, "Job", "migration"), named(manifests, "Secret", "migration")
    for hook in (job, secret):
        assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    weights = [int(hook["metadata"]["annotations"]["helm.sh/hook-weight"]) for hook in (secret, job)]
    assert weights == sorted(weights)
    assert secret["stringData"] == {"store": PLANTED["store"]}


def test_an_extra_variable_takes_the_place_of_the_charts_own(chart: Chart):
    assert environment(chart.manifests(MATRIX["placed"]), "api")["LOG_LEVEL"] == "DEBUG"


def test_the_migration_has_the_operators_variables_and_none_of_them_twice(chart: Chart):
    extra = [{"name": "PGAPPNAME", "value": "rows"}, {"name": "HEADRACE_STORE_DSN", "value": "postgresql://other"}]
    for given in (extra, []):
        manifests = chart.manifests(SECRET | {"operator": {"extraEnv": given, "priorityClassName": "first"}})
        pod = named(manifests, "Job", "migration")["spec"]["template"]["spec"]
        assert pod["priorityClassName"] == "first"
        names = [variable["name"] for variable in pod["containers"][0]["env"]]
        wanted = {"HEADRACE_STORE_DSN", "HEADRACE_MIGRATE_SECONDS"} | {variable["name"] for variable in given}
        assert sorted(names) == sorted(wanted)


def test_where_the_cluster_chooses_users_none_is_named(chart: Chart):
    manifests = chart.manifests(MATRIX["users-of-the-cluster"])
    for pod in pods(manifests).values():
        security = pod["spec"]["securityContext"]
        assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert environment(manifests, "operator")["HEADRACE_RUNNER_USER"] == "auto"
    # As those of the pods are taken away.
    manifests = chart.manifests(SECRET | {"runner": {"user": None}})
    assert environment(manifests, "operator")["HEADRACE_RUNNER_USER"] == "auto"


def test_a_user_with_a_large_number_is_written_out(chart: Chart):
    manifests = chart.manifests(SECRET | {"runner": {"user": 1000650000}})
    assert environment(manifests, "operator")["HEADRACE_RUNNER_USER"] == "1000650000"


def test_the_api_reaches_no_source_and_no_target_where_the_store_is_told_apart(chart: Chart):
    def reached(policy: dict) -> dict[str, set[str]]:
        manifests = chart.manifests(SECRET | {"networkPolicy": {"enabled": True, "kubernetesApi": [], **policy}})
        return {
            m["metadata"]["name"].rpartition("-")[2]: {
                block["ipBlock"]["cidr"] for rule in m["spec"]["egress"] for block in rule["to"] if "ipBlock" in block
            }
            for m in manifests
            if m["kind"] == "NetworkPolicy"
        }

    databases = {"databases": [{"cidr": "10.2.0.0/16", "ports": [5432]}]}
    store = {"store": [{"cidr": "10.3.0.7/32", "ports": [5432]}]}
    components = ("api", "operator", "migration", "runner")
    assert reached(databases) == {component: {"10.2.0.0/16"} for component in components}
    both = {component: {"10.2.0.0/16", "10.3.0.7/32"} for component in ("operator", "runner")}
    assert reached(databases | store) == {component: {"10.3.0.7/32"} for component in components} | both


def test_images(chart: Chart):
    manifests = chart.manifests(MATRIX["mirrored"])
    images = {name: pod["spec"]["containers"][0]["image"] for name, pod in pods(manifests).items()}
    mirror = "registry.example:5000/mirror/headrace"
    assert images["etl-headrace-api"] == f"{mirror}/api:1.2.3@sha256:{'ab' * 32}"
    assert images["etl-headrace-migration"] == images["etl-headrace-operator"] == f"{mirror}/operator:1.2.3"
    assert environment(manifests, "operator")["HEADRACE_RUNNER_IMAGE"] == f"{mirror}/runner:1.2.3"
    assert all(pod["spec"]["imagePullSecrets"] == [{"name": "mirror"}] for pod in pods(manifests).values())


def test_the_operator_may_only_touch_its_own_lease(chart: Chart):
    rules = named(chart.manifests(MATRIX["named-otherwise"]), "Role", "operator")["rules"]
    (lease,) = [rule for rule in rules if "resourceNames" in rule]
    assert lease["resourceNames"] == ["headrace-team-a-prod"]
    assert not any("why" in rule for rule in rules)


@pytest.fixture(scope="module")
def usual(chart: Chart) -> str:
    """What Helm says when nothing is out of the ordinary."""
    return " ".join(chart.notes(SECRET).split())


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"connections": {"store": "postgresql://x"}}, "the connections, with their passwords, are from values"),
        (SECRET | {"auth": {"mode": "none"}}, "auth.mode is none"),
        (SECRET | {"api": {"ingress": {"enabled": True, "hosts": [{"host": "a.example"}]}}}, "has no tls"),
        (SECRET | {"rbac": {"scope": "namespaced"}}, "there is no admission policy"),
        (SECRET | {"crds": {"install": False}}, "crds.install is false"),
    ],
)
def test_notes_warn(chart: Chart, usual: str, values: dict, warning: str):
    assert warning in " ".join(chart.notes(values).split())
    assert warning not in usual


def test_notes_say_what_an_uninstall_leaves(usual: str):
    assert "`helm uninstall` leaves the definitions of " + ", ".join(kind.kind for kind in KINDS) in usual
    assert "WARNING" not in usual
