"""Brings the store's schema up to date: every process that starts may do it, at once with others, and die in between.

`python -m headrace.store.migrate` does it and ends, before a new version starts.

yoyo numbers and records the steps. Its own way of running them does not fit: a step and its record are two transactions
on two connections, so that a death between them leaves a store that no start can migrate any more; its lock is a row
that outlives its owner; it looks up the name of the uid, which in a container has none. So everything happens in one
transaction, on one connection of ours, under an advisory lock that ends with that transaction.
"""

import asyncio
import logging
import math
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.resources import as_file, files
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from yoyo import internalmigrations, read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri

from headrace.errors import HeadraceError, PermanentError, UnavailableError
from headrace.postgres.connect import connect
from headrace.postgres.deadlines import deadline
from headrace.postgres.faults import Fault
from headrace.postgres.problems import describe, fault

SCHEMA = "headrace"
_LOCK_KEY = 0x6865616472616365
"""`headrace` in ASCII; the key of the advisory lock."""
_LOCK_TIMEOUT = "10s"
"""For another migration to end."""
_TABLE_LOCK_TIMEOUT = "2s"
"""A step that waits for a table makes everybody else wait behind it: rather it is tried again."""
_LONGEST_SECONDS = 600.0
"""For a server that froze; a step on a big table may take its time."""
FIRST_DELAY, LONGEST_DELAY = 0.5, 5.0
_USAGE = """usage: python -m headrace.store.migrate

Makes the store's schema, or brings it up to date; whatever is there stays. From the environment:
  HEADRACE_STORE_DSN         the store's Postgres
  HEADRACE_MIGRATE_SECONDS   how long to wait until it can be reached (default 60)

Exit code 0: the schema is up to date; 1: it is not, and a sentence says why.
"""

_log = logging.getLogger(__name__)


def migrate(dsn: str) -> None:
    """Applies the steps that are missing, all or none, and returns when the schema is up to date.

    Raises UnavailableError while the store can't be reached, and PermanentError when somebody has to act; its message
    says what to run.
    """
    with _errors_of_ours(), closing(_connect(dsn)) as connection, deadline(connection, _LONGEST_SECONDS):
        try:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
                connection.execute(f"SET LOCAL lock_timeout = '{_TABLE_LOCK_TIMEOUT}'")
                _create_schema(connection)
                _apply_steps(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise PermanentError(_what_to_run(connection.info.user, error)) from error


async def migrate_when_ready(dsn: str, *, wait: bool, seconds: float = math.inf) -> None:
    """Migrates; with `wait`, tries until the store can be reached, for so many seconds, else once.

    Raises PermanentError, and UnavailableError when it tries no more, as `migrate` does.
    """
    delay, end = FIRST_DELAY, time.monotonic() + seconds
    while True:
        try:
            return await asyncio.to_thread(migrate, dsn)
        except UnavailableError as error:
            if not wait or time.monotonic() + delay > end:
                raise
            _log.warning("The store's schema waits: %s; next try in %.1f s", error.message, delay)
        await asyncio.sleep(delay)
        delay = min(delay * 2, LONGEST_DELAY)


def _connect(dsn: str) -> psycopg.Connection[tuple[Any, ...]]:
    # search_path: yoyo names its tables without a schema.
    settings = {"lock_timeout": _LOCK_TIMEOUT, "statement_timeout": "0", "search_path": SCHEMA}
    return connect(dsn, application_name="headrace-migrate", connect_timeout=5, settings=settings)


def _create_schema(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    # CREATE SCHEMA IF NOT EXISTS wants the right to create it even when it exists.
    if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone() is None:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))


def _apply_steps(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    backend = _OneTransaction(connection)
    with as_file(files("headrace.store") / "migrations") as folder:
        for step in backend.to_apply(read_migrations(str(folder))):
            backend.apply_one(step)


class _OneTransaction(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo ships no type information
    """yoyo inside a transaction that the caller began: what it calls transactions are savepoints."""

    _in_transaction = True

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._given = connection
        super().__init__(parse_uri("postgresql+psycopg:///"), "_yoyo_migration")

    def connect(self, dburi: object) -> psycopg.Connection[tuple[Any, ...]]:
        return self._given

    def copy(self) -> "_OneTransaction":
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the connection open: it is the caller's."""

    def ensure_internal_schema_updated(self) -> None:
        if internalmigrations.needs_upgrading(self):
            internalmigrations.upgrade(self)

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        now = self._given.execute("SELECT now() AT TIME ZONE 'UTC'").fetchone()
        return {
            "id": str(uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": self._given.info.user,
            "hostname": "",
            "created_at_utc": now[0] if now else None,
            "operation": operation,
        }


@contextmanager
def _errors_of_ours() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        words = "The store's schema waits for somebody who is using it, such as a back-up or another migration"
        raise UnavailableError(words, part="postgres") from error
    except psycopg.Error as error:
        if fault(error) is Fault.LASTING:
            raise PermanentError(f"The store's schema can't be migrated: {describe(error)}") from error
        # A wrong password too: the operator waits until somebody has put it right.
        raise UnavailableError(f"The store's Postgres can't be reached: {describe(error)}", part="postgres") from error


def _what_to_run(role: str, error: psycopg.Error) -> str:
    command = sql.SQL("CREATE SCHEMA IF NOT EXISTS {0}; GRANT USAGE, CREATE ON SCHEMA {0} TO {1}")
    text = command.format(sql.Identifier(SCHEMA), sql.Identifier(role)).as_string(None)
    return f"The store's role lacks a right: {describe(error)}. As owner of its database run: {text}"


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Returns the exit code."""
    if arguments:
        shown = sys.stdout if arguments in (["--help"], ["-h"]) else sys.stderr
        shown.write(_USAGE)
        return 0 if shown is sys.stdout else 1
    # Else the first process of a container does not hear it. What was begun is rolled back by the server.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    try:
        dsn, seconds = _settings(environ)
        asyncio.run(migrate_when_ready(dsn, wait=True, seconds=seconds))
    except HeadraceError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    sys.stdout.write("The store's schema is up to date.\n")
    return 0


def _settings(environ: Mapping[str, str]) -> tuple[str, float]:
    dsn, seconds = environ.get("HEADRACE_STORE_DSN", ""), environ.get("HEADRACE_MIGRATE_SECONDS", "60")
    if not dsn:
        raise PermanentError("HEADRACE_STORE_DSN is missing: the store's Postgres, as a libpq URL")
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", seconds, re.ASCII):
        raise PermanentError("HEADRACE_MIGRATE_SECONDS is not a number of seconds, such as 60")
    return dsn, float(seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
