"""Whether a pipeline's specification can be run: the rules that API and operator share."""

from collections.abc import Iterable

from headrace.errors import ConflictError, InvalidError, RefusedError
from headrace.lifecycle.tasks import check_nodes
from headrace.model.base import seconds
from headrace.model.pipeline import PipelineSpec, PipelineType
from headrace.model.preview import PreviewSpec
from headrace.model.run import ONLY_ELASTICSEARCH
from headrace.query.check import check_query
from headrace.query.parameters import parameter_names
from headrace.runspec import Mode, RunKind
from headrace.target import ELASTICSEARCH, ELASTICSEARCH_PREFIX, TABLE_RULE, Target, check_target, parse_target


def check_pipeline(spec: PipelineSpec, allowed: tuple[str, ...]) -> Target:
    """The target of a valid specification.

    Raises InvalidError where the shape is wrong (checked first) and RefusedError where a rule forbids it; both name
    the field in snake_case.
    """
    _check_shape(spec)
    if spec.type != PipelineType.SQL:
        raise RefusedError(f"type {spec.type.value} is not supported yet", field="type")
    return check_target(spec.target_table, allowed)


def _check_shape(spec: PipelineSpec) -> None:
    if spec.mode != Mode.FULL and not spec.incremental_key:
        raise InvalidError(f"mode {spec.mode.value} needs an incremental_key", field="incremental_key")
    if seconds(spec.poll_interval) < 1:
        raise InvalidError("poll_interval must be at least 1s", field="poll_interval")
    check_nodes(spec)
    if not spec.target_table.startswith(ELASTICSEARCH_PREFIX):
        _check_nothing_of_elasticsearch(spec)
    if spec.type != PipelineType.SQL:
        return
    if spec.source_table is not None:
        _check_table(spec)
        return
    check_query(spec.source_query)
    parameters = sorted(parameter_names(spec.source_query or ""))
    if parameters and (spec.mode != Mode.FULL or spec.prune):
        raise InvalidError(
            f"a query with parameters (%({parameters[0]})s) needs mode full and prune false", field="source_query"
        )


def _check_table(spec: PipelineSpec) -> None:
    if spec.source_query is not None:
        raise InvalidError("give a source_query or a source_table, not both", field="source_table")
    check_source_table(spec.source_table or "")


def check_source_table(table: str) -> Target:
    """The table of a source, taken letter by letter; raises InvalidError for what is none."""
    target = parse_target(table)
    if target is None or target.kind == ELASTICSEARCH:
        why = "it is an index" if table.startswith(ELASTICSEARCH_PREFIX) else TABLE_RULE
        raise InvalidError(
            f"source_table '{table[:300]}' is no table of a source: {why}; for other names write a source_query",
            field="source_table",
        )
    return target


def query_of(spec: PipelineSpec | PreviewSpec) -> str:
    """What is sent to the source: the query, or that of all columns of the table; nothing where it has neither."""
    if spec.source_table is None:
        return spec.source_query or ""
    table = check_source_table(spec.source_table)
    # No name has a quote in it.
    return f'SELECT * FROM "{table.schema}"."{table.table}"'


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
    if kind == RunKind.REBUILD and parameter_names(query_of(spec)):
        raise ConflictError("a query with parameters can't be rebuilt: each run brings a part only")


INTERVAL_PARAMS = frozenset({"interval_start", "interval_end", "due_at"})
"""What each run of a schedule has besides; a query need not use it."""


def check_params(query: str, given: Iterable[str]) -> None:
    """Raises InvalidError (field: the parameter) for one that the query has and nobody gave, or the other way round."""
    wanted, given = parameter_names(query), set(given)
    for name in sorted(wanted - given):
        raise InvalidError(f"parameter '{name}' of the query has no value", field=name)
    for name in sorted(given - wanted - INTERVAL_PARAMS):
        known = f"it has {', '.join(sorted(wanted))}" if wanted else "it has none"
        raise InvalidError(f"the query has no parameter '{name}'; {known}", field=name)


def is_stream(spec: PipelineSpec, kind: RunKind, asked: bool) -> bool:
    """Whether a run of the pipeline goes on until it is stopped; `asked`: the run itself says so."""
    return kind == RunKind.LOAD and (spec.mode == Mode.STREAMING or (asked and spec.mode == Mode.INCREMENTAL))


def check_stream(spec: PipelineSpec, kind: RunKind = RunKind.LOAD) -> None:
    """Raises InvalidError when the pipeline can't be a stream, or ConflictError when a run of that kind can't."""
    if kind != RunKind.LOAD:
        raise ConflictError(f"a stream loads rows: {kind.value} can't be one")
    if spec.mode == Mode.FULL:
        raise InvalidError("a stream needs mode streaming or incremental, and an incremental_key", field="pipeline")


def lookback_seconds(spec: PipelineSpec) -> float:
    """The lookback in seconds."""
    return float(seconds(spec.lookback))
