"""Types of a schema that the role does not search: rows are sorted by their own order, but compared as other types."""

from typing import Any

import psycopg

from headrace.errors import PermanentError

FIRST_USER_OID = 16384
"""Types below have the same OID everywhere, and operators in pg_catalog: FirstNormalObjectId in Postgres."""

# ORDER BY and a unique index take the type's default operator class wherever it is; a bare `>=` or `=` only looks
# along the search_path, and without the type's own operator takes that of a type it can be cast to.
_HIDDEN = b"""
    SELECT format_type(c.opcintype, -1), n.nspname, current_user,
           format('ALTER ROLE %%I SET search_path = %%s', current_user,
                  concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(n.nspname)))
    FROM pg_catalog.pg_opclass AS c
    JOIN pg_catalog.pg_am AS m ON m.oid = c.opcmethod AND m.amname = 'btree'
    JOIN pg_catalog.pg_amop AS a
        ON a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype AND a.amoprighttype = c.opcintype
    JOIN pg_catalog.pg_operator AS o ON o.oid = a.amopopr
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
    WHERE c.opcdefault AND c.opcintype = %s::oid AND NOT pg_operator_is_visible(o.oid)
    LIMIT 1
"""


def operator(name: str, *, is_builtin: bool) -> str:
    """An operator for values of such a type: not one that somebody made for it in the role's search_path."""
    return f"OPERATOR(pg_catalog.{name})" if is_builtin else name


def refuse_hidden_operators(
    connection: psycopg.Connection[Any], column: str, type_oid: int, *, side: str, field: str
) -> None:
    """Raises PermanentError for a column whose values would be sorted by one type and compared by another."""
    if type_oid < FIRST_USER_OID:
        return
    row = connection.execute(_HIDDEN, (type_oid,)).fetchone()
    if row is not None:
        type_name, schema, role, remedy = row
        raise PermanentError(
            f'Column "{column}" has the type {type_name}, whose operators {side} does not find: put the schema '
            f'"{schema}" on the search_path of the role "{role}" there ({remedy})',
            field=field,
        )
