"""A run's mark in the database that it writes: a source that sees it reads the very same one, by whatever address."""

from typing import Any

import psycopg

# Not the server's identifier and the database's OID: a copy of a whole server has the same ones.
_KEY = "hashtextextended('headrace run ' || %(run_id)s, 0)"
_SET = f"SELECT pg_advisory_lock_shared({_KEY})"
# Whoever parses a query holds a lock on all that it reads, until the transaction ends; what that
# has of partitions and heirs is found, and locked, only when it is planned.
_READ = f"""
    WITH RECURSIVE read AS (
        SELECT ours.relation FROM pg_catalog.pg_locks AS ours
        WHERE ours.pid = pg_backend_pid() AND ours.locktype = 'relation' AND EXISTS (
            SELECT FROM pg_catalog.pg_locks AS mark
            WHERE mark.locktype = 'advisory' AND mark.objsubid = 1 AND mark.database = ours.database
              AND (mark.classid::int8 << 32 | mark.objid::int8) = {_KEY}
        )
    ), below(relation) AS (
        SELECT relation FROM read
        UNION SELECT i.inhrelid FROM below JOIN pg_catalog.pg_inherits AS i ON i.inhparent = below.relation
    ), above(relation) AS (
        SELECT relation FROM read
        UNION SELECT i.inhparent FROM above JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = above.relation
    )
    SELECT relation::int8 FROM below UNION SELECT relation::int8 FROM above
"""


def set_mark(connection: psycopg.Connection[Any], run_id: str) -> None:
    """Marks the database until the session ends."""
    connection.execute(_SET.encode(), {"run_id": run_id})


def marked_relations(connection: psycopg.Connection[Any], run_id: str) -> frozenset[int]:
    """The OIDs of what the transaction at hand reads, if that is in the marked database; else nothing.

    With what is a part of it, and what it is a part of: to write that is to write it.
    """
    return frozenset(oid for (oid,) in connection.execute(_READ.encode(), {"run_id": run_id}))
