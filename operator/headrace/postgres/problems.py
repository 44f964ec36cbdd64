"""Postgres's errors in words that a person may see, and whether a retry can help.

What the server says of a statement (message, detail, hint) is passed on: a person can act on it. Everything that libpq
and psycopg say by themselves is replaced by words of ours, for it quotes host names, addresses and connection strings.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

import psycopg

from headrace.errors import HeadraceError, PermanentError, TransientError


class Fault(Enum):
    """What kind of fault an error is; it decides who should do what."""

    PASSING = "may pass by itself: try again"
    CONNECTION = "there is no way to the server now: try again"
    ACCESS = "the server does not let us in: somebody has to change the DSN or the server"
    LASTING = "no retry can help: somebody has to change the statement, the data or the rights"


_BY_SQLSTATE: dict[str, Fault] = {
    # https://www.postgresql.org/docs/current/errcodes-appendix.html; the longest prefix decides.
    "08": Fault.CONNECTION,
    "0A": Fault.LASTING,
    "0L": Fault.LASTING,  # invalid grantor
    "0P": Fault.LASTING,  # invalid role
    "21": Fault.LASTING,  # cardinality: a subquery gave two rows
    "22": Fault.LASTING,
    "23": Fault.LASTING,
    "2B": Fault.LASTING,
    "2F": Fault.LASTING,  # in an SQL routine
    "28": Fault.ACCESS,
    "38": Fault.LASTING,  # in an external routine
    "39": Fault.LASTING,
    "3D": Fault.ACCESS,  # the database does not exist
    "3F": Fault.LASTING,  # the schema does not exist
    "40": Fault.PASSING,  # serialization, deadlock, recovery conflict
    "40002": Fault.LASTING,  # a deferred constraint
    "42": Fault.LASTING,  # syntax, undefined, permission
    "44": Fault.LASTING,  # WITH CHECK OPTION
    "53": Fault.PASSING,  # disk full, out of memory, too many connections
    "53300": Fault.CONNECTION,
    "54": Fault.LASTING,  # too long, too many columns, too complex
    "55": Fault.LASTING,
    "55006": Fault.PASSING,  # object in use
    "55P03": Fault.PASSING,  # lock_timeout
    "57": Fault.PASSING,  # cancelled by a person, a timeout or a shutdown
    "57P01": Fault.CONNECTION,
    "57P02": Fault.CONNECTION,
    "57P03": Fault.CONNECTION,
    "57P04": Fault.ACCESS,  # the database was dropped
    "57P05": Fault.CONNECTION,  # idle_session_timeout
    "F0": Fault.PASSING,
    "HV": Fault.LASTING,  # foreign data wrapper
    "HV00N": Fault.PASSING,  # its server can't be reached
    "P0": Fault.LASTING,  # raised by a function or trigger
    "XX001": Fault.LASTING,  # corrupted
    "XX002": Fault.LASTING,
}
# Retries are bounded everywhere, so a code that nobody thought of may be tried again; among them 25 (a server that
# became read-only in a fail-over, an idle transaction that was ended), 58 (I/O) and XX (internal).
_OTHERWISE = Fault.PASSING

_WITHOUT_SQLSTATE: tuple[tuple[str, Fault, str], ...] = (
    # libpq has no SQLSTATE for a connection that failed, only text, at times one for each address: the first row wins.
    (r"password authentication failed|authentication failed for user", Fault.ACCESS, "wrong user name or password"),
    (
        r"(unrecognized|unsupported) (configuration|startup) parameter|invalid (value for parameter|command-line)",
        Fault.ACCESS,
        "the server, or a pooler in front of it, does not take an option of the connection string",
    ),
    (r"no such database", Fault.ACCESS, "the pooler does not know the database"),
    (r"no such user", Fault.ACCESS, "the pooler does not know the user"),
    (r"no password supplied|fe_sendauth", Fault.ACCESS, "the server asks for a password, and none is configured"),
    (r"role .* does not exist", Fault.ACCESS, "the user does not exist on the server"),
    (r"is not permitted to log in", Fault.ACCESS, "the user is not permitted to log in"),
    (r"database .* does not exist", Fault.ACCESS, "the database does not exist on the server"),
    (r"permission denied for database", Fault.ACCESS, "the user has no right to connect to the database"),
    (r"no pg_hba\.conf entry|pg_hba\.conf rejects", Fault.ACCESS, "the server's pg_hba.conf does not let this user in"),
    (
        r"does not support SSL|certificate|sslmode|SSL error: (?!unexpected eof)|channel binding|no encryption",
        Fault.ACCESS,
        "no TLS connection could be agreed upon; see sslmode and the certificates",
    ),
    (r"authentication method|SCRAM|SASL", Fault.ACCESS, "the server asks for an authentication that failed"),
    (
        r"too many (clients|connections)|connection slots|no more connections allowed",
        Fault.CONNECTION,
        "the server has no free connection slot",
    ),
    (
        r"starting up|shutting down|recovery mode|not yet accepting|not accepting connections",
        Fault.CONNECTION,
        "the server is starting or stopping",
    ),
    (r"session is (not )?read-only|hot standby", Fault.CONNECTION, "no server with the wanted role was found"),
    (
        r"resolve host|translate host name|name resolution|Name or service",
        Fault.CONNECTION,
        "the host name is not known",
    ),
    (r"refused|No such file or directory", Fault.CONNECTION, "nothing listens at the configured address"),
    (r"No route to host|unreachable", Fault.CONNECTION, "there is no route to the server"),
    (r"timeout expired|timed out", Fault.CONNECTION, "the server did not answer in time"),
    (r"NUL \(0x00\)", Fault.LASTING, "a text contains a NUL character, which Postgres cannot store"),
    (r"server login failed|cannot connect to server", Fault.CONNECTION, "the pooler has no way to its server"),
    (r"couldn't get a connection|query_wait_timeout", Fault.CONNECTION, "no connection became free in time"),
    (
        r"invalid (connection|integer|port|channel|URI)|connection (info|URI|option)|missing '' after|service '' not",
        Fault.ACCESS,
        "the connection string can't be read",
    ),
)

_LOST = "the connection was lost"
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
"""Names that somebody chose (a host, a role) must not be taken for the server's words."""
_COPY_COLUMN = re.compile(r"^COPY .*, line \d+, column ([^:\n]+)", re.MULTILINE)


def describe(error: psycopg.Error) -> str:
    """Returns the error in words, without any host name, address, password or statement."""
    if not error.sqlstate:
        return _classify_text(error)[1]
    message = error.diag.message_primary or "the server gave no message"
    if _fault_of(error.sqlstate) is Fault.CONNECTION:
        # The detail of a link to yet another server names its address.
        return message
    column = _copy_column(error.diag.context)
    parts = [f"{message} (column {column})" if column else message, error.diag.message_detail, error.diag.message_hint]
    return ". ".join(part.strip().rstrip(".") for part in parts if part)


def fault(error: psycopg.Error) -> Fault:
    """Returns what kind of fault this is."""
    return _fault_of(error.sqlstate) if error.sqlstate else _classify_text(error)[0]


def translate(error: psycopg.Error, what: str) -> PermanentError | TransientError:
    """Returns the error to raise instead; its message starts with `what`, the part that it came from (`source`)."""
    message = f"{what[:1].upper()}{what[1:]}: {describe(error)}"
    return PermanentError(message) if fault(error) in (Fault.ACCESS, Fault.LASTING) else TransientError(message)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raises PermanentError or TransientError for every psycopg.Error within; our own errors pass."""
    try:
        yield
    except HeadraceError:
        raise
    except psycopg.Error as error:
        raise translate(error, what) from error


def _fault_of(sqlstate: str) -> Fault:
    prefixes = (sqlstate[:length] for length in (5, 2))
    return next((_BY_SQLSTATE[prefix] for prefix in prefixes if prefix in _BY_SQLSTATE), _OTHERWISE)


def _classify_text(error: psycopg.Error) -> tuple[Fault, str]:
    text = _QUOTED.sub("''", str(error))
    for pattern, kind, words in _WITHOUT_SQLSTATE:
        if re.search(pattern, text, re.IGNORECASE):
            return kind, words
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Fault.CONNECTION, _LOST
    # A fault in how we use the driver: its text may quote values.
    return Fault.LASTING, f"the database driver refused the call ({type(error).__name__})"


def _copy_column(context: str | None) -> str | None:
    # The rest of the context is left out: it may quote a statement.
    found = _COPY_COLUMN.search(context or "")
    return found.group(1).strip() if found else None
