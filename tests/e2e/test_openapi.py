"""Whatever the OpenAPI schema allows, and what it does not: no 5xx, and every answer as documented."""

import uuid

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis import checks as basic
from schemathesis.specs.openapi import checks as documented
from tests.e2e.replication.connections import Connections
from tests.fire import IS_ALL

CHECKS = [
    basic.not_a_server_error,
    documented.status_code_conformance,
    documented.content_type_conformance,
    documented.response_schema_conformance,
    documented.response_headers_conformance,
]
# A few of each: the same calls each time, so that a failure is found again.
FEW = settings(
    max_examples=20 if IS_ALL else 6, deadline=None, derandomize=True, database=None,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip


ENDS = ("/sources", "/destinations")


@pytest.fixture
def operations(world):
    """All calls of the schema, as the running API gives it."""
    schema = schemathesis.openapi.from_url(world.api.base.removesuffix("/api/v1") + "/openapi.json")
    return [found.ok() for found in schema.get_all_operations()]


@pytest.fixture
def existing(world):
    """A pipeline with a run, a source and a destination, so that calls find something."""
    made = world.pipeline(rows=3)
    run = world.done(made, world.api.run(made["id"])["run_id"])
    connections = Connections(world)
    login = connections.role()
    body = {"type": "postgres", **connections.address, "username": login.name, "password": login.password}
    ends = {
        f"{path.removesuffix('s')}_id": world.api.call("POST", f"/{path}", {**body, "name": uuid.uuid4().hex, **where})
        for path, where in (("sources", {"database": "source"}), ("destinations", {"database": "target"}))
    }
    return {"pipeline_id": made["id"], "run_id": run["id"], **{field: one["id"] for field, one in ends.items()}}


@pytest.fixture(autouse=True)
def without_a_trace(world):
    """What the schema made up leads nowhere, and would be tried again for as long as the cluster lives."""
    before = {path: {one["id"] for one in world.api.call("GET", path)} for path in ENDS}
    yield
    for path in ENDS:
        for one in world.api.call("GET", path):
            if one["id"] not in before[path]:
                world.api.request("DELETE", f"{path}/{one['id']}")


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
