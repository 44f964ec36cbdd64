"""Making, changing and deleting pipelines: what is checked, in which order, and what holds when others do so too."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from headrace.lifecycle.state import BUSY
from headrace.lifecycle.views import phase_of
from headrace.logs import logger
from headrace.model.pipeline import PipelineSpec
from headrace_api import times
from headrace_api.auth.rights import PATCH, UPDATE
from headrace_api.manifests import new_manifest
from headrace_api.naming import Naming
from headrace_api.resources import Found, Resources
from headrace_api.translate.pipelines import changed_fields, refusal, spec_of, spec_patch

_ATTEMPTS = 8
_CHANGED_MEANWHILE = "Pipeline is being changed by somebody else; try again"
_log = logger(__name__)


class Editor:
    """Writes pipelines; `allowed` are the patterns of targets."""

    def __init__(self, resources: Resources, *, allowed: tuple[str, ...], installation: str) -> None:
        self._resources = resources
        self._naming = Naming(resources.pipelines, _name_exists)
        self._allowed = allowed
        self._installation = installation

    async def create(self, fields: Mapping[str, Any]) -> Found:
        """Makes a pipeline; RefusedError when its name is taken."""
        spec = spec_of(await self._with_project(fields))
        refused = refusal(spec, self._allowed)
        if refused:
            raise refused
        created = await self._naming.create(
            spec.name, lambda name: new_manifest(names.PIPELINE_KIND, name, spec.manifest(), self._installation)
        )
        return Found(created, [], self._resources.project_of)

    async def patch(self, pipeline_id: str, sent: Mapping[str, Any]) -> Found:
        """Changes the fields that were sent."""
        if not sent:
            return await self._resources.find(pipeline_id)
        return await self._change(pipeline_id, sent, PATCH)

    async def replace(self, pipeline_id: str, fields: Mapping[str, Any]) -> Found:
        """Replaces the configuration; a pause stays."""
        return await self._change(pipeline_id, fields, UPDATE)

    async def delete(self, pipeline_id: str) -> None:
        """Deletes, with its schedules; ConflictError while a run is at work."""
        for _ in range(_ATTEMPTS):
            found = await self._resources.find(pipeline_id)
            if found.phase in BUSY:
                raise ConflictError(f"Cannot delete pipeline while it is {found.phase.value}")
            try:
                await self._resources.pipelines.delete(found.pipeline)
            except ConflictError:
                continue  # It has moved on, perhaps to RUNNING.
            return await self._delete_schedules(found)
        raise ConflictError(_CHANGED_MEANWHILE)

    async def _delete_schedules(self, found: Found) -> None:
        """At once: Kubernetes removes what the pipeline owned only after a while, but it does in any case."""
        try:
            for schedule in await self._resources.schedules_of(found.pipeline):
                with suppress(NotFoundError):
                    await self._resources.schedules.take_back(schedule)
        except UnavailableError as error:
            _log.warning("the pipeline's schedules are left to Kubernetes", pipeline=found.id, reason=error.message)

    async def _change(self, pipeline_id: str, sent: Mapping[str, Any], verb: str) -> Found:
        for _ in range(_ATTEMPTS):
            found = await self._resources.find(pipeline_id)
            fields = await self._with_project(sent)
            if verb == PATCH:
                fields = changed_fields(found.pipeline, fields)
            spec = spec_of(fields, suspend=bool(found.pipeline["spec"].get("suspend")))
            self._check(spec, found)
            patch = spec_patch(found.pipeline, spec)
            if not patch:
                return found
            try:
                written = await self._naming.patch(
                    found.pipeline, {"spec": patch, "metadata": _stamps(found, spec)}, verb=verb
                )
            except ConflictError:
                continue  # Somebody else wrote: the state may forbid the change now.
            return found.with_pipeline(written)
        raise ConflictError(_CHANGED_MEANWHILE)

    async def _with_project(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The fields with the project's `metadata.name` instead of its id; InvalidError when it does not exist."""
        fields = dict(sent)
        if "project_id" in fields:
            project_id = fields.pop("project_id")
            project = None if project_id is None else await self._resources.find_project(project_id)
            fields["project"] = None if project is None else project["metadata"]["name"]
        return fields

    def _check(self, spec: PipelineSpec, found: Found) -> None:
        """The shape first, then the state, then the installation's rules."""
        refused = refusal(spec, self._allowed)
        if found.phase in BUSY:
            raise ConflictError(f"Cannot update pipeline while it is {found.phase.value}")
        if refused:
            raise refused


def _stamps(found: Found, spec: PipelineSpec) -> Manifest:
    """The times that a change of the configuration leaves on the resource."""
    moment = times.now()
    stamps = {names.UPDATED_AT_ANNOTATION: moment}
    if phase_of({**found.pipeline, "spec": spec.manifest()}, found.runs) != found.phase:
        stamps[names.STATE_CHANGED_AT_ANNOTATION] = moment
    return {"annotations": stamps}


def _name_exists() -> RefusedError:
    return RefusedError("Pipeline with this name already exists", field="name")
