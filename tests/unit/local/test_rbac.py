"""The local cluster gives what the one source says, and for authentication no more than its mode needs."""

import dataclasses
from pathlib import Path

import pytest

from headrace_local.machine import rbac
from headrace_local.machine.cluster import Cluster, Node, Passwords, Ports

CLUSTER = Cluster(
    name="My.one",
    folder=Path("/nowhere"),
    binary=Path("/nowhere/cluster"),
    ports=Ports(etcd=1, etcd_peer=2, apiserver=3, postgres=4, apis=(5,), operators=(6,)),
    nodes=(Node(name="localhost", port=7, pod_network="127.1.0.0/16"),),
    passwords=Passwords(),
)


@pytest.mark.parametrize(
    ("settings", "bound"),
    [
        ({}, set()),
        ({"HEADRACE_AUTH_MODE": "kubernetes"}, {"headrace-api-reviews", "headrace-api-cluster"}),
        ({"HEADRACE_AUTH_MODE": "kubernetes", "HEADRACE_AUTH_REVIEW": "self"}, {"headrace-api-reviews"}),
        ({"HEADRACE_AUTH_MODE": "oidc"}, {"headrace-api-reviews"}),
    ],
)
def test_what_authentication_needs_is_given_only_with_it(settings, bound):
    made = rbac.manifests(dataclasses.replace(CLUSTER, settings=settings))
    names = {one["metadata"]["name"] for one in made if one["kind"].endswith("Binding")}
    assert names == {"headrace-operator", "headrace-api"} | bound
    everywhere = {one["metadata"]["name"] for one in made if one["kind"] == "ClusterRoleBinding"}
    assert everywhere == bound & {"headrace-api-cluster"}


def test_the_rules_are_those_of_the_file_without_their_reasons():
    own = {"why", "resourceNames"}
    for rule, given in zip(rbac.rules()["operator"], rbac.granted("operator", CLUSTER), strict=True):
        assert {key: rule[key] for key in rule.keys() - own} == {key: given[key] for key in given.keys() - own}
        assert given.keys() == rule.keys() - {"why"}


def test_the_one_lease_is_named_as_the_operator_names_it():
    named = [rule["resourceNames"] for rule in rbac.granted("operator", CLUSTER) if "resourceNames" in rule]
    assert named == [["headrace-my-one"]]
