"""A transaction to look around in: it may take seconds, waits for no lock for long, and can't write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

STATEMENT_SECONDS = 20.0
LOCK_SECONDS = 2.0


@contextmanager
def looking(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """One snapshot for all that is asked within; nothing of it stays, and a pooler's session is left as it was."""
    with connection.transaction(force_rollback=True):
        connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        limit(connection, STATEMENT_SECONDS)
        connection.execute(f"SET LOCAL lock_timeout = {int(LOCK_SECONDS * 1000)}".encode())
        yield


def limit(connection: psycopg.Connection[Any], seconds: float) -> None:
    """How long the next statements of the transaction may take."""
    connection.execute(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}".encode())
