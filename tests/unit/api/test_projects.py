"""Projects as callers see them, and their names, which only one may have."""

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from headrace_api.bodies.project import Project, ProjectPatch
from headrace_api.translate import projects

UID = "7d0f6f0e-51c3-4b0e-9a53-2a1f6a1c9e11"
CREATED = "2026-03-01T12:00:00Z"


def project(**spec):
    metadata = {"name": "film-1", "uid": UID, "creationTimestamp": CREATED}
    return {"metadata": metadata, "spec": {"name": "Film", **spec}}


def pipeline(name, **spec):
    base = {"name": name, "targetTable": "a.b", "sourceQuery": "SELECT 1", "project": "film-1"}
    return {"metadata": {"name": name, "uid": f"uid-{name}", "creationTimestamp": CREATED}, "spec": {**base, **spec}}


def nodes(*ids):
    return [{"id": name, "type": "transform"} for name in ids]


def test_a_project_is_shown_with_its_pipelines_by_name():
    shown = {**projects.show_project(project(owner="me")), "pipelines": projects.show_members(map(pipeline, "ba"))}
    assert Project.model_validate(shown).model_dump(mode="json") == shown
    assert (shown["owner"], shown["description"]) == ("me", None)
    assert [member["name"] for member in shown["pipelines"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("spec", "tasks"),
    [
        ({}, ["extract", "transform", "load"]),
        ({"nodes": [], "edges": []}, ["extract", "transform", "load"]),
        ({"nodes": nodes("x", "y")}, ["x", "y"]),
        ({"nodes": nodes("x", "y"), "edges": [{"from": "y", "to": "x"}]}, ["y", "x"]),
        # What no check has seen: kubectl let it in.
        ({"nodes": nodes("x", "y"), "edges": [{"from": "y", "to": "x"}, {"from": "x", "to": "y"}]}, ["x", "y"]),
        ({"nodes": nodes("x"), "edges": [{"from": "z", "to": "x"}]}, ["x"]),
    ],
)
def test_a_pipelines_nodes_are_the_names_of_its_tasks_in_their_order(spec, tasks):
    assert projects.task_names(pipeline("p", **spec)) == tasks


def test_the_fields_that_are_sent_change_and_null_empties_one():
    changed = projects.changed_spec(project(owner="me", description="old"), {"owner": None, "name": "New"})
    assert changed.manifest() == {"name": "New", "description": "old"}
    assert projects.changed_spec(project(owner="me"), {}).manifest() == {"name": "Film", "owner": "me"}


def test_a_project_always_has_a_name():
    with pytest.raises(ValidationError):
        ProjectPatch.model_validate({"name": None})


def test_a_rule_of_a_field_is_told_by_the_fields_name():
    with pytest.raises(RequestValidationError) as caught:
        projects.changed_spec(project(), {"owner": "x\x9f"})
    (error,) = caught.value.errors()
    assert error["loc"] == ("body", "owner")
