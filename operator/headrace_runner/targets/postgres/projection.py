"""Matches the query's columns with the target's: what the source casts to, and in which order it sends."""

from collections.abc import Callable

from headrace.errors import PermanentError
from headrace_runner.postgres.quoting import quote_name
from headrace_runner.projection import Field, Projection
from headrace_runner.shape import Shape, SourceColumn
from headrace_runner.targets.postgres.table import Column, Table


def projection_of(
    shape: Shape,
    table: Table,
    key: tuple[str, ...],
    incremental_key: str | None,
    *,
    is_whole: bool,
    knows: Callable[[SourceColumn], bool],
) -> Projection:
    """What the source has to send; raises PermanentError that names the column at fault.

    `is_whole`: of a whole table, columns that the target generates itself are not asked for; `knows`: whether the
    target has a column's type.
    """
    names = [column.name for column in shape.columns]
    if is_whole:
        names = [name for name in names if name in key or not _is_generated(table, name)]
    for name in key:
        if name not in names:
            raise PermanentError(f'The query gives no column "{name}", a key column of the target', field="key_columns")
    sources = {column.name: column for column in shape.columns}
    for name in names:
        if name not in table.columns and name != incremental_key:
            raise _missing(table, sources[name], knows)
    columns = [_target_column(table, name) for name in names if name in table.columns]
    for column in columns:
        if column.always_identity and column.name not in key:
            message = f'The target numbers column "{column.name}" itself (GENERATED ALWAYS AS IDENTITY)'
            remedy = "write a source_query without it" if is_whole else "leave it out of the query"
            raise PermanentError(f"{message}: {remedy}, or make it the key", field="source_query")
    by_name = {column.name: column for column in columns}
    not_binary = tuple(column.name for column in columns if not column.has_same_bytes)
    return Projection(
        keys=tuple(_key_field(by_name[name]) for name in key),
        others=tuple(_field(column) for column in columns if column.name not in key),
        cursor=incremental_key,
        binary=not not_binary,
        not_binary=not_binary,
        ordered_alike=table.orders_as(shape.encoding, key),
    )


def _is_generated(table: Table, name: str) -> bool:
    return name in table.columns and table.columns[name].generated


def _missing(table: Table, column: SourceColumn, knows: Callable[[SourceColumn], bool]) -> PermanentError:
    # As a table that is made here would have it.
    type_name = column.type_name if knows(column) else "text"
    remedy = f"ALTER TABLE {table.sql} ADD COLUMN {quote_name(column.name)} {type_name}"
    message = f'The target has no column "{column.name}", which the query gives: {remedy}'
    return PermanentError(message, field="source_query")


def _target_column(table: Table, name: str) -> Column:
    column = table.columns[name]
    if column.generated:
        raise PermanentError(f'The target generates column "{name}" itself: leave it out of the query')
    return column


def _field(column: Column) -> Field:
    if not column.has_same_bytes:
        # Its text form passes as it is: the source need not know the type, or the object that it names.
        return Field(name=column.name, type_name=None, is_builtin=column.is_builtin)
    return Field(name=column.name, type_name=column.type_name)


def _key_field(column: Column) -> Field:
    # A key must reach the checkpoint as the target rounds it, or its neighbours would be pruned. The blanks after a
    # char(n) are no part of its value: without them its bytes are the same on both sides.
    type_name = "text" if column.type_name == "bpchar" else column.key_type_name
    return Field(name=column.name, type_name=type_name, is_text=column.is_text, is_builtin=column.is_builtin)
