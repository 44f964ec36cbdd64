"""A query that gives nothing does not empty a table, unless told so."""

from headrace.errors import PermanentError
from headrace.runspec import RunSpec
from headrace_runner.targets.postgres.presence import has_rows
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.table import Table


def refuse_empty(connection: Connection, spec: RunSpec, table: Table) -> None:
    """Raises PermanentError when the target holds rows that a query without any would delete."""
    if spec.allow_empty:
        return
    if has_rows(connection, table.sql):
        raise PermanentError(
            "The query gave no row, and the target holds rows: nothing was deleted; with allowEmpty it would be",
            field="allow_empty",
        )
