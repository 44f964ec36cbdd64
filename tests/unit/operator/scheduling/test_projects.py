"""What a project's status says."""

from datetime import UTC, datetime

import pytest
from tests.unit.operator.scheduling.server import Server

from headrace import names
from headrace_operator.index import Index
from headrace_operator.scheduling.projects import Projects, project_status
from headrace_operator.writes.keeping import Keeper

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def project(**spec):
    return {"metadata": {"name": "sales", "generation": 3}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "older", "ready"),
    [
        ({"name": "Sales"}, None, ("True", "Valid")),
        ({"name": "Sales"}, "first", ("False", "DuplicateName")),
        ({"name": " Sales"}, None, ("False", "InvalidSpec")),
    ],
)
def test_a_project_is_ready_when_its_name_is_its_own(spec, older, ready):
    status = project_status(project(**spec), pipelines=2, older=older, now=NOW)
    assert [(c.type, c.status, c.reason) for c in status.conditions] == [("Ready", *ready)]
    assert (status.pipelines, status.observed_generation) == (2, 3)


async def test_a_look_writes_what_is_so_and_then_no_more():
    server, index = Server(), Index()
    for name in ("one", "two"):
        server.put(names.PIPELINE_PLURAL, name, name=name, project="sales")
    server.put(names.PROJECT_PLURAL, "sales", name="Sales")
    server.tell(index)
    projects = Projects(Keeper(server, index), index, clock=lambda: NOW)  # type: ignore[arg-type]
    assert not projects.is_settled(server.there[names.PROJECT_PLURAL, "sales"])
    for _ in range(2):
        await projects.look("sales")
    assert server.calls == ["get etlprojects", "status etlprojects", "get etlprojects"]
    assert projects.is_settled(server.there[names.PROJECT_PLURAL, "sales"])
    index.remove(names.PIPELINE_PLURAL, "uid-one")
    assert not projects.is_settled(server.there[names.PROJECT_PLURAL, "sales"])
