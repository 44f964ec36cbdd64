"""Whatever the OpenAPI schema allows, and what it does not: no 5xx, and every answer as documented."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis import checks as basic
from schemathesis.specs.openapi import checks as documented

CHECKS = [
    basic.not_a_server_error,
    documented.status_code_conformance,
    documented.content_type_conformance,
    documented.response_schema_conformance,
    documented.response_headers_conformance,
]
# A few of each: the same calls each time, so that a failure is found again.
FEW = settings(
    max_examples=20, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def operations(world):
    """All calls of the schema, as the running API gives it."""
    schema = schemathesis.openapi.from_url(world.api.base.removesuffix("/api/v1") + "/openapi.json")
    return [found.ok() for found in schema.get_all_operations()]


@pytest.fixture
def existing(world):
    """A pipeline with a run, so that calls find something."""
    made = world.pipeline(rows=3)
    run = world.done(made, world.api.run(made["id"])["run_id"])
    return {"pipeline_id": made["id"], "run_id": run["id"]}


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not allowed"])
def test_every_answer_is_as_documented(world, operations, existing, mode, subtests):
    assert len(operations) >= 14
    shown = {"Authorization": f"Bearer {world.token}"}
    asked = 0
    for operation in operations:
        for known in (existing, None):
            if known is None or (operation.path_parameters and operation.method != "delete"):
                with subtests.test(f"{operation.label}{' of something that is there' if known else ''}"):
                    asked += ask(operation, mode, known, shown)
    assert asked >= 8


def ask(operation, mode, known, headers):
    """Makes some calls; returns whether there were any: to some operations no call is wrong."""
    strategy = operation.as_strategy(generation_mode=mode)

    @FEW
    @given(case=strategy)
    def check(case):
        if known is not None:
            case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
        case.call_and_validate(checks=CHECKS, timeout=30, headers=headers)

    try:
        check()
    except Unsatisfiable:
        return False
    return True
