"""Connections to a real server: what they are set to, how they end, and how its faults read."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from headrace.errors import PermanentError, TransientError
from headrace.postgres.connect import connect
from headrace.postgres.deadlines import deadline
from headrace.postgres.problems import translated


def _connect(dsn: str, **settings: str) -> psycopg.Connection[Any]:
    return connect(dsn, application_name="headrace-test", settings=settings)


def test_a_session_notices_a_dead_client_and_has_what_was_asked_for(database: str) -> None:
    with _connect(database, lock_timeout="7s", no_such_setting_here="1") as connection:
        query = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
        names = ["client_connection_check_interval", "tcp_keepalives_idle", "lock_timeout", "application_name"]
        settings = dict(connection.execute(query, (names,)).fetchall())
    assert settings == {
        "client_connection_check_interval": "2000",
        "tcp_keepalives_idle": "15",
        "lock_timeout": "7000",
        "application_name": "headrace-test",
    }


def test_a_query_ends_soon_after_its_client_was_killed(database: str) -> None:
    program = """if True:
        import sys
        from headrace.postgres.connect import connect
        connect(sys.argv[1], application_name="killed").execute("SELECT pg_sleep(60)")
    """
    with _connect(database) as watcher, subprocess.Popen([sys.executable, "-c", program, database]) as client:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'killed' AND query ~ 'pg_sleep'"
        _wait_until(lambda: watcher.execute(query).fetchone() == (1,))
        client.kill()
        _wait_until(lambda: watcher.execute(query).fetchone() == (0,))


def test_a_server_that_hangs_is_left_after_the_deadline(database: str) -> None:
    with _connect(database) as connection:
        backend = connection.info.backend_pid
        if not Path(f"/proc/{backend}").exists():
            pytest.skip("the server is not on this machine")
        os.kill(backend, signal.SIGSTOP)
        started = time.monotonic()
        try:
            with pytest.raises(TransientError, match="Target: the connection was lost"), translated("target"):
                with deadline(connection, 0.5):
                    connection.execute("SELECT 1")
        finally:
            os.kill(backend, signal.SIGCONT)
        assert time.monotonic() - started < 2


def test_a_server_that_freezes_once_it_let_us_in_is_left_after_the_timeout_of_the_dsn() -> None:
    def let_in_and_freeze(listener: socket.socket, ended: threading.Event) -> None:
        client, _ = listener.accept()
        with client:
            client.recv(1024)
            # AuthenticationOk, ReadyForQuery: https://www.postgresql.org/docs/current/protocol-message-formats.html
            client.sendall(b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I")
            ended.wait(30)

    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=let_in_and_freeze, args=(listener, ended))
        server.start()
        port = listener.getsockname()[1]
        dsn = f"host=127.0.0.1 port={port} user=x dbname=x sslmode=disable gssencmode=disable connect_timeout=2"
        started = time.monotonic()
        with pytest.raises(TransientError, match="the connection was lost"), translated("the target"):
            connect(dsn, application_name="headrace-test", connect_timeout=20)
        assert time.monotonic() - started < 5
        ended.set()
        server.join(5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "hunter2"}, "wrong user name or password"),
        ({"user": "nobody_here"}, "wrong user name or password"),
        ({"dbname": "no_such_database"}, "the database does not exist on the server"),
        ({"sslmode": "require"}, "no TLS connection could be agreed upon"),
        ({"sslmode": "nonsense"}, "can't be read|no TLS"),
    ],
)
def test_no_way_in_is_permanent_and_says_why(database: str, change: dict[str, str], words: str) -> None:
    dsn = psycopg.conninfo.make_conninfo(database, **change)
    host = str(psycopg.conninfo.conninfo_to_dict(database)["host"])
    with pytest.raises(PermanentError, match=words) as raised, translated("source"):
        _connect(dsn)
    assert host not in raised.value.message
    assert "hunter2" not in raised.value.message


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("host=127.0.0.1 port=1", "nothing listens at the configured address"),
        ("host=/nowhere", "nothing listens at the configured address"),
        ("host=no-such-host.invalid", "the host name is not known"),
    ],
)
def test_an_address_without_a_server_is_transient(dsn: str, words: str) -> None:
    with pytest.raises(TransientError, match=f"Source: {words}"), translated("source"):
        _connect(dsn)


@pytest.mark.parametrize("host", ["no..host", "x" * 64])
def test_a_host_name_that_can_not_be_one_is_permanent(host: str) -> None:
    with pytest.raises(PermanentError, match=r"^Source: the host name is not known$"), translated("source"):
        _connect(f"host={host}")


_STATEMENTS: list[tuple[LiteralString, str]] = [
    ("SELECT 'a secret' FORM content.film", r'Source: syntax error at or near "content"'),
    ("SELECT 'a secret' FROM nowhere", r'Source: relation "nowhere" does not exist'),
    ("SELECT relnam, 'a secret' FROM pg_class", r'relnam" does not exist\. Perhaps you meant to reference'),
    ("DO $$ BEGIN EXECUTE 'SELECT ''a secret'', 1/0'; END $$", "Source: division by zero"),
]


@pytest.mark.parametrize(("statement", "words"), _STATEMENTS)
def test_a_statement_that_fails_is_not_quoted(database: str, statement: LiteralString, words: str) -> None:
    with _connect(database) as connection:
        with pytest.raises(PermanentError, match=words) as raised, translated("source"):
            connection.execute(statement)
    assert "a secret" not in raised.value.message


def test_rows_that_a_copy_refuses_name_the_column(database: str) -> None:
    with _connect(database) as connection, connection.cursor() as cursor:
        connection.execute("CREATE TABLE film (id int, rating numeric(3, 1))")
        with pytest.raises(PermanentError, match=r"numeric field overflow \(column rating\)"), translated("target"):
            with cursor.copy("COPY film FROM STDIN") as copy:
                copy.write_row((1, "1234.5"))


def test_a_lock_that_is_held_is_transient(database: str) -> None:
    with _connect(database) as holder, _connect(database, lock_timeout="100ms") as connection:
        holder.execute("CREATE TABLE film (id int)")
        with holder.transaction():
            holder.execute("LOCK TABLE film")
            with pytest.raises(TransientError, match="lock timeout"), translated("target"):
                connection.execute("SELECT * FROM film")


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
