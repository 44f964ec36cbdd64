"""An end to waiting for a server that answers no more while its connection stands: it is frozen, or its proxy hangs.

Keepalives do not see it, for a kernel answers them; and no deadline fits, for a statement may rightly take hours. So
once nothing came for a while, the server is asked by another connection whether it talks to anybody.
"""

import os
import socket
import struct
import threading
import time
from typing import Any

import psycopg

from headrace.postgres.deadlines import shut_down

QUIET_SECONDS = 20.0
"""Nothing came for so long: ask, and again after as long."""
ANSWER_SECONDS = 10.0
QUESTIONS = 3
"""So many in a row without an answer, and the connection is given up: within a minute of the last word."""

_QUESTION = struct.pack("!ii", 8, 80877104)
"""GSSENCRequest. Postgres and its poolers answer it at once: no password, no slot, no line in the log.

An SSLRequest is answered as well, but a server with TLS logs that nothing comes after it.
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-GSSAPI
"""
_LAST_DATA_RECEIVED = 8 + 4 * 11
"""Where `struct tcp_info` says how many milliseconds ago something came (linux/tcp.h)."""


class Watch:
    """Watches one connection from a thread of its own, as long as it is open."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        *,
        quiet_seconds: float = QUIET_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._connection = connection
        self._quiet_seconds = quiet_seconds
        self._answer_seconds = answer_seconds
        info = connection.info
        # The machine that we are connected to; the DSN may name several, and a name may move.
        self._address = (info.hostaddr or info.host, info.port)

    def start(self) -> None:
        """Begins to watch."""
        threading.Thread(target=self._work, name="watch", daemon=True).start()

    def _work(self) -> None:
        unanswered = 0
        while not self._connection.closed:
            began = time.monotonic()
            if not self._is_quiet() or self._answers():
                unanswered = 0
                pause = self._quiet_seconds
            else:
                unanswered += 1
                pause = self._answer_seconds
            if unanswered >= QUESTIONS:
                shut_down(self._connection.pgconn)
                return
            time.sleep(max(0.0, began + pause - time.monotonic()))

    def _is_quiet(self) -> bool:
        try:
            with socket.socket(fileno=os.dup(self._connection.pgconn.socket)) as ours:
                info = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            (milliseconds,) = struct.unpack_from("=I", info, _LAST_DATA_RECEIVED)
        except (OSError, AttributeError, struct.error, psycopg.Error):
            # No TCP, or no Linux: then it is asked for nothing at times.
            return True
        return float(milliseconds) >= self._quiet_seconds * 1000

    def _answers(self) -> bool:
        """Whether a newcomer is met by anything but silence; nothing else says that the session is lost."""
        host, port = self._address
        try:
            with socket.socket(socket.AF_UNIX) if host.startswith("/") else socket.socket(_family(host)) as newcomer:
                newcomer.settimeout(self._answer_seconds)
                newcomer.connect(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
                newcomer.sendall(_QUESTION)
                newcomer.recv(1)
        except (TimeoutError, BlockingIOError):
            # The latter: so many wait at a Unix socket that there is no room for another.
            return False
        except OSError:
            # Turned away: a pooler drains, a service has no ready pod, a socket's file was swept. Sessions go on, and
            # where the server is gone with them, its kernel has told so, or keepalives will.
            return True
        return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
