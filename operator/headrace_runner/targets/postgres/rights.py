"""The rights that a run needs in the target: told all at once, before the first row, with the SQL that grants them."""

from headrace.errors import PermanentError
from headrace_runner.postgres.quoting import quote_name
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.targets.postgres.table import Table

# Of SELECT, INSERT and UPDATE a right on the columns is enough; which ones the statements find out.
_HELD = """
    SELECT has_schema_privilege(c.relnamespace, 'USAGE'),
           has_database_privilege(current_database(), 'TEMPORARY'),
           has_any_column_privilege(c.oid, 'SELECT'), has_any_column_privilege(c.oid, 'INSERT'),
           has_any_column_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE'),
           quote_ident(current_database()), quote_ident(current_user)
    FROM pg_catalog.pg_class AS c WHERE c.oid = %s
"""


def require_rights(connection: Connection, table: Table, *, updates: bool, deletes: bool) -> None:
    """Raises PermanentError with the GRANTs that are missing."""
    held = connection.execute(_HELD, (table.oid,)).fetchone()
    if held is None:
        return
    usage, temporary, select, insert, update, delete, database, role = held
    needed = {"SELECT": select, "INSERT": insert, "UPDATE": update or not updates, "DELETE": delete or not deletes}
    missing = [right for right, is_held in needed.items() if not is_held]
    grants = []
    if not usage:
        grants.append(f"USAGE ON SCHEMA {quote_name(table.schema)}")
    if missing:
        grants.append(f"{', '.join(missing)} ON {table.sql}")
    if not temporary:
        grants.append(f"TEMPORARY ON DATABASE {database}")
    if grants:
        remedy = "; ".join(f"GRANT {grant} TO {role}" for grant in grants)
        raise PermanentError(f"The target's role lacks rights; run there: {remedy}", field="target_table")
