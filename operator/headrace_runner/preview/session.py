"""A transaction to look around in: it may take seconds, waits for no lock for long, and can't write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from headrace.errors import PermanentError
from headrace_runner.sources.postgres.guard import bind

STATEMENT_SECONDS = 20.0
LOCK_SECONDS = 2.0
_ANYTHING = "SQL_ASCII"
"""The encoding of a database that has whatever bytes it was given, and would not send such as are no UTF-8."""
UNREADABLE = "\ufffd"
"""Stands for those."""
_TEXTS = ("text", "varchar", "bpchar", "name")


class _AnyText(Loader):
    """A text as far as it can be read."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


@contextmanager
def looking(connection: psycopg.Connection[Any], bounds: dict[str, str] | None = None) -> Iterator[None]:
    """One snapshot for all that is asked within; nothing of it stays, and a pooler's session is left as it was.

    `bounds`: settings of a source's transaction. Raises PermanentError for what takes too long: whoever waits for it
    would not wait for another attempt.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Before the limits, which are narrower.
            if bounds is not None:
                bind(connection, bounds)
            limit(connection, STATEMENT_SECONDS)
            connection.execute(f"SET LOCAL lock_timeout = {int(LOCK_SECONDS * 1000)}".encode())
            yield
    except psycopg.errors.QueryCanceled as error:
        words = f"within {STATEMENT_SECONDS:.0f} s, which is all that a preview waits"
        raise PermanentError(f"The server gave no answer {words}") from error


def read_any_text(connection: psycopg.Connection[Any]) -> None:
    """One name that can't be read must not hide all others: for the rest of the transaction at hand."""
    if connection.info.parameter_status("server_encoding") != _ANYTHING:
        return
    connection.execute(f"SET LOCAL client_encoding = '{_ANYTHING}'".encode())
    for name in _TEXTS:
        connection.adapters.register_loader(name, _AnyText)


def limit(connection: psycopg.Connection[Any], seconds: float) -> None:
    """How long the next statements of the transaction may take."""
    connection.execute(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}".encode())
