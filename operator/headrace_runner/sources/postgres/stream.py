"""One COPY … TO STDOUT, message by message, without blocking other threads or a stop."""

import select
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from psycopg import pq

from headrace_runner.wire import error_of

POLL_MILLISECONDS = 200


class CopyStream:
    """Iterates over a COPY's messages; one message is one row.

    psycopg's own `Copy.read()` costs twice the CPU for each row. `check` is called while waiting, and raises to end.
    """

    def __init__(self, connection: psycopg.Connection[Any], statement: str, check: Callable[[], None]) -> None:
        self._pgconn = connection.pgconn
        self._statement = statement
        self._check = check
        self._poll = select.poll()
        self._poll.register(self._pgconn.socket, select.POLLIN)

    def __iter__(self) -> Iterator[bytes]:
        """Raises psycopg.Error when the server does."""
        self._start()
        get = self._pgconn.get_copy_data
        while True:
            length, message = get(1)
            if length > 0:
                yield bytes(message)
            elif length == 0:
                self._wait()
            else:
                break
        self._expect(pq.ExecStatus.COMMAND_OK)
        while self._next_result() is not None:
            pass

    def _start(self) -> None:
        self._pgconn.send_query(self._statement.encode())
        while self._pgconn.flush():
            select.select([], [self._pgconn.socket], [], POLL_MILLISECONDS / 1000)
            self._check()
        self._expect(pq.ExecStatus.COPY_OUT)

    def _expect(self, status: pq.ExecStatus) -> None:
        result = self._next_result()
        if result is None or result.status != status:
            if result is None:
                raise psycopg.OperationalError("the server ended the stream without a word")
            raise error_of(result)

    def _next_result(self) -> "pq.abc.PGresult | None":
        while self._pgconn.is_busy():
            self._wait()
        return self._pgconn.get_result()

    def _wait(self) -> None:
        while not self._poll.poll(POLL_MILLISECONDS):
            self._check()
        self._pgconn.consume_input()
