"""Each fault of Postgres is called permanent or transient, in words that name no host, password or statement."""

import psycopg
import pytest
from psycopg.pq import DiagnosticField

from headrace.errors import OutrunError, PermanentError, TransientError
from headrace.postgres.faults import Fault
from headrace.postgres.problems import describe, fault, translate, translated

HOST, ADDRESS, PASSWORD = "db-7.internal.example", "10.11.12.13", "hunter2"


def _error(sqlstate: str, primary: str = "something happened", **fields: str) -> psycopg.Error:
    """An error as the server sends it; `fields` by the names of psycopg's diagnostics."""
    values = {DiagnosticField.MESSAGE_PRIMARY: primary.encode(), DiagnosticField.SQLSTATE: sqlstate.encode()}
    values |= {DiagnosticField[name.upper()]: text.encode() for name, text in fields.items()}
    try:
        kind = psycopg.errors.lookup(sqlstate)
    except KeyError:
        kind = type("Unknown", (psycopg.DatabaseError,), {"sqlstate": sqlstate})
    return kind(f'{primary}\nLINE 1: SELECT "statement text"', info=values, encoding="utf-8")  # type: ignore[arg-type]


_PERMANENT = {
    "0A000": "feature not supported",
    "21000": "a subquery gave two rows",
    "22003": "numeric value out of range",
    "22P02": "invalid text representation",
    "22P03": "incorrect binary data",
    "23502": "not null",
    "23505": "unique",
    "28000": "no way in",
    "28P01": "password",
    "3D000": "no such database",
    "3F000": "no such schema",
    "40002": "deferred constraint",
    "42501": "no permission",
    "42601": "syntax",
    "42703": "no such column",
    "42804": "type mismatch",
    "42P01": "no such table",
    "44000": "check option",
    "54000": "too complex",
    "55000": "not in the state for that",
    "57P04": "database dropped",
    "HV000": "foreign data wrapper",
    "P0001": "raised by a trigger",
    "XX001": "corrupted",
}
_TRANSIENT = {
    "08000": "connection",
    "08006": "connection failure",
    "25006": "read-only after a fail-over",
    "25P03": "idle in transaction",
    "25P04": "transaction timeout",
    "40001": "serialization, recovery conflict",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55006": "in use",
    "55P03": "lock timeout",
    "57014": "cancelled",
    "57P01": "shutdown by an administrator",
    "57P02": "crash of another backend",
    "57P03": "starting up",
    "57P05": "idle session",
    "58030": "I/O",
    "HV00N": "the foreign server is away",
    "XX000": "internal",
    "ZZ999": "a code that nobody knows",
}


@pytest.mark.parametrize("sqlstate", _PERMANENT, ids=_PERMANENT.get)
def test_no_retry_helps(sqlstate: str) -> None:
    assert isinstance(translate(_error(sqlstate), "source"), PermanentError)


@pytest.mark.parametrize("sqlstate", _TRANSIENT, ids=_TRANSIENT.get)
def test_a_retry_may_help(sqlstate: str) -> None:
    assert isinstance(translate(_error(sqlstate), "source"), TransientError)


def _away(text: str) -> str:
    return f'connection failed: connection to server at "{ADDRESS}", port 5432 failed: {text}'


_SEVERAL = f"""Multiple connection attempts failed. All failures were:
- host: 'refused.example', port: '5432', hostaddr: '{ADDRESS}': {_away("Connection refused")}
- host: 'x', port: '5432', hostaddr: '::1': {_away("FATAL:  password authentication failed for user")}"""

_WITHOUT_SQLSTATE = [
    (_away(f'FATAL:  password authentication failed for user "{HOST}"'), Fault.ACCESS, "wrong user name or password"),
    (
        _away("fe_sendauth: no password supplied"),
        Fault.ACCESS,
        "the server asks for a password, and none is configured",
    ),
    (_away('FATAL:  role "x" does not exist'), Fault.ACCESS, "the user does not exist on the server"),
    (_away('FATAL:  role "x" is not permitted to log in'), Fault.ACCESS, "the user is not permitted to log in"),
    (_away('FATAL:  database "x" does not exist'), Fault.ACCESS, "the database does not exist on the server"),
    (
        _away('FATAL:  permission denied for database "x"\nDETAIL:  User does not have CONNECT privilege.'),
        Fault.ACCESS,
        "the user has no right to connect to the database",
    ),
    (
        _away(f'FATAL:  no pg_hba.conf entry for host "{ADDRESS}", user "x", database "y", no encryption'),
        Fault.ACCESS,
        "the server's pg_hba.conf does not let this user in",
    ),
    (
        _away("server does not support SSL, but SSL was required"),
        Fault.ACCESS,
        "no TLS connection could be agreed upon; see sslmode and the certificates",
    ),
    (
        _away("SSL error: certificate verify failed"),
        Fault.ACCESS,
        "no TLS connection could be agreed upon; see sslmode and the certificates",
    ),
    (
        _away(f'server certificate for "x" does not match host name "{HOST}"'),
        Fault.ACCESS,
        "no TLS connection could be agreed upon; see sslmode and the certificates",
    ),
    (
        _away('FATAL:  unrecognized configuration parameter "absent"'),
        Fault.ACCESS,
        "the server, or a pooler in front of it, does not take an option of the connection string",
    ),
    (
        _away("FATAL:  unsupported startup parameter: options"),
        Fault.ACCESS,
        "the server, or a pooler in front of it, does not take an option of the connection string",
    ),
    (
        _away('FATAL:  invalid value for parameter "work_mem": "banana"'),
        Fault.ACCESS,
        "the server, or a pooler in front of it, does not take an option of the connection string",
    ),
    (_away("FATAL:  no such database: x"), Fault.ACCESS, "the pooler does not know the database"),
    (_away("FATAL:  no such user"), Fault.ACCESS, "the pooler does not know the user"),
    (_away("FATAL:  server login failed: x"), Fault.CONNECTION, "the pooler has no way to its server"),
    (
        _away("FATAL:  no more connections allowed (max_client_conn)"),
        Fault.CONNECTION,
        "the server has no free connection slot",
    ),
    (_away("FATAL:  query_wait_timeout"), Fault.CONNECTION, "no connection became free in time"),
    ('definition of service "absent" not found', Fault.ACCESS, "the connection string can't be read"),
    (_away("FATAL:  sorry, too many clients already"), Fault.CONNECTION, "the server has no free connection slot"),
    (
        _away("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute"),
        Fault.CONNECTION,
        "the server has no free connection slot",
    ),
    (_away("FATAL:  the database system is starting up"), Fault.CONNECTION, "the server is starting or stopping"),
    (_away("FATAL:  the database system is shutting down"), Fault.CONNECTION, "the server is starting or stopping"),
    (_away("FATAL:  the database system is in recovery mode"), Fault.CONNECTION, "the server is starting or stopping"),
    (_away("session is read-only"), Fault.CONNECTION, "no server with the wanted role was found"),
    (
        f"failed to resolve host '{HOST}': [Errno -2] Name or service not known",
        Fault.CONNECTION,
        "the host name is not known",
    ),
    (
        f'could not translate host name "{HOST}" to address: Temporary failure in name resolution',
        Fault.CONNECTION,
        "the host name is not known",
    ),
    (
        _away("Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?"),
        Fault.CONNECTION,
        "nothing listens at the configured address",
    ),
    (
        'connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory',
        Fault.CONNECTION,
        "nothing listens at the configured address",
    ),
    (_away("No route to host"), Fault.CONNECTION, "there is no route to the server"),
    (_away("Network is unreachable"), Fault.CONNECTION, "there is no route to the server"),
    ("connection timeout expired", Fault.CONNECTION, "the server did not answer in time"),
    (
        "could not receive data from server: Connection timed out",
        Fault.CONNECTION,
        "the server did not answer in time",
    ),
    ("couldn't get a connection after 10.00 sec", Fault.CONNECTION, "no connection became free in time"),
    (
        "consuming input failed: server closed the connection unexpectedly\n\tThis probably means …",
        Fault.CONNECTION,
        "the connection was lost",
    ),
    ("consuming input failed: SSL SYSCALL error: EOF detected", Fault.CONNECTION, "the connection was lost"),
    ("SSL connection has been closed unexpectedly", Fault.CONNECTION, "the connection was lost"),
    ("the connection is closed", Fault.CONNECTION, "the connection was lost"),
    (f'FATAL: etwas {PASSWORD} auf "{HOST}"', Fault.CONNECTION, "the connection was lost"),
    (
        _SEVERAL,
        Fault.ACCESS,
        "wrong user name or password",
    ),
    (
        # A host may have any name.
        'connection to server at "certificate.example", port 5432 failed: FATAL:  role "x" does not exist',
        Fault.ACCESS,
        "the user does not exist on the server",
    ),
]


@pytest.mark.parametrize(("text", "kind", "words"), _WITHOUT_SQLSTATE)
def test_a_connection_that_failed_is_told_in_words_of_ours(text: str, kind: Fault, words: str) -> None:
    error = psycopg.OperationalError(text)
    assert (fault(error), describe(error)) == (kind, words)


@pytest.mark.parametrize(("text", "kind", "words"), _WITHOUT_SQLSTATE)
def test_no_host_address_or_password_is_told(text: str, kind: Fault, words: str) -> None:
    message = translate(psycopg.OperationalError(text), "target").message
    for secret in (HOST, ADDRESS, PASSWORD, "5432", "refused.example"):
        assert secret not in message


@pytest.mark.parametrize(
    "error",
    [
        psycopg.ProgrammingError(f'missing "=" after "{PASSWORD}" in connection info string'),
        psycopg.ProgrammingError(f'invalid connection option "{PASSWORD}"'),
        psycopg.ProgrammingError(f"the query has 1 placeholders but 2 {PASSWORD}"),
        psycopg.DataError(f"can't dump {PASSWORD}"),
        psycopg.NotSupportedError(PASSWORD),
    ],
)
def test_a_fault_in_our_own_use_is_permanent_and_quotes_nothing(error: psycopg.Error) -> None:
    translated_error = translate(error, "source")
    assert isinstance(translated_error, PermanentError)
    assert PASSWORD not in translated_error.message


def test_the_servers_message_detail_and_hint_are_passed_on() -> None:
    error = _error(
        "42703",
        'column "titel" does not exist',
        message_detail="There is a column named otherwise.",
        message_hint='Perhaps you meant to reference the column "title".',
        context='SQL statement "SELECT secret_statement"',
    )
    expected = (
        'Source: column "titel" does not exist. There is a column named otherwise. '
        'Perhaps you meant to reference the column "title"'
    )
    assert translate(error, "source").message == expected


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("COPY film_dim, line 3, column rating", "numeric field overflow (column rating)"),
        ('COPY film_dim, line 3, column rating: "12345.6"', "numeric field overflow (column rating)"),
        ("PL/pgSQL function f() line 1\nCOPY t, line 1, column a b", "numeric field overflow (column a b)"),
        ("COPY film_dim, line 3", "numeric field overflow"),
        ('SQL statement "COPY x, column y"', "numeric field overflow"),
    ],
)
def test_of_the_context_only_the_column_of_a_copy_is_told(context: str, expected: str) -> None:
    assert describe(_error("22003", "numeric field overflow", context=context)) == expected


def test_a_link_to_another_server_keeps_its_address_to_itself() -> None:
    detail = f'connection to server at "{ADDRESS}", port 5432 failed: Connection refused'
    assert describe(_error("08001", "could not establish connection", message_detail=detail)) == (
        "could not establish connection"
    )


def test_a_server_that_says_nothing_is_described_all_the_same() -> None:
    error = psycopg.errors.lookup("57P01")()
    assert describe(error) == "the server gave no message"


def test_our_own_errors_pass_and_those_of_psycopg_are_translated() -> None:
    with pytest.raises(OutrunError), translated("target"):
        raise OutrunError("a later run has taken over")
    with pytest.raises(TransientError, match=r"^Target: deadlock detected$"), translated("target"):
        raise _error("40P01", "deadlock detected")
    with pytest.raises(ZeroDivisionError), translated("target"):
        raise ZeroDivisionError
