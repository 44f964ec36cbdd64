"""The rows of a query that do not say of themselves that they are deleted."""

from headrace_runner.postgres.quoting import quote_name
from headrace_runner.sources.postgres.select import Select


def living(query: str, soft_delete_column: str) -> str:
    """`soft_delete_column` is a boolean, true where the row is deleted, or a time, null where it is not."""
    # One condition for both types: no time is written like that.
    is_living = f"coalesce(q.{quote_name(soft_delete_column)}::text, 'false') OPERATOR(pg_catalog.=) 'false'"
    return f"SELECT * FROM {Select(query=query, byte_order='').wrapped()} WHERE {is_living}"
