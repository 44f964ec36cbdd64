"""What a run is to do: made once from pipeline and run, when it starts; a later edit does not touch it."""

import hashlib
import json
from typing import Any

from headrace import names
from headrace.errors import InvalidError, RefusedError
from headrace.lifecycle.endpoints import problem_of_ends
from headrace.lifecycle.observed import Limits, Observed, PipelineSeen, RunSeen
from headrace.lifecycle.problem import Problem
from headrace.lifecycle.tasks import nodes_of
from headrace.lifecycle.validity import (
    check_kind,
    check_params,
    check_pipeline,
    check_stream,
    is_stream,
    lookback_seconds,
    query_of,
)
from headrace.model.base import seconds
from headrace.model.conditions import Reason
from headrace.model.pipeline import PipelineSpec
from headrace.query.parameters import bind, parameter_names
from headrace.runspec import Mode, RunSpec
from headrace.target import check_target


def problem_of(observed: Observed) -> Problem | None:
    """Why the pipeline can't be run, in words; None when it can."""
    pipeline = observed.pipeline
    if pipeline is None:
        return Problem(Reason.PIPELINE_MISSING, "the pipeline does not exist")
    if pipeline.spec is None:
        return Problem(Reason.INVALID_SPEC, pipeline.problem)
    try:
        check_pipeline(pipeline.spec, observed.limits.allowed_targets)
    except InvalidError as error:
        return Problem(_reason(error), error.in_full)
    if observed.older_namesake is not None:
        older = observed.older_namesake
        text = f"the older pipeline {older} has the same spec.name; names are unique"
        return Problem(Reason.DUPLICATE_NAME, text)
    return problem_of_ends(pipeline.spec, observed.sources, observed.destinations)


def _reason(error: InvalidError) -> Reason:
    if "not supported yet" in error.message:
        return Reason.NOT_SUPPORTED
    if isinstance(error, RefusedError) and error.field == "target_table":
        return Reason.TARGET_NOT_ALLOWED
    return Reason.INVALID_QUERY if error.field == "source_query" else Reason.INVALID_SPEC


def run_spec(pipeline: PipelineSeen, run: RunSeen, limits: Limits) -> RunSpec:
    """What the runner reads.

    Raises InvalidError when a parameter is missing or the specification is broken, and ConflictError when the pipeline
    can't have a run of that kind.
    """
    spec = pipeline.spec
    if spec is None:
        raise InvalidError(pipeline.problem)
    target = check_target(spec.target_table, limits.allowed_targets)
    check_kind(spec, run.spec.kind)
    params = run.spec.params or {}
    check_params(query_of(spec), params)
    if run.spec.stream:
        check_stream(spec, run.spec.kind)
    return RunSpec(
        run_id=run.uid,
        installation=limits.installation,
        namespace=limits.namespace,
        pipeline_name=pipeline.name,
        pipeline_uid=pipeline.uid,
        kind=run.spec.kind,
        mode=_mode(spec, run),
        poll_seconds=float(seconds(spec.poll_interval)),
        tasks=nodes_of(spec),
        query=bind(query_of(spec), params),
        source="" if spec.source_name == names.DEFAULT_SOURCE else spec.source_name,
        source_table=spec.source_table,
        target_kind=target.kind,
        target_schema=target.schema,
        target_table=target.table,
        key_columns=tuple(spec.key_columns),
        version_column=spec.version_column,
        soft_delete_column=spec.soft_delete_column,
        max_bad_rows=spec.max_bad_rows,
        mapping=_mapping(spec),
        incremental_key=spec.incremental_key,
        batch_size=spec.batch_size,
        prune=spec.prune,
        allow_empty=spec.allow_empty,
        restart=run.spec.restart,
        lookback_seconds=lookback_seconds(spec),
        max_rows_per_second=spec.max_rows_per_second,
        snapshot_seconds=float(spec.snapshot_seconds),
        fingerprint=fingerprint(spec, params),
    )


def _mode(spec: PipelineSpec, run: RunSeen) -> Mode:
    """How it reads: but for its loads, a streaming pipeline is as an incremental one."""
    if is_stream(spec, run.spec.kind, run.spec.stream):
        return Mode.STREAMING
    return Mode.INCREMENTAL if spec.mode == Mode.STREAMING else spec.mode


def fingerprint(spec: PipelineSpec, params: dict[str, Any]) -> str:
    """Equal when a later run may continue a failed one: same source, query, key, target and parameters.

    And the same prune: a part that was written without it holds rows that the rest of the run would never see. And in
    an index the same versions, deletes and mapping: a document that is there already has them as they were.
    Parameters that the query does not use are none of it: each run of a schedule has another interval.
    """
    query = query_of(spec)
    wanted = parameter_names(query)
    params = {name: value for name, value in params.items() if name in wanted}
    parts = [query, spec.key_columns, spec.incremental_key, spec.target_table, params, spec.prune]
    of_index = [spec.version_column, spec.soft_delete_column, _mapping(spec)]
    # Only where there are any: a failed run of the version before is gone on with.
    parts += of_index if any(part is not None for part in of_index) else []
    parts += [{end: name} for end, name in _other_ends(spec).items()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _other_ends(spec: PipelineSpec) -> dict[str, str]:
    """Source and destination, where they are not the installation's."""
    usual = spec.model_copy(update={"source": None, "destination": None})
    ends = {"source": (spec.source_name, usual.source_name)}
    ends |= {"destination": (spec.destination_name, usual.destination_name)}
    return {end: name for end, (name, default) in ends.items() if name != default}


def _mapping(spec: PipelineSpec) -> dict[str, Any] | None:
    return spec.target.mapping if spec.target else None


def configuration_hash(spec: PipelineSpec) -> str:
    """Changes with the configuration, not with a pause."""
    return hashlib.sha256(json.dumps(spec.configuration(), sort_keys=True).encode()).hexdigest()[:16]
