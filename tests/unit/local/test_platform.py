"""Operator and API of the local cluster: what they are told."""

import dataclasses
import json

import pytest
import yaml
from tests.unit.local.test_rbac import CLUSTER

from headrace.target import is_allowed, patterns_of
from headrace_local.demo.story import EXAMPLES
from headrace_local.machine import platform

TARGETS = {
    *(
        pipeline["spec"]["targetTable"]
        for path in EXAMPLES.glob("*/pipeline.yaml")
        for pipeline in yaml.safe_load_all(path.read_text())
    ),
    *(json.loads(path.read_text())["target_table"] for path in EXAMPLES.glob("*/pipeline.json")),
}


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_example_may_write_its_target(target):
    for role in platform.roles(CLUSTER):
        assert is_allowed(target, patterns_of(role.environment["ALLOWED_TARGET_TABLES"]))


def test_whoever_starts_it_may_allow_others():
    own = {"ALLOWED_TARGET_TABLES": "shop.*"}
    made = platform.roles(dataclasses.replace(CLUSTER, settings=own))
    assert {role.environment["ALLOWED_TARGET_TABLES"] for role in made} == {"shop.*"}
