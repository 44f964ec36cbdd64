"""EtlPipelines: camelCase manifests with runs beside them, and the pipelines that callers see."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.cluster.patches import merge_patch
from headrace.errors import InvalidError, RefusedError
from headrace.lifecycle.readings import created_at
from headrace.lifecycle.validity import check_pipeline
from headrace.lifecycle.views import phase_of, run_view
from headrace.model.pipeline import PipelineSpec
from headrace_api import times
from headrace_api.translate.specification import Specification

_EITHER = ("source_query", "source_table")
_KNOWN_AS = {"project": "project_id", "source": "source_id", "destination": "destination_id", "suspend": None}
_SPECIFICATION = Specification(PipelineSpec, known_as=_KNOWN_AS)


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The ids of what a pipeline names; None: it names none, or there is none of that name."""

    project_id: str | None = None
    source_id: str | None = None
    destination_id: str | None = None


_NONE = References()


def show_pipeline(pipeline: Manifest, runs: Sequence[Manifest], references: References = _NONE) -> dict[str, Any]:
    """The pipeline as callers see it. Shows also what breaks a rule: kubectl may have let it in."""
    return {
        "id": pipeline["metadata"]["uid"],
        **_SPECIFICATION.shown(pipeline),
        **asdict(references),
        "status": phase_of(pipeline, runs).value,
        "created_at": times.show(created_at(pipeline)),
        "updated_at": times.show(updated_at(pipeline)),
    }


def spec_of(fields: Mapping[str, Any], *, suspend: bool = False) -> PipelineSpec:
    """The specification that these fields ask for; RequestValidationError for those that break a field's rule."""
    return _SPECIFICATION.parse({**fields, "suspend": suspend})


def changed_fields(pipeline: Manifest, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration after a PATCH with `sent`, both by the names of the specification; null: the default."""
    fields = {**_SPECIFICATION.fields(pipeline), **_switched(sent), **sent}
    return {name: value for name, value in fields.items() if value is not None}


def _switched(sent: Mapping[str, Any]) -> dict[str, Any]:
    """A query takes the place of a table, and the other way round."""
    return dict.fromkeys(_EITHER) if any(sent.get(name) is not None for name in _EITHER) else {}


def refusal(spec: PipelineSpec, allowed: tuple[str, ...]) -> RefusedError | None:
    """The rule of the installation that forbids the specification; raises InvalidError when its shape is wrong."""
    try:
        check_pipeline(spec, allowed)
    except RefusedError as error:
        return error
    except InvalidError:
        raise
    return None


def spec_patch(pipeline: Manifest, spec: PipelineSpec) -> dict[str, Any]:
    """The JSON merge patch that leads from the resource's specification to `spec`; empty when nothing changes."""
    return merge_patch(pipeline.get("spec", {}), spec.manifest())


def updated_at(pipeline: Manifest) -> datetime:
    """When the configuration last changed, as the API or the operator saw it."""
    annotations = pipeline["metadata"].get("annotations") or {}
    status = pipeline.get("status") or {}
    seen = times.latest(annotations.get(names.UPDATED_AT_ANNOTATION), status.get("configurationChangedAt"))
    return max(seen, created_at(pipeline)) if seen else created_at(pipeline)


def changed_at(pipeline: Manifest, runs: Sequence[Manifest]) -> datetime:
    """When the state last changed: the latest transition of the pipeline's runs or of its pause."""
    annotations = pipeline["metadata"].get("annotations") or {}
    status = pipeline.get("status") or {}
    seen = times.latest(
        annotations.get(names.STATE_CHANGED_AT_ANNOTATION),
        status.get("suspendChangedAt"),
        (status.get("lastRun") or {}).get("lastTransitionTime"),
    )
    moments = [created_at(pipeline), *([seen] if seen else [])]
    for run in runs:
        view = run_view(run)
        if view.writes and not view.waits_for_start:  # No other run changes the pipeline's state.
            moved = times.parse((run.get("status") or {}).get("lastTransitionTime"))
            moments += [created_at(run), *([moved] if moved else [])]
    return max(moments)
