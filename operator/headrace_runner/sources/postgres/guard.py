"""What binds each read of the source's rows: it can't write, sees all of them or fails, and is pinned and patient.

By transaction: a pooler in transaction mode may give each one another session, and would give ours to others as it was.
"""

from typing import Any

import psycopg

from headrace_runner.postgres.pinned import PINNED

TIMEOUTS = {
    # All of them would fire on a reader that is held back by a slow target.
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "30s",
}
_SINCE_17 = "transaction_timeout"
# Not what later transactions begin with.
_LOOKS = {name: value for name, value in PINNED.items() if not name.startswith("default_")}


def bounds(row_security: str) -> dict[str, str]:
    """Settings of a transaction."""
    return {**_LOOKS, **TIMEOUTS, "transaction_read_only": "on", "row_security": row_security}


def bind(connection: psycopg.Connection[Any], settings: dict[str, str]) -> None:
    """Sets them for the rest of the transaction at hand."""
    known = _known(connection, settings)
    # One round trip; with all of them a transaction takes 0.25 ms, with two 0.15.
    query = "SELECT pg_catalog.set_config(name, value, true) FROM unnest(%s::text[], %s::text[]) AS s(name, value)"
    connection.execute(query, (list(known), list(known.values())))


def ask(connection: psycopg.Connection[Any], statement: str, row_security: str) -> psycopg.Cursor[Any]:
    """The answer to a statement in a transaction of its own, in one round trip."""
    known = _known(connection, bounds(row_security))
    settings = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in known.items())
    cursor = connection.execute(f"{settings}; {statement}".encode())
    while cursor.nextset():
        pass
    return cursor


def _known(connection: psycopg.Connection[Any], settings: dict[str, str]) -> dict[str, str]:
    is_new = connection.info.server_version >= 170_000
    return {name: value for name, value in settings.items() if is_new or name != _SINCE_17}
