"""EtlRuns of kind Preview, and what callers ask for and see of them; pure."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace import names
from headrace.cluster import Manifest
from headrace.errors import RefusedError
from headrace.lifecycle.readings import created_at
from headrace.lifecycle.validity import check_params
from headrace.lifecycle.views import run_view
from headrace.manifests import labels, owner
from headrace.model.pipeline import PipelineSpec
from headrace.model.preview import PreviewSpec
from headrace.model.run import RunSpec
from headrace.runspec import RunKind
from headrace_api import times
from headrace_api.translate.pipelines import refusal, spec_of
from headrace_api.translate.specification import Specification

_NO_TARGET = "preview.rows"
"""Stands where a pipeline needs a target and a preview none."""
_DEFAULTS: Mapping[str, Any] = {
    "columns": [],
    "rows": [],
    "truncated": False,
    "key_columns": [],
    "target": None,
    "note": None,
}
_TARGET: Mapping[str, Any] = {"kind": "postgres", "exists": False, "ddl": None, "mapping": None}
_TAKEN = ("source_query", "source_table", "key_columns", "incremental_key")
_RUN = Specification(RunSpec)


def pipeline_like(asked: Mapping[str, Any]) -> PipelineSpec:
    """The pipeline that such a preview is of, so that the same rules hold; RequestValidationError."""
    taken = {name: asked.get(name) for name in _TAKEN}
    target = _NO_TARGET if asked.get("target_table") is None else asked["target_table"]
    # Nothing is deleted, so that a query may have parameters.
    return spec_of({**taken, "name": "preview", "prune": False, "target_table": target})


def check_asked(spec: PipelineSpec, asked: Mapping[str, Any], allowed: tuple[str, ...]) -> RefusedError | None:
    """The rule that forbids the target; InvalidError, RequestValidationError: what is asked for has the wrong shape."""
    refused = refusal(spec, allowed)
    check_params(spec.source_query or "", asked.get("params") or {})
    _RUN.parse({"kind": RunKind.PREVIEW, "preview": PreviewSpec(), "params": asked.get("params")})
    return None if asked.get("target_table") is None else refused


def rows_preview(asked: Mapping[str, Any], *, source: str, destination: str | None) -> PreviewSpec:
    """What the resource asks for; source and destination by `metadata.name`."""
    taken = {name: asked.get(name) for name in (*_TAKEN, "target_table")}
    return PreviewSpec(**taken, source=source, destination=destination, rows=asked["limit"])


def preview_manifest(
    source: Manifest, preview: PreviewSpec, installation: str, params: Mapping[str, Any] | None = None
) -> Manifest:
    """An EtlRun that the source owns, and that is of no pipeline."""
    own, spec = source["metadata"], {"kind": RunKind.PREVIEW.value, "preview": preview.manifest()}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RUN_KIND,
        "metadata": {
            "name": f"preview-{secrets.token_hex(8)}",
            "annotations": {names.CREATED_AT_ANNOTATION: times.now()},
            "labels": labels(installation),
            "ownerReferences": [owner(names.SOURCE_KIND, own["name"], own["uid"], controller=False)],
        },
        "spec": {**spec, "params": dict(params)} if params else spec,
    }


def is_shared(run: Manifest, source: str, since: datetime) -> bool:
    """Whether a preview at work is of the tables of this source, and was asked for late enough to be the answer."""
    spec = run["spec"]
    preview = spec.get("preview") or {}
    if spec.get("kind") != RunKind.PREVIEW or preview.get("source") != source or spec.get("cancel"):
        return False
    is_of_rows = preview.get("sourceQuery") is not None or preview.get("sourceTable") is not None
    return not is_of_rows and not run_view(run).is_final and created_at(run) >= since


def why_waiting(run: Manifest | None) -> str | None:
    """What the operator says of a preview that has not begun."""
    status = (run or {}).get("status") or {}
    if status.get("startedAt"):
        return None
    said = {condition["type"]: condition.get("message") for condition in status.get("conditions") or ()}
    return said.get("Running") or None


def show_rows(result: Mapping[str, Any]) -> dict[str, Any]:
    """The first rows, with all fields."""
    shown = {name: result.get(name, default) for name, default in _DEFAULTS.items()}
    target = shown["target"]
    return shown if target is None else {**shown, "target": {name: target.get(name, _TARGET[name]) for name in _TARGET}}
