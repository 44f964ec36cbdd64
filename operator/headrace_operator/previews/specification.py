"""What a preview's runner is to do."""

from headrace.errors import InvalidError
from headrace.lifecycle.observed import Limits, RunSeen
from headrace.lifecycle.validity import check_params, query_of
from headrace.model.pipeline import destination_name, source_name
from headrace.model.preview import PreviewSpec
from headrace.query.check import check_query
from headrace.query.parameters import bind
from headrace.runspec import RunSpec
from headrace.target import POSTGRES, Target, check_target

_NO_TARGET = Target(POSTGRES, "", "")


def source_of(run: RunSeen) -> str:
    """metadata.name of the EtlSource that it reads from."""
    return source_name(run.spec.preview.source if run.spec.preview else None)


def destination_of(run: RunSeen) -> str | None:
    """metadata.name of the EtlDestination that it looks at; None when it shows no target."""
    preview = run.spec.preview
    if preview is None or preview.target_table is None:
        return None
    return destination_name(preview.destination, preview.target_table)


def run_spec(run: RunSeen, limits: Limits) -> RunSpec:
    """What the runner reads. Raises InvalidError where the preview breaks a rule, in the words of its manifest."""
    preview = run.spec.preview
    if run.problem or preview is None:
        raise InvalidError(run.problem or "preview is needed: what is to be shown")
    target = _target(preview, limits.allowed_targets)
    return RunSpec(
        run_id=run.uid,
        installation=limits.installation,
        namespace=limits.namespace,
        pipeline_name="",
        # It is of no pipeline: its own uid is nobody else's.
        pipeline_uid=run.uid,
        kind=run.spec.kind,
        query=_query(run, preview),
        source=source_of(run),
        source_table=preview.source_table,
        target_kind=target.kind,
        target_schema=target.schema,
        target_table=target.table,
        key_columns=tuple(preview.key_columns),
        incremental_key=preview.incremental_key,
        preview_rows=preview.rows,
    )


def _query(run: RunSeen, preview: PreviewSpec) -> str:
    """Empty: the tables of the source are listed."""
    if preview.source_query is not None and preview.source_table is not None:
        raise InvalidError("give a sourceQuery or a sourceTable, not both", field="source_table")
    query = query_of(preview)
    if preview.source_query is None:
        return query
    params = run.spec.params or {}
    check_query(query)
    check_params(query, params)
    return bind(query, params)


def _target(preview: PreviewSpec, allowed: tuple[str, ...]) -> Target:
    if preview.target_table is None:
        return _NO_TARGET
    if preview.source_query is None and preview.source_table is None:
        raise InvalidError("a targetTable needs a sourceQuery or a sourceTable", field="target_table")
    return check_target(preview.target_table, allowed)
