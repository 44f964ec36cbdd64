"""Whether the source takes the statement that a run will read by; nothing of it is executed."""

from typing import Any

import psycopg

from headrace.errors import PermanentError
from headrace.postgres.problems import describe
from headrace_runner.postgres.operators import refuse_hidden_operators
from headrace_runner.projection import Projection
from headrace_runner.protocols import Position
from headrace_runner.sources.postgres.guard import bind, bounds
from headrace_runner.sources.postgres.select import Select
from headrace_runner.sources.postgres.session import reading
from headrace_runner.sources.postgres.shape import describe_statement
from headrace_runner.sources.postgres.values import value


def check(connection: psycopg.Connection[Any], select: Select, projection: Projection) -> None:
    """Parses it, casts and order too; raises PermanentError that names the column at fault."""
    try:
        _parse(connection, select, select.rows(projection, Position()))
    except psycopg.Error as error:
        _blame_column(connection, select, projection)
        with reading():
            raise error
    _refuse_hidden_operators(connection, select, projection)


def _blame_column(connection: psycopg.Connection[Any], select: Select, projection: Projection) -> None:
    """Raises PermanentError for the first column that can't be cast alone."""
    for field in projection.fields:
        try:
            _parse(connection, select, f"SELECT {value(field)} FROM {select.wrapped()}")
        except psycopg.errors.CannotCoerce as error:
            message = f'Column "{field.name}" does not fit the target: {describe(error)}'
            raise PermanentError(message, field="source_query") from error
        except psycopg.Error:
            return


def _refuse_hidden_operators(connection: psycopg.Connection[Any], select: Select, projection: Projection) -> None:
    cursor = [] if projection.cursor is None else [projection.cursor]
    names = cursor + [field.name for field in projection.keys]
    with reading(), connection.transaction():
        bind(connection, bounds(select.row_security))
        result = describe_statement(connection, select.ordering(projection))
        for number, name in enumerate(names):
            field = "incremental_key" if name == projection.cursor else "key_columns"
            refuse_hidden_operators(connection, name, result.ftype(number), side="the source", field=field)


def _parse(connection: psycopg.Connection[Any], select: Select, statement: str) -> None:
    with connection.transaction():
        bind(connection, bounds(select.row_security))
        describe_statement(connection, statement)
