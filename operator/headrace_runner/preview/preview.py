"""A run of kind Preview: the first rows of a query and the target that they would get, or the tables of the source."""

from contextlib import closing
from typing import Any

from headrace.postgres.deadlines import shut_down
from headrace.runspec import RunSpec
from headrace_runner.postgres.collations import byte_order
from headrace_runner.preview.found import TargetFound
from headrace_runner.preview.problems import at_work
from headrace_runner.preview.rows import FirstRows, first_rows
from headrace_runner.preview.session import looking, read_any_text
from headrace_runner.preview.tables import tables_of
from headrace_runner.preview.target import target_of
from headrace_runner.settings import Settings
from headrace_runner.shape import Shape
from headrace_runner.sources.postgres.guard import bounds
from headrace_runner.sources.postgres.row_security import row_security_of
from headrace_runner.sources.postgres.select import Select
from headrace_runner.sources.postgres.session import Connection, open_session, reading
from headrace_runner.sources.postgres.shape import cursor_in, describe_statement, shape_of
from headrace_runner.sources.postgres.whole import require_readable
from headrace_runner.stop import Stop


def preview(settings: Settings, spec: RunSpec, stop: Stop) -> dict[str, Any]:
    """The run's result; raises PermanentError and TransientError."""
    row_security = row_security_of(settings.source_dsn)
    with closing(open_session(settings.source_dsn, spec.run_id)) as connection:
        stop.on_expiry(lambda: shut_down(connection.pgconn))
        with reading(), looking(connection, bounds(row_security)):
            read_any_text(connection)
            if not spec.query:
                return tables_of(connection, row_security)
            shape, first = _query(connection, spec)
    stop.check()
    # The source's connection is not held while the target is waited for.
    return result_of(shape, first, target_of(settings, spec, shape))


def result_of(shape: Shape, first: FirstRows, found: TargetFound) -> dict[str, Any]:
    """Rows and target in the words of the API."""
    return {
        "columns": [{"name": column.name, "type": column.type_name} for column in shape.columns],
        "rows": first.rows,
        "truncated": first.truncated,
        "key_columns": list(found.key),
        "target": found.target,
        "note": "; ".join([*first.notes, *found.notes]) or None,
    }


def _query(connection: Connection, spec: RunSpec) -> tuple[Shape, FirstRows]:
    if spec.source_table is not None:
        require_readable(connection, spec.source_table)
    select = Select(query=spec.query, byte_order=byte_order(connection))
    describe_statement(connection, select.bare())
    shape = shape_of(connection, select.wrapped())
    if spec.incremental_key is not None:
        cursor_in(shape, spec.incremental_key)
    with at_work():
        return shape, first_rows(connection, select, shape, spec.preview_rows)
