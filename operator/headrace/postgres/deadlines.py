"""An end to waiting for a server that holds the connection and never answers (stopped, frozen, cut off).

Neither keepalives (its kernel answers them) nor statement_timeout (it would have to fire there) help, and cancelling a
psycopg call waits for the server again. So the socket is shut down: what waits fails as if the server had died.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def deadline(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Ends the connection after `seconds`; what waits on it then raises psycopg.OperationalError."""
    timer = threading.Timer(seconds, shut_down, (connection.pgconn,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def async_deadline(connection: psycopg.AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Ends the connection after `seconds`; what waits on it then raises psycopg.OperationalError."""
    timer = asyncio.get_running_loop().call_later(seconds, shut_down, connection.pgconn)
    try:
        yield
    finally:
        timer.cancel()


def shut_down(pgconn: psycopg.pq.abc.PGconn) -> None:
    """Ends a connection under whoever waits on it, from any thread."""
    try:
        # A copy of the descriptor: closing it leaves libpq's own alone.
        with socket.socket(fileno=os.dup(pgconn.socket)) as ours:
            ours.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        return  # It ended by itself at the same moment.
