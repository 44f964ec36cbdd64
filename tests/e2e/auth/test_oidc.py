"""People of an identity provider, whose rights are the cluster's."""

import pytest
from tests.integration.api.issuer import Issuer, Key

KEY = Key("first")
NEW = {"target_table": "analytics.t", "source_query": "SELECT 1 AS id", "key_columns": ["id"]}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    made = Issuer(tmp_path_factory.mktemp("issuer"))
    made.publish(KEY)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def server(place, issuer):
    """Takes the issuer's tokens, with names that no other account of the cluster has."""
    place.kubectl.run("create", "rolebinding", "people-edit", "--clusterrole=headrace-edit", "--group=people:editors")
    place.kubectl.run("create", "rolebinding", "joe-view", "--clusterrole=headrace-view", "--user=people:joe")
    settings = {
        "ALLOWED_TARGET_TABLES": "analytics.*",
        "HEADRACE_AUTH_MODE": "oidc",
        "LOG_LEVEL": "ERROR",  # Audit lines come all the same.
        "HEADRACE_OIDC_ISSUER": issuer.url,
        "HEADRACE_OIDC_AUDIENCE": "headrace",
        "HEADRACE_OIDC_USERNAME_PREFIX": "people:",
        "HEADRACE_OIDC_GROUPS_PREFIX": "people:",
    }
    with place.process(**settings) as server:
        yield server


def test_groups_of_the_provider_are_groups_of_the_cluster(server, issuer):
    jane = server.api(issuer.token(KEY, groups=["editors"]))
    made = jane.create(name="by jane", **NEW)
    (line,) = [line for line in server.lines("audit") if line["status"] == 201]
    assert (line["user"], line["groups"], line["verb"], line["resource"]) == (
        "people:jane",
        2,
        "create",
        "etlpipelines",
    )
    joe = server.api(issuer.token(KEY, sub="joe"))
    assert joe.pipeline(made["id"])["name"] == "by jane"
    refused = joe.request("DELETE", f"/pipelines/{made['id']}")
    assert refused.status_code == 403
    assert refused.json()["detail"] == "people:joe may not delete etlpipelines.headrace.dev in namespace headrace"


@pytest.mark.parametrize("groups", [[], ["others"], ["system:masters"]])
def test_without_a_binding_there_are_no_rights_whatever_the_provider_says(server, issuer, groups):
    stranger = server.api(issuer.token(KEY, sub="stranger", groups=groups))
    assert stranger.request("GET", "/pipelines").status_code == 403


def test_kubernetes_own_groups_are_not_the_providers_to_give(place, issuer):
    with place.serve(auth_mode="oidc", oidc_issuer=issuer.url, oidc_audience="headrace") as server:
        master = server.api(issuer.token(KEY, groups=["system:masters"]))
        assert master.request("GET", "/pipelines").status_code == 403
        admin = server.api(issuer.token(KEY, sub="system:admin"))
        assert admin.request("GET", "/pipelines").status_code == 401


def test_a_clusters_own_token_is_not_the_providers(server, place):
    answer = server.api(place.token_of("admin")).request("GET", "/pipelines")
    assert answer.status_code == 401
