"""Whether a table has any row, or just one."""

from headrace_runner.postgres.quoting import quote_literal, quote_name
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.table import Table


def has_rows(connection: Connection, table: str, condition: str = "true") -> bool:
    """Whether any row of `table` (SQL), called `t` in `condition`, meets it."""
    query = f"SELECT FROM {table} AS t WHERE {condition} LIMIT 1"
    return connection.execute(query.encode()).fetchone() is not None


def holds(connection: Connection, table: Table, key_columns: tuple[str, ...], key: tuple[str, ...]) -> bool:
    """Whether the table has a row with this key, given as text."""
    conditions = []
    for name, text in zip(key_columns, key, strict=True):
        column = table.columns[name]
        value = f"{quote_literal(text)}::{column.key_type_name}"
        conditions.append(f"t.{quote_name(name)} {column.operator('=')} {value}")
    return has_rows(connection, table.sql, " AND ".join(conditions))
