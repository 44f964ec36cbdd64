"""A server that stops to answer does not hold who waits for it; one that works for long is left alone."""

import time

import psycopg
import pytest

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
