"""EtlProjects and the pipelines in them, and the projects that callers see."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError
from typing import Any

from headrace.cluster import Manifest
from headrace.lifecycle.readings import created_at, read_pipeline
from headrace.lifecycle.tasks import DEFAULT_NODES, nodes_of
from headrace.model.project import ProjectSpec
from headrace_api import times
from headrace_api.translate.changes import updated_at
from headrace_api.translate.specification import Specification

_SPECIFICATION = Specification(ProjectSpec)
_FIGURES = ("total_runs", "success_rate", "average_run_seconds")
SORTABLE = ("id", "name", "description", "owner", "created_at", "updated_at")
"""The fields that the list may be sorted by."""


def show_project(project: Manifest) -> dict[str, Any]:
    """The project as callers see it, but for its pipelines."""
    return {
        "id": project["metadata"]["uid"],
        **_SPECIFICATION.shown(project),
        "created_at": times.show(created_at(project)),
        "updated_at": times.show(updated_at(project)),
    }


def show_members(members: Iterable[Manifest]) -> list[dict[str, Any]]:
    """The pipelines of a project, by name."""
    shown = [{"id": p["metadata"]["uid"], "name": p["spec"]["name"], "nodes": task_names(p)} for p in members]
    return sorted(shown, key=lambda member: (member["name"], member["id"]))


def task_names(pipeline: Manifest) -> list[str]:
    """The names of a pipeline's tasks; kubectl may have let in what has no order."""
    nodes = pipeline["spec"].get("nodes") or []
    spec = read_pipeline(pipeline).spec if nodes else None
    try:
        return [name for name, _ in (nodes_of(spec) if spec else DEFAULT_NODES)]
    except (CycleError, KeyError):
        return [str(node.get("id")) for node in nodes]


def show_statistics(pipelines: int, figures: Mapping[str, Any]) -> dict[str, Any]:
    """How the runs of so many pipelines went."""
    return {"total_pipelines": pipelines, **{name: figures[name] for name in _FIGURES}}


def new_spec(fields: Mapping[str, Any]) -> ProjectSpec:
    """The specification that these fields ask for; RequestValidationError for those that break a field's rule."""
    return _SPECIFICATION.parse(fields)


def changed_spec(project: Manifest, sent: Mapping[str, Any]) -> ProjectSpec:
    """The specification after the fields that were sent have changed."""
    return _SPECIFICATION.parse({**_SPECIFICATION.fields(project), **sent})
