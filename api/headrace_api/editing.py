"""Making, changing and deleting pipelines: what is checked, in which order, and what holds when others do so too."""

from collections.abc import Callable, Mapping
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import ConflictError, RefusedError
from headrace.lifecycle.state import BUSY
from headrace.lifecycle.views import phase_of
from headrace.model.pipeline import PipelineSpec
from headrace_api import times
from headrace_api.auth.rights import PATCH, UPDATE
from headrace_api.resources import Found, Resources
from headrace_api.translate.pipelines import changed_fields, refusal, spec_of, spec_patch

_ATTEMPTS = 8
_NAMESAKES = 50
_CHANGED_MEANWHILE = "Pipeline is being changed by somebody else; try again"


class Editor:
    """Writes pipelines; `allowed` are the patterns of targets."""

    def __init__(self, resources: Resources, *, allowed: tuple[str, ...], installation: str) -> None:
        self._resources = resources
        self._allowed = allowed
        self._installation = installation

    async def create(self, fields: Mapping[str, Any]) -> Found:
        """Makes a pipeline; RefusedError when its name is taken."""
        spec = spec_of(fields)
        refused = refusal(spec, self._allowed)
        if refused:
            raise refused
        if await self._resources.is_taken(spec.name):
            raise _name_exists()
        created = await self._create(spec)
        if await self._resources.is_taken(spec.name, by_other_than=created["metadata"]["uid"]):
            # A rename took the name between the check and the creation.
            await self._resources.take_back(created)
            raise _name_exists()
        return Found(created, [])

    async def patch(self, pipeline_id: str, sent: Mapping[str, Any]) -> Found:
        """Changes the fields that were sent."""
        if not sent:
            return await self._resources.find(pipeline_id)
        return await self._change(pipeline_id, lambda pipeline: changed_fields(pipeline, sent), PATCH)

    async def replace(self, pipeline_id: str, fields: Mapping[str, Any]) -> Found:
        """Replaces the configuration; a pause stays."""
        return await self._change(pipeline_id, lambda _: fields, UPDATE)

    async def delete(self, pipeline_id: str) -> None:
        """Deletes; ConflictError while a run is at work."""
        for _ in range(_ATTEMPTS):
            found = await self._resources.find(pipeline_id)
            if found.phase in BUSY:
                raise ConflictError(f"Cannot delete pipeline while it is {found.phase.value}")
            try:
                return await self._resources.delete_pipeline(found.pipeline)
            except ConflictError:
                continue  # It has moved on, perhaps to RUNNING.
        raise ConflictError(_CHANGED_MEANWHILE)

    async def _create(self, spec: PipelineSpec) -> Manifest:
        base = names.resource_name(spec.name)
        for number in range(1, _NAMESAKES):
            name = base if number == 1 else f"{base}-{number}"
            try:
                return await self._resources.create_pipeline(self._manifest(name, spec))
            except ConflictError:
                holder = await self._resources.pipeline_named(name)
                if holder is not None and holder["spec"]["name"] == spec.name:
                    raise _name_exists() from None
                # One that was renamed since holds it.
        raise ConflictError(_CHANGED_MEANWHILE)

    async def _change(self, pipeline_id: str, fields: Callable[[Manifest], Mapping[str, Any]], verb: str) -> Found:
        for _ in range(_ATTEMPTS):
            found = await self._resources.find(pipeline_id)
            suspend = bool(found.pipeline["spec"].get("suspend"))
            spec = spec_of(fields(found.pipeline), suspend=suspend)
            self._check(spec, found)
            patch = spec_patch(found.pipeline, spec)
            if not patch:
                return found
            if "name" in patch and await self._resources.is_taken(spec.name, by_other_than=found.id):
                raise _name_exists()
            try:
                written = await self._resources.patch_pipeline(
                    found.pipeline, {"spec": patch, "metadata": _stamps(found, spec)}, unchanged=True, verb=verb
                )
            except ConflictError:
                continue  # Somebody else wrote: the state may forbid the change now.
            if "name" in patch:
                await self._keep_unique(found.pipeline, written, verb)
            return found.with_pipeline(written)
        raise ConflictError(_CHANGED_MEANWHILE)

    def _check(self, spec: PipelineSpec, found: Found) -> None:
        """The shape first, then the state, then the installation's rules."""
        refused = refusal(spec, self._allowed)
        if found.phase in BUSY:
            raise ConflictError(f"Cannot update pipeline while it is {found.phase.value}")
        if refused:
            raise refused

    async def _keep_unique(self, before: Manifest, written: Manifest, verb: str) -> None:
        """Takes a rename back when somebody else took the name between the check and the write."""
        uid, name = written["metadata"]["uid"], written["spec"]["name"]
        if not await self._resources.is_taken(name, by_other_than=uid):
            return
        restored = spec_patch(written, PipelineSpec.model_validate(before["spec"]))
        old = before["metadata"].get("annotations") or {}
        stamps = {key: old.get(key) for key in (names.UPDATED_AT_ANNOTATION, names.STATE_CHANGED_AT_ANNOTATION)}
        await self._resources.patch_pipeline(
            written, {"spec": restored, "metadata": {"annotations": stamps}}, unchanged=False, verb=verb
        )
        raise _name_exists()

    def _manifest(self, name: str, spec: PipelineSpec) -> Manifest:
        moment = times.now()
        return {
            "apiVersion": names.API_VERSION,
            "kind": names.PIPELINE_KIND,
            "metadata": {
                "name": name,
                "labels": {names.MANAGED_BY_LABEL: names.MANAGED_BY, names.INSTALLATION_LABEL: self._installation},
                "annotations": {names.CREATED_AT_ANNOTATION: moment, names.UPDATED_AT_ANNOTATION: moment},
            },
            "spec": spec.manifest(),
        }


def _stamps(found: Found, spec: PipelineSpec) -> Manifest:
    """The times that a change of the configuration leaves on the resource."""
    moment = times.now()
    stamps = {names.UPDATED_AT_ANNOTATION: moment}
    if phase_of({**found.pipeline, "spec": spec.manifest()}, found.runs) != found.phase:
        stamps[names.STATE_CHANGED_AT_ANNOTATION] = moment
    return {"annotations": stamps}


def _name_exists() -> RefusedError:
    return RefusedError("Pipeline with this name already exists", field="name")
