"""What kinds of faults there are, and by what they are known: SQLSTATEs, and where there is none libpq's own words."""

from enum import Enum
from typing import NamedTuple


class Fault(Enum):
    """What kind of fault an error is; it decides who should do what."""

    PASSING = "may pass by itself: try again"
    CONNECTION = "there is no way to the server now: try again"
    ACCESS = "the server does not let us in: somebody has to change the DSN or the server"
    LASTING = "no retry can help: somebody has to change the statement, the data or the rights"


class Refusal(Enum):
    """Why there is no way into a server, in one word: reasons of the condition Ready."""

    HOST_UNKNOWN = "HostUnknown"
    CONNECTION_REFUSED = "ConnectionRefused"
    NO_ANSWER = "NoAnswer"
    LOGIN_REFUSED = "LoginRefused"
    TLS_FAILED = "TlsFailed"
    DATABASE_MISSING = "DatabaseMissing"
    TOO_MANY_CONNECTIONS = "TooManyConnections"
    SERVER_NOT_READY = "ServerNotReady"
    CONNECTION_FAILED = "ConnectionFailed"


FAULTS: dict[str, Fault] = {
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
OTHERWISE = Fault.PASSING

REFUSALS: dict[str, Refusal] = {
    "28": Refusal.LOGIN_REFUSED,
    "3D": Refusal.DATABASE_MISSING,
    "53300": Refusal.TOO_MANY_CONNECTIONS,
    "57P01": Refusal.SERVER_NOT_READY,
    "57P02": Refusal.SERVER_NOT_READY,
    "57P03": Refusal.SERVER_NOT_READY,
    "57P04": Refusal.DATABASE_MISSING,
}


class Words(NamedTuple):
    """What a text of libpq's, without any SQLSTATE, means."""

    pattern: str
    """By which it is known; case does not count."""
    fault: Fault
    refusal: Refusal
    text: str
    """What people are told in its place."""
    is_of_login: bool = False
    """Another password or user may be let in. A pg_hba.conf without an entry is seldom the user's fault."""


WORDS: tuple[Words, ...] = (
    # libpq has no SQLSTATE for a connection that failed, only text, at times one for each address: the first row wins.
    Words(
        r"password authentication failed|authentication failed for user",
        Fault.ACCESS,
        Refusal.LOGIN_REFUSED,
        "wrong user name or password",
        is_of_login=True,
    ),
    Words(
        r"(unrecognized|unsupported) (configuration|startup) parameter|invalid (value for parameter|command-line)",
        Fault.ACCESS,
        Refusal.CONNECTION_FAILED,
        "the server, or a pooler in front of it, does not take an option of the connection string",
    ),
    Words(r"no such database", Fault.ACCESS, Refusal.DATABASE_MISSING, "the pooler does not know the database"),
    Words(r"no such user", Fault.ACCESS, Refusal.LOGIN_REFUSED, "the pooler does not know the user", is_of_login=True),
    Words(
        r"no password supplied|fe_sendauth",
        Fault.ACCESS,
        Refusal.LOGIN_REFUSED,
        "the server asks for a password, and none is configured",
        is_of_login=True,
    ),
    Words(
        r"role .* does not exist",
        Fault.ACCESS,
        Refusal.LOGIN_REFUSED,
        "the user does not exist on the server",
        is_of_login=True,
    ),
    Words(
        r"is not permitted to log in",
        Fault.ACCESS,
        Refusal.LOGIN_REFUSED,
        "the user is not permitted to log in",
        is_of_login=True,
    ),
    Words(
        r"database .* does not exist",
        Fault.ACCESS,
        Refusal.DATABASE_MISSING,
        "the database does not exist on the server",
    ),
    Words(
        r"permission denied for database",
        Fault.ACCESS,
        Refusal.LOGIN_REFUSED,
        "the user has no right to connect to the database",
    ),
    Words(
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        Fault.ACCESS,
        Refusal.LOGIN_REFUSED,
        "the server's pg_hba.conf does not let this user in",
    ),
    Words(
        r"does not support SSL|certificate|sslmode|SSL error: (?!unexpected eof)|channel binding|no encryption",
        Fault.ACCESS,
        Refusal.TLS_FAILED,
        "no TLS connection could be agreed upon; see sslmode and the certificates",
    ),
    Words(
        r"authentication method|SCRAM|SASL",
        Fault.ACCESS,
        Refusal.LOGIN_REFUSED,
        "the server asks for an authentication that failed",
    ),
    Words(
        r"too many (clients|connections)|connection slots|no more connections allowed",
        Fault.CONNECTION,
        Refusal.TOO_MANY_CONNECTIONS,
        "the server has no free connection slot",
    ),
    Words(
        r"starting up|shutting down|recovery mode|not yet accepting|not accepting connections",
        Fault.CONNECTION,
        Refusal.SERVER_NOT_READY,
        "the server is starting or stopping",
    ),
    Words(
        r"session is (not )?read-only|hot standby",
        Fault.CONNECTION,
        Refusal.CONNECTION_FAILED,
        "no server with the wanted role was found",
    ),
    Words(r"encode the host name", Fault.ACCESS, Refusal.HOST_UNKNOWN, "the host name is not known"),
    Words(
        r"resolve host|translate host name|name resolution|Name or service",
        Fault.CONNECTION,
        Refusal.HOST_UNKNOWN,
        "the host name is not known",
    ),
    Words(
        r"refused|No such file or directory",
        Fault.CONNECTION,
        Refusal.CONNECTION_REFUSED,
        "nothing listens at the configured address",
    ),
    Words(
        r"No route to host|unreachable", Fault.CONNECTION, Refusal.CONNECTION_FAILED, "there is no route to the server"
    ),
    Words(r"timeout expired|timed out", Fault.CONNECTION, Refusal.NO_ANSWER, "the server did not answer in time"),
    Words(
        r"NUL \(0x00\)",
        Fault.LASTING,
        Refusal.CONNECTION_FAILED,
        "a text contains a NUL character, which Postgres cannot store",
    ),
    Words(
        r"server login failed|cannot connect to server",
        Fault.CONNECTION,
        Refusal.SERVER_NOT_READY,
        "the pooler has no way to its server",
    ),
    Words(
        r"couldn't get a connection|query_wait_timeout",
        Fault.CONNECTION,
        Refusal.NO_ANSWER,
        "no connection became free in time",
    ),
    Words(
        r"invalid (connection|integer|port|channel|URI)|connection (info|URI|option)|missing '' after|service '' not",
        Fault.ACCESS,
        Refusal.CONNECTION_FAILED,
        "the connection string can't be read",
    ),
)
