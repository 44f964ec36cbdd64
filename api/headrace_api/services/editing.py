"""Making, changing and deleting pipelines: what is checked, in which order, and what holds when others do so too."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import ConflictError, InvalidError, NotFoundError, RefusedError, UnavailableError
from headrace.lifecycle.ends import check_ends
from headrace.lifecycle.state import BUSY
from headrace.lifecycle.views import phase_of
from headrace.logs import logger
from headrace.model.pipeline import PipelineSpec
from headrace_api import times
from headrace_api.auth.rights import PATCH, UPDATE
from headrace_api.found import Found
from headrace_api.manifests import new_manifest
from headrace_api.naming import Naming
from headrace_api.resources import Resources
from headrace_api.translate.pipelines import changed_fields, refusal, spec_of, spec_patch

_ATTEMPTS = 8
_ENDS = frozenset({"source", "destination", "sourceTable", "targetTable"})
"""Of a specification: what decides whether a pipeline and its source and destination fit."""
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
        spec = spec_of(await self._with_names(fields))
        refused = refusal(spec, self._allowed)
        if refused:
            raise refused
        await self._check_ends(spec)
        created = await self._naming.create(
            spec.name, lambda name: new_manifest(names.PIPELINE_KIND, name, spec.manifest(), self._installation)
        )
        return Found(created, [], self._resources.references)

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
            fields = await self._with_names(sent)
            if verb == PATCH:
                fields = changed_fields(found.pipeline, fields)
            else:
                await self._check_missing(found.pipeline, fields)
            spec = spec_of(fields, suspend=bool(found.pipeline["spec"].get("suspend")))
            patch = spec_patch(found.pipeline, spec)
            await self._check(spec, found, patch)
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

    async def _with_names(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The fields with a `metadata.name` instead of each id; InvalidError for one of what does not exist."""
        find = {
            "project": self._resources.find_project,
            "source": self._resources.find_source,
            "destination": self._resources.find_destination,
        }
        fields = {name: value for name, value in sent.items() if name.removesuffix("_id") not in find}
        for name in find:
            if f"{name}_id" in sent:
                id_ = sent[f"{name}_id"]
                fields[name] = None if id_ is None else (await find[name](id_))["metadata"]["name"]
        return fields

    async def _check_missing(self, pipeline: Manifest, fields: Mapping[str, Any]) -> None:
        """Raises InvalidError where null would lead to the default, and was shown for a name that there is not.

        Whoever sends back what was read would move the pipeline without knowing.
        """
        for end, kind in (("source", self._resources.sources), ("destination", self._resources.destinations)):
            name = pipeline["spec"].get(end)
            if name and fields.get(end) is None and await kind.named(name) is None:
                raise InvalidError(f"{end} '{name}' is missing: name one", field=f"{end}_id")

    async def _check_ends(self, spec: PipelineSpec) -> None:
        await self._resources.freshen_references()
        check_ends(spec, *self._resources.ends_of(spec))

    async def _check(self, spec: PipelineSpec, found: Found, patch: Mapping[str, Any]) -> None:
        """The shape first, then the state, then the installation's rules.

        Ends that do not fit any more, for somebody changed them, do not hinder a change of anything else.
        """
        refused = refusal(spec, self._allowed)
        if refused is None and _ENDS & patch.keys():
            await self._check_ends(spec)
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
