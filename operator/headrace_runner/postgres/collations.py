"""Text keys are ordered by bytes on both sides: two servers rarely agree on anything else."""

from typing import Any

import psycopg

_DEFAULT_IS_BYTES = b"""
    SELECT datcollate IN ('C', 'POSIX') AND to_jsonb(d) ->> 'datlocprovider' IS DISTINCT FROM 'i'
    FROM pg_catalog.pg_database AS d WHERE datname = current_database()
"""


def byte_order(connection: psycopg.Connection[Any]) -> str:
    """The collation to order text by bytes with: the database's own where it does that, for its indexes have it."""
    row = connection.execute(_DEFAULT_IS_BYTES).fetchone()
    return '"default"' if row and row[0] else '"C"'
