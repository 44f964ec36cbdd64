"""Whether a pipeline's specification can be run: the rules that API and operator share."""

from headrace.errors import ConflictError, InvalidError, RefusedError
from headrace.model.base import seconds
from headrace.model.pipeline import Mode, PipelineSpec, PipelineType
from headrace.model.run import ONLY_ELASTICSEARCH, RunKind
from headrace.query.check import check_query
from headrace.query.parameters import parameter_names
from headrace.target import ELASTICSEARCH_PREFIX, Target, check_target


def check_pipeline(spec: PipelineSpec, allowed: tuple[str, ...]) -> Target:
    """The target of a valid specification.

    Raises InvalidError where the shape is wrong (checked first) and RefusedError where a rule forbids it; both name
    the field in snake_case.
    """
    _check_shape(spec)
    if spec.type != PipelineType.SQL:
        raise RefusedError(f"type {spec.type.value} is not supported yet", field="type")
    if spec.mode == Mode.STREAMING:
        raise RefusedError("mode streaming is not supported yet", field="mode")
    return check_target(spec.target_table, allowed)


def _check_shape(spec: PipelineSpec) -> None:
    for field in ("project_id", "source_id", "destination_id"):
        if getattr(spec, field) is not None:
            raise InvalidError(f"{field} '{getattr(spec, field)}' does not exist", field=field)
    if spec.mode == Mode.INCREMENTAL and not spec.incremental_key:
        raise InvalidError(f"mode {spec.mode.value} needs an incremental_key", field="incremental_key")
    if not spec.target_table.startswith(ELASTICSEARCH_PREFIX):
        _check_nothing_of_elasticsearch(spec)
    if spec.type != PipelineType.SQL:
        return
    check_query(spec.source_query)
    parameters = sorted(parameter_names(spec.source_query or ""))
    if parameters and (spec.mode != Mode.FULL or spec.prune):
        raise InvalidError(
            f"a query with parameters (%({parameters[0]})s) needs mode full and prune false", field="source_query"
        )


def _check_nothing_of_elasticsearch(spec: PipelineSpec) -> None:
    given = {
        "version_column": spec.version_column is not None,
        "soft_delete_column": spec.soft_delete_column is not None,
        "max_bad_rows": spec.max_bad_rows > 0,
        "target": spec.target is not None and spec.target.mapping is not None,
    }
    for field in (field for field, is_given in given.items() if is_given):
        what = "target.mapping" if field == "target" else field
        raise InvalidError(f"{what} is for Elasticsearch: a target_table like es:index", field=field)


def check_kind(spec: PipelineSpec, kind: RunKind) -> None:
    """Raises ConflictError when the pipeline can't have a run of that kind."""
    if kind not in ONLY_ELASTICSEARCH:
        return
    if not spec.target_table.startswith(ELASTICSEARCH_PREFIX):
        raise ConflictError(f"{kind.value} is for Elasticsearch: the pipeline's target is a table")
    if kind == RunKind.REBUILD and parameter_names(spec.source_query or ""):
        raise ConflictError("a query with parameters can't be rebuilt: each run brings a part only")


def lookback_seconds(spec: PipelineSpec) -> float:
    """The lookback in seconds."""
    return float(seconds(spec.lookback))
