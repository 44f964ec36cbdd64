"""A Postgres table as a run would find it, or the statement that would make it."""

from contextlib import closing

from headrace.errors import PermanentError
from headrace.postgres.problems import translated
from headrace.runspec import RunSpec
from headrace_runner.postgres.collations import byte_order
from headrace_runner.preview.found import TargetFound
from headrace_runner.preview.session import looking
from headrace_runner.settings import Settings
from headrace_runner.shape import Shape
from headrace_runner.targets.postgres.create import creation_of, is_known
from headrace_runner.targets.postgres.projection import projection_of
from headrace_runner.targets.postgres.session import Connection, open_session
from headrace_runner.targets.postgres.table import Table, find_table

_NO_KEY = "No key: a full run replaces the whole table, and an incremental one needs key_columns"


def table_of(settings: Settings, spec: RunSpec, shape: Shape) -> TargetFound:
    """Raises PermanentError and TransientError where nothing can be told."""
    if settings.target_dsn is None:
        raise PermanentError("The target is not shown: nothing says how it is reached")
    with closing(open_session(settings.target_dsn, spec.run_id)) as connection, translated("the target"):
        with looking(connection):
            by_bytes = byte_order(connection) != '"C"'
            table = find_table(connection, spec.target_schema, spec.target_table, bytes_by_default=by_bytes)
            return _new(connection, spec, shape) if table is None else _existing(connection, spec, shape, table)


def _new(connection: Connection, spec: RunSpec, shape: Shape) -> TargetFound:
    key = spec.key_columns or shape.primary_key
    creation = creation_of(connection, spec.target_schema, spec.target_table, shape, key)
    notes: tuple[str, ...] = () if key else (_NO_KEY,)
    if creation.as_text:
        notes += (f"The target does not know the types of {', '.join(creation.as_text)}: they become text columns",)
    return TargetFound(target=_shown(exists=False, ddl=creation.sql), key=key, notes=notes)


def _existing(connection: Connection, spec: RunSpec, shape: Shape, table: Table) -> TargetFound:
    target = _shown(exists=True, ddl=None)
    key: tuple[str, ...] = ()
    try:
        key = table.key(spec.key_columns)
        projection_of(
            shape,
            table,
            key,
            spec.incremental_key,
            is_whole=spec.source_table is not None,
            knows=lambda column: is_known(connection, column),
        )
    except PermanentError as error:
        return TargetFound(target=target, key=key or spec.key_columns, notes=(error.message,))
    return TargetFound(target=target, key=key, notes=() if key else (_NO_KEY,))


def _shown(*, exists: bool, ddl: str | None) -> dict[str, object]:
    return {"kind": "postgres", "exists": exists, "ddl": ddl, "mapping": None}
