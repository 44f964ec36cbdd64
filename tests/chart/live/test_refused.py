"""What a platform team does wrong, and what it is told."""

import json

import pytest

from headrace_local.api import Api
from headrace_local.chart import accounts
from headrace_local.chart.helm import HelmError
from headrace_local.kubectl import KubectlError


def said(call):
    """What Helm refuses with."""
    with pytest.raises(HelmError) as refused:
        call()
    return str(refused.value)


def test_a_dsn_that_does_not_answer_ends_the_installation_with_a_sentence(other_release):
    one = other_release()
    secret = {"stringData": {"store": "postgresql://headrace:hunter2@127.0.0.1:1/headrace?connect_timeout=2"}}
    one.kubectl.run("patch", "secret", "connections", "--type=merge", "-p", json.dumps(secret))
    quick = {"migration": {"deadlineSeconds": 20, "backoffLimit": 0}}
    words = said(lambda: one.install(quick, seconds=60))
    assert "migration" in words
    assert "hunter2" not in words
    assert one.pods("api") == [], "nothing is started before the store is ready"


def test_a_release_needs_a_dsn(other_release):
    one = other_release()
    assert "connections.existingSecret" in said(lambda: one.install({"connections": {"existingSecret": ""}}))


def test_a_typo_is_named(other_release):
    assert "allowedTarget" in said(lambda: other_release().install({"allowedTarget": ["analytics.*"]}))


def test_two_releases_live_in_one_cluster(release, other_release):
    """The second one leaves the definitions to the first; each runs the pipelines of its own namespace."""
    other = other_release()
    other.install()
    other.wait_until_ready("operator", 2)
    lease = other.leader()
    assert lease.name not in {pod.name for pod in release.pods("operator")}
    owner = release.kubectl.get("crd", "etlpipelines.headrace.dev")["metadata"]["annotations"]
    assert owner["meta.helm.sh/release-namespace"] == release.kubectl.namespace


def test_definitions_of_another_version_are_not_overwritten(release, other_release):
    """Those of a newer or older chart belong to another release: it has to upgrade them."""
    definition = "etlpipelines.headrace.dev"
    before = release.kubectl.get("crd", definition)["metadata"]["annotations"]
    name = next(key for key in before if key.endswith("schema-hash"))
    release.kubectl.run("annotate", "crd", definition, f"{name}=older", "--overwrite")
    try:
        words = said(lambda: other_release().install())
    finally:
        release.kubectl.run("annotate", "crd", definition, f"{name}={before[name]}", "--overwrite")
    assert definition in words or "EtlPipeline" in words, words
    assert release.name in words, words


def test_the_admission_policy_holds_kubectl_to_the_list(release, world):
    bad = world.manifest(world.spec(target_table="private.salaries", rows=1))
    with pytest.raises(KubectlError, match=r"private\.salaries.*not allowed"):
        release.kubectl.create(bad)
    good = release.kubectl.create(world.manifest(world.spec(rows=1)))
    name = good["metadata"]["name"]
    with pytest.raises(KubectlError, match="not allowed"):
        release.kubectl.patch("etlpipelines", name, {"spec": {"targetTable": "private.salaries"}})


@pytest.mark.parametrize(
    ("role", "status"), [("headrace-edit", 201), ("headrace-view", 403), (None, 403)], ids=["edit", "view", "nobody"]
)
def test_over_rest_people_may_do_what_kubectl_lets_them(release, world, role, status):
    token = accounts.token(release.kubectl, f"some-{role or 'nobody'}", role=role)
    body = world.spec(rows=1)
    with Api(world.api.base.removesuffix("/api/v1"), token=token) as api:
        assert api.request("POST", "/pipelines", body).status_code == status
        assert api.request("GET", "/pipelines").status_code == (403 if role is None else 200)
    kubectl = release.kubectl.run(
        "auth", "can-i", "create", "etlpipelines.headrace.dev",
        f"--as=system:serviceaccount:{release.kubectl.namespace}:some-{role or 'nobody'}", check=False,
    )  # fmt: skip
    assert kubectl.splitlines()[-1] == ("yes" if status == 201 else "no")


def test_a_foreign_token_is_none(release, world):
    foreign = accounts.token(release.kubectl, "tester", audience="https://somewhere.example")
    for token in (foreign, "nonsense", None):
        with Api(world.api.base.removesuffix("/api/v1"), token=token) as api:
            answer = api.request("GET", "/pipelines")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_in_a_namespaced_release_people_are_told_apart_without_a_cluster_role(site, other_release):
    one = other_release(rbac={"scope": "namespaced"}, admissionPolicy={"enabled": False})
    one.install()
    namespace = one.kubectl.namespace
    for kind in ("clusterroles", "clusterrolebindings", "validatingadmissionpolicies"):
        found = one.kubectl.list(kind, "-l", f"app.kubernetes.io/instance={one.name}")
        owners = [item["metadata"]["annotations"]["meta.helm.sh/release-namespace"] for item in found]
        assert namespace not in owners, kind
    editor = accounts.token(one.kubectl, "editor")
    who = f"--serviceaccount={namespace}:editor"
    one.kubectl.run("create", "rolebinding", "editor", "--role=headrace-edit", who)
    stranger = accounts.token(one.kubectl, "stranger")
    with site.reach(one, one.pods("api")[0]) as address:
        for token, status in ((editor, 200), (stranger, 403), ("nonsense", 401)):
            with Api(address, token=token) as api:
                assert api.request("GET", "/pipelines").status_code == status
