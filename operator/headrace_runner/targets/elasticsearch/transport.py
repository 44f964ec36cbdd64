"""One connection to Elasticsearch that stays open, over http.client.

For bulk bodies only. The official client costs 27 MB of memory and 0.05 of the greatest speed there is: it parses each
answer, and keeps a pool, a retry and a node selector beside it. All that is not bulk goes through it.
"""

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from headrace.errors import TransientError
from headrace.search.endpoint import Endpoint
from headrace_runner.targets.elasticsearch.problems import unreachable

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0
"""Elasticsearch itself waits up to 60 s for a shard before it answers 503."""
NDJSON = "application/x-ndjson"
_LOST = (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""The other side closed, and not a byte of an answer came."""
_KEEP_ALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 50_000}
"""A server that vanished without a word is noticed after 50 s; seconds and milliseconds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that came in full, whatever it says."""

    status: int
    body: bytes


class Connection:
    """Requests one after the other; used by one thread, but for `cancel`.

    http.client sets TCP_NODELAY, and takes no proxy from the environment.
    """

    def __init__(self, endpoint: Endpoint, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._endpoint = endpoint
        self._seconds = answer_seconds
        self._http = _http(endpoint)
        self._sock: socket.socket | None = None
        """As http.client has it; kept, since it forgets it while the last answer is read."""
        self._cancelled = threading.Event()

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = NDJSON) -> Answer:
        """Sends a request and waits for its answer; raises PermanentError (TLS) and TransientError.

        After a TransientError it may have been carried out, and with an idle connection that the server closed it may
        be sent twice: both are harmless for documents that have versions. The next request connects again.
        """
        was_open = self._http.sock is not None
        try:
            return self._exchange(method, path, body, content_type)
        except _LOST as error:
            self.close()
            if not was_open or self._cancelled.is_set():
                raise self._translate(error) from error
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self.close()
            raise self._translate(error) from error
        # Servers and proxies close connections that idle, and say so no earlier than now.
        try:
            return self._exchange(method, path, body, content_type)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self.close()
            raise self._translate(error) from error

    def cancel(self) -> None:
        """Ends the request in hand, and all later ones, with a TransientError; from another thread."""
        self._cancelled.set()
        sock = self._sock
        if sock is not None:
            # Past ssl's own shutdown, which takes the TLS object away from under the thread that reads.
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Lets go of the connection; the next request opens another."""
        self._sock = None
        with suppress(OSError):
            self._http.close()

    def _exchange(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        self._connect()
        request = self._http
        request.putrequest(method, self._endpoint.prefix + path)
        if self._endpoint.authorization is not None:
            request.putheader("Authorization", self._endpoint.authorization)
        request.putheader("Accept", "application/json")
        request.putheader("Content-Type", content_type)
        request.putheader("Content-Length", str(len(body)))
        # Who takes no body so great says 413 and closes, while we still send: that is an answer.
        with suppress(BrokenPipeError):
            request.endheaders(body)
        response = request.getresponse()
        return Answer(response.status, response.read())

    def _connect(self) -> None:
        if self._http.sock is None and not self._cancelled.is_set():
            self._http.timeout = CONNECT_SECONDS
            self._http.connect()
            self._sock = sock = cast("socket.socket", self._http.sock)
            _keep_alive(sock)
            sock.settimeout(self._seconds)
        if self._cancelled.is_set():
            raise ConnectionAbortedError

    def _translate(self, error: Exception) -> Exception:
        if self._cancelled.is_set():
            return TransientError("Elasticsearch: the request was cancelled")
        return unreachable(error)


def _http(endpoint: Endpoint) -> http.client.HTTPConnection:
    if endpoint.tls is None:
        return http.client.HTTPConnection(endpoint.host, endpoint.port)
    return http.client.HTTPSConnection(endpoint.host, endpoint.port, context=endpoint.tls)


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
