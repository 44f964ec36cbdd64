"""A server that stops to answer does not hold who waits for it; one that works for long is left alone."""

import socket
import threading
import time
from contextlib import contextmanager, suppress

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from headrace.postgres.connect import connect
from headrace.postgres.watch import QUESTIONS, Watch

QUIET, ANSWER = 0.5, 0.3


def watched(dsn):
    connection = connect(dsn, application_name="watched")
    Watch(connection, quiet_seconds=QUIET, answer_seconds=ANSWER).start()
    return connection


def test_a_frozen_server_is_given_up(own_server):
    with watched(own_server.dsn()) as connection, own_server.frozen():
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert time.monotonic() - began < 2 * QUIET + QUESTIONS * ANSWER + 2


def test_a_server_that_is_frozen_for_a_moment_is_waited_for(own_server):
    with watched(own_server.dsn()) as connection:
        with own_server.frozen():
            time.sleep(2 * QUIET)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_long_statement_is_left_alone(own_server):
    with watched(own_server.dsn()) as connection:
        assert connection.execute("SELECT 1 FROM pg_sleep(4)").fetchone() == (1,)


def test_an_idle_session_is_left_alone(own_server):
    with watched(own_server.dsn()) as connection:
        time.sleep(3)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_newcomer_that_is_turned_away_says_nothing_of_the_session(own_server):
    with relay(own_server) as (listener, dsn), watched(dsn) as connection:
        listener.close()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(dsn)
        assert connection.execute("SELECT 1 FROM pg_sleep(4)").fetchone() == (1,)


@contextmanager
def relay(server):
    """A listener that passes its first connection on to the server, and a DSN that leads to it."""

    def serve():
        client, _ = listener.accept()
        address = conninfo_to_dict(server.dsn())
        with client, socket.create_connection((address["host"], address["port"])) as peer:
            back = threading.Thread(target=pump, args=(peer, client))
            back.start()
            pump(client, peer)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener, server.dsn(port=str(listener.getsockname()[1]))
    thread.join()


def pump(come, go):
    with suppress(OSError):
        while data := come.recv(65536):
            go.sendall(data)
        go.shutdown(socket.SHUT_WR)
