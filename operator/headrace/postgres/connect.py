"""Connections that notice when the other side is gone, from both ends."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from headrace.errors import PermanentError
from headrace.postgres.certificates import trusting
from headrace.postgres.deadlines import deadline

CONNECT_SECONDS = 10

CLIENT_KEEPALIVES: dict[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # Rows that were sent and never acknowledged: keepalives are not sent while such data is in flight.
    "tcp_user_timeout": 30_000,
}

_UNREADABLE = "The connection string is neither a libpq URL (special characters escaped) nor a list of key=value pairs"

SERVER_SETTINGS: dict[str, str] = {
    # A client whose machine died sends nothing, and holds its locks until the server asks.
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # Since PostgreSQL 14: a statement ends when its client is gone, instead of going on for nobody.
    "client_connection_check_interval": "2s",
}


def connect(
    dsn: str,
    *,
    application_name: str,
    autocommit: bool = True,
    connect_timeout: int = CONNECT_SECONDS,
    settings: Mapping[str, str] | None = None,
) -> psycopg.Connection[tuple[Any, ...]]:
    """Connects, and sets `settings` (`lock_timeout` and the like) for the session.

    A `connect_timeout` in the DSN wins. Settings that the server does not know are left out.
    Raises PermanentError for a DSN that can't be read, and psycopg.OperationalError when there is no way in.
    """
    parameters = connection_parameters(dsn, application_name=application_name, connect_timeout=connect_timeout)
    with resolvable():
        connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
    try:
        query, values = settings_query({**SERVER_SETTINGS, **(settings or {})})
        # libpq's own timeout ends with the authentication, and a server may freeze after that; 0 is none.
        seconds = int(parameters["connect_timeout"])
        with deadline(connection, seconds if seconds > 0 else threading.TIMEOUT_MAX):
            connection.execute(query, values)
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def resolvable() -> Iterator[None]:
    """Raises psycopg.OperationalError for a host name that can't even be asked for.

    With an empty label (`a..b`), or one of more than 63 characters, Python raises UnicodeError before any DNS is asked.
    """
    try:
        yield
    except UnicodeError:
        raise psycopg.OperationalError("failed to encode the host name") from None


def connection_parameters(dsn: str, *, application_name: str, connect_timeout: int) -> dict[str, Any]:
    """Returns libpq's parameters: those of the DSN, and ours where it is silent, also as to whom is trusted.

    Raises PermanentError when the DSN can't be read; libpq's own words would quote it, with its password.
    """
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        raise PermanentError(_UNREADABLE) from None
    # libpq finds out later, and tells: it is what a `/` or `:` of the password makes of a URL when it is not escaped.
    if not str(given.get("port") or "0").replace(",", "").isdecimal():
        raise PermanentError(_UNREADABLE)
    ours: dict[str, Any] = {"application_name": application_name, "connect_timeout": connect_timeout}
    return trusting({**CLIENT_KEEPALIVES, **ours, **given})


def settings_query(settings: Mapping[str, str]) -> tuple[str, tuple[list[str], list[str]]]:
    """Returns the query, and its values, that sets all settings for the session in one round trip."""
    # Not by a join with pg_settings: that makes all of its 400 rows, 2 ms for each connection.
    query = """
        SELECT pg_catalog.set_config(name, value, false)
        FROM unnest(%s::text[], %s::text[]) AS wanted(name, value)
        WHERE pg_catalog.current_setting(name, true) IS NOT NULL
    """
    return query, (list(settings), list(settings.values()))
