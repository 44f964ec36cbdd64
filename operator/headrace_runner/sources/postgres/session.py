"""The source's session: read-only, with every setting pinned that changes how values look as text."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from headrace.errors import PermanentError
from headrace.postgres.connect import CONNECT_SECONDS, connect, connection_parameters
from headrace.postgres.problems import describe, translated
from headrace.postgres.watch import Watch
from headrace_runner.credentials import dsn_of
from headrace_runner.postgres.pinned import PINNED
from headrace_runner.sources.postgres.guard import TIMEOUTS
from headrace_runner.sources.postgres.row_security import hides_rows, in_words, without_row_security

Connection = psycopg.Connection[tuple[Any, ...]]

SETTINGS = {
    **PINNED,
    **TIMEOUTS,
    "default_transaction_read_only": "on",
    "idle_session_timeout": "0",
}


def open_session(dsn: str | Path, run_id: str) -> Connection:
    """Connects; raises PermanentError or TransientError."""
    with reading():
        text = without_row_security(dsn_of(dsn, "the source"))
        connection = connect(text, application_name=f"headrace-read {run_id}", settings=SETTINGS)
        Watch(connection).start()
        return connection


def place_of(dsn: str | Path) -> str:
    """What stands for the host, the port and the database that a connection string names, whoever logs in and how.

    Not for the server that answers: a name that leads to another one after a fail-over is the same place. A digest, for
    it is kept in the target, where nobody need know our hosts.
    """
    text = dsn_of(dsn, "the source")
    given = connection_parameters(text, application_name="", connect_timeout=CONNECT_SECONDS)
    port, database = given.get("port") or "5432", given.get("dbname") or given.get("user")
    parts = (given.get("host"), given.get("hostaddr"), port, database)
    return hashlib.sha256("\0".join(str(part or "") for part in parts).encode()).hexdigest()[:16]


@contextmanager
def reading() -> Iterator[None]:
    """Raises PermanentError or TransientError for every psycopg.Error within."""
    with translated("the source"):
        try:
            yield
        except psycopg.errors.ReadOnlySqlTransaction as error:
            # Elsewhere that is a fail-over; here it is our own transaction that refuses a query that writes.
            raise PermanentError(f"The source: {describe(error)}", field="source_query") from error
        except psycopg.errors.InsufficientPrivilege as error:
            if not hides_rows(error):
                raise
            raise PermanentError(f"The source: {in_words(error)}") from error
