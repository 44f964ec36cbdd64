"""Makes a target table that is missing, with the types that the source has."""

from dataclasses import dataclass

import psycopg

from headrace.errors import PermanentError
from headrace_runner.postgres.quoting import quote_name, quote_names, quote_qualified
from headrace_runner.shape import Shape, SourceColumn
from headrace_runner.targets.postgres.session import Connection

# Parsed expressions and statistics: only the server makes values of them.
_TYPE = """
    SELECT format_type(t.oid, -1) NOT IN ('pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'gtsvector')
    FROM pg_catalog.pg_type AS t WHERE t.oid = to_regtype(%s)
"""


@dataclass(frozen=True, slots=True)
class Creation:
    """How a table is made."""

    statements: tuple[str, ...]
    as_text: tuple[str, ...]
    """Columns that become text for want of their type."""

    @property
    def sql(self) -> str:
        """All statements, to be read."""
        return "\n".join(f"{statement};" for statement in self.statements)


def creation_of(connection: Connection, schema: str, name: str, shape: Shape, key: tuple[str, ...]) -> Creation:
    """What makes schema and table; raises PermanentError when the key is not among the columns."""
    names = [column.name for column in shape.columns]
    for column in key:
        if column not in names:
            raise PermanentError(f'The query gives no column "{column}", a key column', field="key_columns")
    unknown = [column for column in shape.columns if not is_known(connection, column)]
    items = [_definition(column, unknown, key) for column in shape.columns]
    if key:
        items.append(f"PRIMARY KEY ({quote_names(key)})")
    lines = ",\n    ".join(items)
    statements = [f"CREATE TABLE {quote_qualified(schema, name)} (\n    {lines}\n)"]
    if connection.execute("SELECT to_regnamespace(%s)", (quote_name(schema),)).fetchone() == (None,):
        statements.insert(0, f"CREATE SCHEMA {quote_name(schema)}")
    return Creation(tuple(statements), tuple(column.name for column in unknown))


def create_table(connection: Connection, schema: str, name: str, shape: Shape, key: tuple[str, ...]) -> tuple[str, ...]:
    """Makes schema and table in the transaction at hand; returns the columns that became text for want of their type.

    Raises PermanentError when the key is not among the columns or the role may not create.
    """
    creation = creation_of(connection, schema, name, shape, key)
    try:
        for statement in creation.statements:
            connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        message = f'The target table "{schema}.{name}" does not exist, and the target\'s role may not create it'
        raise PermanentError(message, field="target_table") from error
    return creation.as_text


def _definition(column: SourceColumn, unknown: list[SourceColumn], key: tuple[str, ...]) -> str:
    is_text = column.is_text or column in unknown
    type_name = "text" if column in unknown else column.type_name
    # Ranges of keys are compared by bytes, on both sides.
    collation = ' COLLATE "C"' if is_text and column.name in key else ""
    return f"{quote_name(column.name)} {type_name}{collation}"


def is_known(connection: Connection, column: SourceColumn) -> bool:
    """Whether the target has the type, and takes values of it."""
    row = connection.execute(_TYPE, (column.type_name,)).fetchone()
    return row is not None and bool(row[0])
