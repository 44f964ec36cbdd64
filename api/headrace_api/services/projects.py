"""Making, changing and deleting projects, whose names are unique."""

from collections.abc import Mapping
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.cluster.patches import merge_patch
from headrace.errors import ConflictError
from headrace_api import times
from headrace_api.manifests import new_manifest
from headrace_api.naming import Naming
from headrace_api.resources import Resources
from headrace_api.translate.projects import changed_spec, new_spec

_ATTEMPTS = 8
_CHANGED_MEANWHILE = "Project is being changed by somebody else; try again"


class Projects:
    """Writes projects."""

    def __init__(self, resources: Resources, *, installation: str) -> None:
        self._resources = resources
        self._naming = Naming(resources.projects, _name_exists)
        self._installation = installation

    async def create(self, fields: Mapping[str, Any]) -> Manifest:
        """Makes a project; ConflictError when its name is taken."""
        spec = new_spec(fields)
        return await self._naming.create(
            spec.name, lambda name: new_manifest(names.PROJECT_KIND, name, spec.manifest(), self._installation)
        )

    async def change(self, project_id: str, sent: Mapping[str, Any]) -> Manifest:
        """Changes the fields that were sent; ConflictError when the name is taken."""
        for _ in range(_ATTEMPTS):
            project = await self._resources.projects.find(project_id)
            patch = merge_patch(project["spec"], changed_spec(project, sent).manifest()) if sent else {}
            if not patch:
                return project
            stamps = {"annotations": {names.UPDATED_AT_ANNOTATION: times.now()}}
            try:
                return await self._naming.patch(project, {"spec": patch, "metadata": stamps})
            except NameTakenError:
                raise
            except ConflictError:
                continue  # Somebody else wrote.
        raise ConflictError(_CHANGED_MEANWHILE)

    async def delete(self, project_id: str) -> None:
        """Deletes; ConflictError while there are pipelines in it."""
        for _ in range(_ATTEMPTS):
            project = await self._resources.projects.find(project_id)
            count = len(await self._resources.pipelines_in(project))
            if count:
                raise ConflictError(f"Cannot delete project while it has pipelines ({count})")
            try:
                return await self._resources.projects.delete(project)
            except ConflictError:
                continue  # The operator wrote its status.
        raise ConflictError(_CHANGED_MEANWHILE)


class NameTakenError(ConflictError):
    """Another project has the name."""


def _name_exists() -> NameTakenError:
    return NameTakenError("Project with this name already exists", field="name")
