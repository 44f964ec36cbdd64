"""The target's session: it must notice a dead peer, and never be shared by a pooler between two transactions."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from headrace.errors import PermanentError
from headrace.postgres.connect import connect, connection_parameters
from headrace.postgres.deadlines import deadline
from headrace.postgres.problems import translated
from headrace.postgres.watch import Watch
from headrace_runner.credentials import dsn_of
from headrace_runner.postgres.pinned import PINNED

Connection = psycopg.Connection[tuple[Any, ...]]

SETTINGS = {
    **PINNED,
    "default_transaction_read_only": "off",
    "statement_timeout": "0",
    "transaction_timeout": "0",
    # A slow source is no reason to start over.
    "idle_session_timeout": "0",
    "lock_timeout": "30s",
    # A runner that was stopped in the middle of a batch must not hold its locks for ever.
    "idle_in_transaction_session_timeout": "60s",
    # With them the planner joins the whole target for every batch: 20 s instead of 6 for 2 million rows.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # Every batch is planned anew: compiling it costs more than it gains.
    "jit": "off",
}
# What was told as committed must not be lost: the server's default, unless somebody turned it off for this role.
_DURABLE = b"SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
# A group of batches is staged without touching the disk.
_ROOMY = b"SET temp_buffers = '16MB'"
_PROBES = 3
_PROBE_SECONDS = 2
APPLICATION_NAME = "headrace-write "
"""Followed by the run's id: whose sessions these are."""


def open_session(given: str | Path, run_id: str) -> Connection:
    """Connects; raises PermanentError, also for a pooler in transaction mode, or TransientError."""
    dsn = dsn_of(given, "the target")
    with translated("the target"):
        name = f"{APPLICATION_NAME}{run_id}"
        # Also as a setting: one in the DSN would win, and our successor finds us by this name.
        connection = connect(dsn, application_name=name, settings={**SETTINGS, "application_name": name})
        Watch(connection).start()
        try:
            connection.execute(_DURABLE)
            # A pooler's server process keeps the size with which it made its first temporary table.
            with suppress(psycopg.errors.InvalidParameterValue):
                connection.execute(_ROOMY)
            if _is_pooled_by_transaction(connection, dsn):
                raise PermanentError(
                    "The target is reached through a connection pooler in transaction mode: "
                    "use a direct connection, or a pool in session mode"
                )
        except BaseException:
            connection.close()
            raise
        return connection


def _is_pooled_by_transaction(connection: Connection, dsn: str) -> bool:
    """Whether two of our connections get the same server process.

    A pooler invents the process id that libpq sees. In session mode ours keeps its server process; in transaction mode
    it was given back, and a second client is given the one that was used last.
    """
    server_pid = _server_pid(connection)
    if connection.info.backend_pid == server_pid:
        return False
    for _ in range(_PROBES):
        if _second_server_pid(dsn) == _server_pid(connection):
            return True
    return _server_pid(connection) != server_pid


def _second_server_pid(dsn: str) -> int | None:
    """The server process of another connection; None when there is none for it now."""
    parameters = connection_parameters(dsn, application_name="headrace-probe", connect_timeout=_PROBE_SECONDS)
    try:
        with psycopg.connect(**parameters, autocommit=True, prepare_threshold=None) as second:
            # A pool in session mode lets it wait when ours holds the last server process.
            with deadline(second, _PROBE_SECONDS):
                return _server_pid(second)
    except psycopg.OperationalError as error:
        if error.sqlstate is not None:
            raise
        return None


def _server_pid(connection: Connection) -> int:
    row = connection.execute(b"SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])
