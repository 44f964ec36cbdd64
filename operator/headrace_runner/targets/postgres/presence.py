"""Whether a row that was written is still there."""

from headrace_runner.quoting import quote_literal, quote_name
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.table import Table


def holds(connection: Connection, table: Table, key_columns: tuple[str, ...], key: tuple[str, ...]) -> bool:
    """Whether the table has a row with this key, given as text."""
    conditions = []
    for name, text in zip(key_columns, key, strict=True):
        column = table.columns[name]
        value = f"{quote_literal(text)}::{column.key_type_name}"
        conditions.append(f"t.{quote_name(name)} {column.operator('=')} {value}")
    query = f"SELECT FROM {table.sql} AS t WHERE {' AND '.join(conditions)}"
    return connection.execute(query.encode()).fetchone() is not None
