"""The query's columns in a statement: `q` is the query."""

from headrace_runner.postgres.quoting import quote_name
from headrace_runner.projection import Field


def column(name: str) -> str:
    """As the query gives it."""
    return f"q.{quote_name(name)}"


def value(field: Field) -> str:
    """As the target takes it."""
    return column(field.name) if field.type_name is None else f"{column(field.name)}::{field.type_name}"
