"""What a query gives: its columns, their types, and the table that they come from."""

from typing import Any

import psycopg
from psycopg import pq

from headrace.errors import PermanentError
from headrace_runner.postgres.operators import FIRST_USER_OID
from headrace_runner.postgres.wire import error_of
from headrace_runner.shape import Shape, SourceColumn

_TYPES = """
    WITH RECURSIVE columns AS (
        SELECT * FROM unnest(%s::oid[], %s::int4[]) WITH ORDINALITY AS c(oid, modifier, position)
    ), below(position, depth, oid, modifier, is_array) AS (
        SELECT position, 0, oid, modifier, false FROM columns
        UNION ALL
        SELECT b.position, b.depth + 1, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END,
               CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE b.modifier END, b.is_array OR t.typtype <> 'd'
        FROM below AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.oid
        WHERE t.typtype = 'd' OR t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1
    ), bases AS (
        SELECT DISTINCT ON (position) position, oid, modifier, is_array FROM below ORDER BY position, depth DESC
    )
    SELECT format_type(c.oid, c.modifier), c.oid::int8, t.typcollation <> 0, b.typname, b.oid::int8, bases.modifier,
           b.typtype::text, bases.is_array
    FROM columns AS c JOIN bases USING (position)
    JOIN pg_catalog.pg_type AS t ON t.oid = c.oid JOIN pg_catalog.pg_type AS b ON b.oid = bases.oid
    ORDER BY c.position
"""
# A key holds for a table's partitions, and not for what inherits from a table; but the query reads that too.
HAS_HEIRS = """(
    {table}.relkind <> 'p' AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = {table}.oid)
)"""
# Whether no two rows of a table have the same columns `k` of its index `i`. One that is checked late is good enough:
# what others see was checked.
IDENTIFIES = f"""(
    i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.position <= i.indnkeyatts
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = i.indrelid AND {HAS_HEIRS.format(table="c")}
    )
)"""
_PRIMARY_KEY = f"""
    SELECT k.attnum FROM pg_catalog.pg_index AS i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, position)
    WHERE i.indrelid = %s AND i.indisprimary AND {IDENTIFIES} ORDER BY k.position
"""


def describe_statement(connection: psycopg.Connection[Any], statement: str) -> pq.abc.PGresult:
    """Parses a statement (only one) without running it; raises psycopg.Error."""
    # Without parameters psycopg would use the simple protocol, which takes several statements.
    for result in (
        connection.pgconn.prepare(b"", statement.encode()),
        connection.pgconn.describe_prepared(b""),
    ):
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise error_of(result)
    return result


def shape_of(connection: psycopg.Connection[Any], wrapped: str) -> Shape:
    """The shape of `wrapped`, a query in parentheses with an alias.

    Raises PermanentError for columns without a name or with the same, and psycopg.Error.
    """
    result = describe_statement(connection, f"SELECT * FROM {wrapped}")
    names = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
    _check_names(names)
    oids = [result.ftype(number) for number in range(result.nfields)]
    modifiers = [result.fmod(number) for number in range(result.nfields)]
    types = connection.execute(_TYPES, (oids, modifiers)).fetchall()
    columns = tuple(
        SourceColumn(
            name=name,
            type_name=type_name,
            is_builtin=oid < FIRST_USER_OID,
            is_text=is_text,
            base=base,
            base_is_builtin=base_oid < FIRST_USER_OID,
            base_modifier=modifier,
            kind=kind,
            is_array=is_array,
        )
        for name, (type_name, oid, is_text, base, base_oid, modifier, kind, is_array) in zip(names, types, strict=True)
    )
    encoding = connection.info.parameter_status("server_encoding")
    table = _table(result)
    return Shape(columns, _primary_key(connection, result, names, table), encoding, table)


def cursor_in(shape: Shape, name: str | None) -> SourceColumn:
    """The column of the incremental key; raises PermanentError where the query gives none of that name."""
    for column in shape.columns:
        if column.name == name:
            return column
    raise PermanentError(f'The query gives no column "{name}", the incremental key', field="incremental_key")


def _check_names(names: list[str]) -> None:
    if not names:
        raise PermanentError("The query gives no columns", field="source_query")
    for number, name in enumerate(names, start=1):
        if name == "?column?":
            message = f"Column {number} of the query has no name: give it one with AS"
            raise PermanentError(message, field="source_query")
        if names.index(name) + 1 != number:
            raise PermanentError(f'The query gives two columns named "{name}"', field="source_query")


def _table(result: pq.abc.PGresult) -> int:
    """The OID of the one table (or view) that all columns come from; 0 when there is none."""
    tables = {result.ftable(number) for number in range(result.nfields)}
    return tables.pop() if len(tables) == 1 else 0


def _primary_key(
    connection: psycopg.Connection[Any], result: pq.abc.PGresult, names: list[str], table: int
) -> tuple[str, ...]:
    if not table:
        return ()
    by_number = {result.ftablecol(number): name for number, name in enumerate(names)}
    key = [number for (number,) in connection.execute(_PRIMARY_KEY, (table,))]
    return tuple(by_number[number] for number in key) if all(number in by_number for number in key) else ()
