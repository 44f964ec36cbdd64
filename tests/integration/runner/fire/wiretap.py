"""A proxy before a Postgres that understands what passes, and may kill, cut or fall silent at any message.

What a process does to the world is what it sends: one that dies between two messages is one that dies before the
second. So every line at which a runner may die is a message here, whatever its code looks like.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CHUNK = 1 << 16
_UNPRINTABLE = re.compile(rb"[\x00-\x1f\x7f-\xff]+")


@dataclass(frozen=True, slots=True)
class Message:
    """What is about to pass."""

    kind: str
    """`statement` and `rows` (of a COPY) come from the client, `answer` (a command is complete) from the server."""
    statement: str
    """The statement in hand, with the parameters that are text."""
    transaction: str
    """All its transaction's statements, this one too."""
    tag: str = ""
    """An answer's: `COPY 200`, `COMMIT`."""


class CutError(Exception):
    """Raised by a listener: this message passes no more, and its connection ends."""


Listener = Callable[[Message], None]


class Wiretap:
    """Forwards connections to one server; `listener` sees each message before it is forwarded."""

    def __init__(self, dsn: str) -> None:
        given = conninfo_to_dict(dsn)
        self._server = (str(given["host"]), int(given["port"] or 5432))
        self._listen = socket.create_server(("127.0.0.1", 0))
        self.dsn = make_conninfo(
            dsn, host="127.0.0.1", port=self._listen.getsockname()[1], sslmode="disable", gssencmode="disable"
        )
        self.listener: Listener = lambda message: None
        self._passing = threading.Event()
        self._passing.set()
        self._silent: list[threading.Event] = []
        self._links: list[_Link] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """From now on nothing passes, and no connection ends: new ones are accepted and hear nothing."""
        self._passing.clear()

    def speak(self) -> None:
        """Ends the silence; what was said meanwhile passes."""
        self._passing.set()

    def break_silence(self) -> None:
        """Ends the silence for new connections; those that were silent stay so until their client leaves."""
        self._silent.append(self._passing)
        self._passing = threading.Event()
        self._passing.set()

    def cut(self) -> None:
        """Ends all connections, with what is under way on them."""
        for link in self._links:
            link.cut()

    def close(self) -> None:
        """Ends everything."""
        self._listen.close()
        self.cut()
        for passing in (self._passing, *self._silent):
            passing.set()

    def _hear(self, message: Message) -> None:
        # Whoever listens by then: it may be another one than when the connection was made.
        self.listener(message)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listen.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._passing.wait()
        try:
            server = socket.create_connection(self._server)
        except OSError:
            client.close()
            return
        link = _Link(client, server, self._hear, self._passing)
        self._links.append(link)
        link.start()


class _Link:
    """One connection, in both directions."""

    def __init__(
        self, client: socket.socket, server: socket.socket, listener: Listener, passing: threading.Event
    ) -> None:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # What was sent before a silence arrives in it: let that be little.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK)
        self._client = client
        self._server = server
        self._listener = listener
        self._passing = passing
        self._in_hand: deque[str] = deque()
        self._transaction: list[str] = []
        self._prepared: dict[bytes, str] = {}

    def start(self) -> None:
        """Forwards until one end is gone."""
        for pump in (self._from_client, self._from_server):
            threading.Thread(target=self._run, args=(pump,), daemon=True).start()

    def cut(self) -> None:
        """Ends it."""
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _run(self, pump: Callable[[], None]) -> None:
        try:
            pump()
        except (OSError, CutError, ValueError):
            pass
        finally:
            self.cut()

    def _from_client(self) -> None:
        reader = _Reader(self._client, self._passing)
        self._server.sendall(reader.startup())
        group: list[bytes] = []
        for kind, frame in reader.frames():
            group.append(frame)
            if kind in b"PBDECF":
                continue  # The statement is complete with its Sync.
            try:
                self._hear_client(kind, group)
            except CutError:
                if kind in b"d":
                    # Who dies while it sends has sent a part.
                    self._server.sendall(frame[: len(frame) // 2])
                raise
            self._server.sendall(b"".join(group))
            group = []

    def _hear_client(self, kind: int, group: list[bytes]) -> None:
        if kind in b"QS":
            statement = self._statement(kind, group)
            self._in_hand.append(statement)
            self._transaction.append(statement)
            self._listener(self._message("statement", statement))
        elif kind in b"d":
            self._listener(self._message("rows", self._current()))

    def _statement(self, kind: int, group: list[bytes]) -> str:
        if kind in b"Q":
            return group[-1][5:-1].decode()
        words = []
        for frame in group:
            if frame[:1] == b"P":
                name, query, _ = frame[5:].split(b"\0", 2)
                self._prepared[name] = query.decode()
            elif frame[:1] == b"B":
                _, name, parameters = frame[5:].split(b"\0", 2)
                words += [self._prepared.get(name, ""), _UNPRINTABLE.sub(b" ", parameters).decode()]
        return " ".join(words)

    def _message(self, kind: str, statement: str, tag: str = "") -> Message:
        return Message(kind, statement, "; ".join(self._transaction), tag)

    def _current(self) -> str:
        return self._in_hand[0] if self._in_hand else ""

    def _from_server(self) -> None:
        for kind, frame in _Reader(self._server, self._passing).frames():
            if kind in b"C":
                self._listener(self._message("answer", self._current(), frame[5:-1].decode()))
            elif kind in b"Z" and self._in_hand:
                self._in_hand.popleft()
                if frame[5:6] == b"I":
                    self._transaction.clear()
            self._client.sendall(frame)


class _Reader:
    """Cuts what comes from a socket into messages; while nothing may pass, none come."""

    def __init__(self, end: socket.socket, passing: threading.Event) -> None:
        self._end = end
        self._passing = passing
        self._data = bytearray()

    def startup(self) -> bytes:
        """A client's first message, which has no type."""
        self._fill(4)
        (length,) = struct.unpack_from("!i", self._data)
        return self._take(length)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Type and bytes of each message."""
        while True:
            self._fill(5)
            (length,) = struct.unpack_from("!i", self._data, 1)
            frame = self._take(length + 1)
            self._passing.wait()
            yield frame[0], frame

    def _take(self, length: int) -> bytes:
        self._fill(length)
        frame = bytes(self._data[:length])
        del self._data[:length]
        return frame

    def _fill(self, length: int) -> None:
        while len(self._data) < length:
            self._passing.wait()
            chunk = self._end.recv(CHUNK)
            if not chunk:
                raise CutError
            self._data += chunk
