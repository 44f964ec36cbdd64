"""The source's session: read-only, with every setting pinned that changes how values look as text."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from headrace.errors import PermanentError
from headrace.postgres.connect import connect
from headrace.postgres.problems import describe, translated
from headrace.postgres.watch import Watch
from headrace_runner.pinned import PINNED

Connection = psycopg.Connection[tuple[Any, ...]]

SETTINGS = {
    **PINNED,
    "default_transaction_read_only": "on",
    # All of them would fire on a reader that is held back by a slow target.
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "30s",
}


def open_session(dsn: str, run_id: str) -> Connection:
    """Connects; raises PermanentError or TransientError."""
    with reading():
        connection = connect(dsn, application_name=f"headrace-read {run_id}", settings=SETTINGS)
        Watch(connection).start()
        return connection


@contextmanager
def reading() -> Iterator[None]:
    """Raises PermanentError or TransientError for every psycopg.Error within."""
    with translated("the source"):
        try:
            yield
        except psycopg.errors.ReadOnlySqlTransaction as error:
            # Elsewhere that is a fail-over; here it is our own transaction that refuses a query that writes.
            raise PermanentError(f"The source: {describe(error)}", field="source_query") from error
