"""Whether a source's role could write there: the role is the fence, our read-only transaction only the second one.

Looked at are the role that logged in, those that it may use or become, and what they and everybody own and are granted.
What a function does with its owner's rights can't be seen from outside.
"""

from collections.abc import Sequence
from typing import Any

import psycopg

from headrace.names import SOURCE_COULD_WRITE, SOURCE_ONLY_READS, SOURCE_RIGHTS_UNKNOWN
from headrace.postgres.problems import describe

_REMEDY = "give runs one that can only read: docs/security.md#database-roles"
_UNKNOWN = "Whether the source's role could write was not found out"

# Not has_table_privilege, which loads each table into the session's cache. UNION ALL under LIMIT stops at what it finds
# first. System schemas are writable for nobody, whatever their grants say: pg_settings has an UPDATE for all.
_COULD_WRITE = """
WITH mine AS (
    SELECT oid, rolname, rolsuper, rolcreaterole, rolcreatedb,
           CASE rolname WHEN session_user THEN 'is ' ELSE 'is a member of ' || quote_ident(rolname) || ', ' END AS is_
    FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(session_user, oid, 'MEMBER')
    ORDER BY rolname <> session_user
),
grantee AS (SELECT oid FROM mine UNION ALL SELECT 0),
place AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
),
relation AS (
    SELECT c.oid, c.relowner, c.relacl, nspname, relname
    FROM pg_catalog.pg_class AS c JOIN place AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
)
SELECT quote_ident(session_user), (
    SELECT is_ || 'a superuser' FROM mine WHERE rolsuper
    UNION ALL SELECT 'is a member of ' || rolname FROM mine
    WHERE rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program')
    UNION ALL SELECT is_ || 'one that may make roles' FROM mine WHERE rolcreaterole
    UNION ALL SELECT is_ || 'one that may make databases' FROM mine WHERE rolcreatedb
    UNION ALL SELECT 'owns the database' FROM pg_catalog.pg_database
    WHERE datname = current_database() AND datdba IN (SELECT oid FROM mine)
    UNION ALL SELECT 'has CREATE on the database' FROM pg_catalog.pg_database, aclexplode(datacl)
    WHERE datname = current_database() AND privilege_type = 'CREATE' AND grantee IN (SELECT oid FROM grantee)
    UNION ALL SELECT format('owns schema %I', nspname) FROM place WHERE nspowner IN (SELECT oid FROM mine)
    UNION ALL SELECT format('has CREATE on schema %I', nspname) FROM place, aclexplode(nspacl)
    WHERE privilege_type = 'CREATE' AND grantee IN (SELECT oid FROM grantee)
    UNION ALL SELECT format('owns %I.%I', nspname, relname) FROM relation WHERE relowner IN (SELECT oid FROM mine)
    UNION ALL SELECT format('has %s on %I.%I', privilege_type, nspname, relname) FROM relation, aclexplode(relacl)
    WHERE privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') AND grantee IN (SELECT oid FROM grantee)
    UNION ALL SELECT format('has %s on %I of %I.%I', privilege_type, attname, nspname, relname)
    FROM pg_catalog.pg_attribute JOIN relation ON oid = attrelid, aclexplode(attacl)
    WHERE attacl IS NOT NULL AND privilege_type IN ('INSERT', 'UPDATE') AND grantee IN (SELECT oid FROM grantee)
    LIMIT 1
)
"""


def role_query(limit_ms: int) -> bytes:
    """Two statements in one message, and so in one transaction: the limit is gone with it.

    The answer is that of the second. (PostgreSQL 10 looks at the limit too early.)
    """
    return f"SET LOCAL statement_timeout = {limit_ms};{_COULD_WRITE}".encode()


def role_found(row: Sequence[Any] | None) -> tuple[str, str]:
    """Reason and sentence for what the query gave."""
    role, example = row or ("", None)
    if example is None:
        return SOURCE_ONLY_READS, f"The source's role {role} can only read"
    return SOURCE_COULD_WRITE, f"The source's role {role} could write, for it {example}; {_REMEDY}"


def role_not_found(error: psycopg.Error | UnicodeError, limit_ms: int) -> tuple[str, str]:
    """Reason and sentence for a query that failed."""
    match error:
        case psycopg.errors.QueryCanceled():
            return SOURCE_RIGHTS_UNKNOWN, f"{_UNKNOWN} in {limit_ms} ms"
        case psycopg.Error():
            return SOURCE_RIGHTS_UNKNOWN, f"{_UNKNOWN}: {describe(error)}"
    return SOURCE_RIGHTS_UNKNOWN, f"{_UNKNOWN}: a name is no UTF-8"
