"""Whatever the OpenAPI schema allows, and what it does not: no 5xx, and every answer as documented."""

import itertools

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
]
_turn = itertools.count()


@pytest.fixture(scope="session")
def schema(world):
    """As the running API gives it."""
    return schemathesis.openapi.from_url(world.api.base.removesuffix("/api/v1") + "/openapi.json")


@pytest.fixture(scope="session")
def existing(world):
    """A pipeline with a run, so that half of the calls find something."""
    made = world.pipeline(rows=3)
    run = world.done(made, world.api.run(made["id"])["run_id"])
    return {"pipeline_id": made["id"], "run_id": run["id"]}


documented = schemathesis.pytest.from_fixture("schema")


@pytest.mark.slow
@documented.parametrize()
@settings(
    max_examples=20, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_every_answer_is_as_documented(case, existing):
    deletes = case.method == "DELETE"
    if case.path_parameters and not deletes and next(_turn) % 2:
        case.path_parameters.update({name: existing[name] for name in case.path_parameters if name in existing})
    case.call_and_validate(checks=CHECKS, timeout=30)
