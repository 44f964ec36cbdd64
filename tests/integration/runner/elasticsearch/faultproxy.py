"""A proxy before an Elasticsearch that loses answers, cuts them, makes them up, or lets a server seem overloaded."""

import http.client
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HTML = b"<html><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Seen:
    """A bulk request on its way."""

    number: int
    """From 1 on."""
    path: str
    body: bytes
    under_way: int
    """How many bulk requests there are at this moment, this one too."""

    @property
    def documents(self) -> int:
        """Each has two lines."""
        return self.body.count(b"\n") // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one bulk request; nothing in particular."""

    delay: float = 0.0
    """Seconds, before it is carried out."""
    answer: tuple[int, bytes] | None = None
    """This instead, and it is not carried out."""
    part: float = 1.0
    """So much of the answer passes, then the connection ends; 0: nothing, and it was carried out all the same."""
    rewrite: Callable[[bytes], bytes] | None = None
    """What comes instead of the answer's body."""
    closes: bool = False
    """The connection ends after the answer, without a word of warning."""


NO_FAULT = Fault()
LOST = Fault(part=0.0)


class CutError(ConnectionError):
    """Raised by a listener: this passes no more, and its connection ends."""


class FaultProxy:
    """Forwards requests to `url`; `fault` decides about each bulk request, `listener` hears of all."""

    def __init__(self, url: str, fault: Callable[[Seen], Fault] = lambda seen: NO_FAULT) -> None:
        self.fault = fault
        self.listener: Callable[[str], None] = lambda what: None
        """Told `before POST /films/_bulk` is carried out, and `after`; may raise CutError, or take its time."""
        self.seen: list[Seen] = []
        self._lock = threading.Lock()
        self._under_way = 0
        self._target = urlsplit(url)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Listens no more."""
        self._server.shutdown()
        self._server.server_close()

    def begin(self, path: str, body: bytes) -> Seen:
        """A bulk request came in."""
        with self._lock:
            self._under_way += 1
            self.seen.append(Seen(len(self.seen) + 1, path, body, self._under_way))
            return self.seen[-1]

    def end(self) -> None:
        """It is answered, or never will be."""
        with self._lock:
            self._under_way -= 1

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of the server's answer; what is no answer is a proxy's 502."""
        server = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=120)
        try:
            server.request(method, path, body, headers)
            answer = server.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 502, HTML
        finally:
            server.close()

    def _handler(proxy) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with suppress(OSError):
                    super().handle()

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.listener(f"before {self.command} {self.path}")
                if "/_bulk" not in self.path:
                    self._answer(*self._forward(body), NO_FAULT)
                    return
                seen = proxy.begin(self.path, body)
                try:
                    fault = proxy.fault(seen)
                    time.sleep(fault.delay)
                    status, content = fault.answer or self._forward(body)
                finally:
                    proxy.end()
                self._answer(status, fault.rewrite(content) if fault.rewrite else content, fault)

            do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # the base class looks for these

            def _forward(self, body: bytes) -> tuple[int, bytes]:
                names = ("Content-Type", "Accept", "Authorization")
                headers = {name: self.headers[name] for name in names if self.headers[name]}
                return proxy.forward(self.command, self.path, body, headers)

            def _answer(self, status: int, content: bytes, fault: Fault) -> None:
                proxy.listener(f"after {self.command} {self.path}")
                self.close_connection = fault.closes or fault.part < 1
                if fault.part == 0:
                    return
                self.send_response(status)
                self.send_header("X-elastic-product", "Elasticsearch")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content[: int(len(content) * fault.part)])

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class says so
                pass

        return Handler
