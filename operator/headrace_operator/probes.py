"""HTTP for probes and Prometheus: /livez, /readyz, /metrics."""

import asyncio
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

_REQUEST_SECONDS = 5.0
_TEXT = "text/plain; charset=utf-8"


class Probes:
    """A server for three addresses; it waits for nothing but a thread that writes the metrics."""

    def __init__(self, *, is_alive: Callable[[], str | None], is_ready: Callable[[], str | None]) -> None:
        """Each function returns why not, or None."""
        self._is_alive, self._is_ready = is_alive, is_ready

    async def run(self, host: str, port: int) -> None:
        """Serves for ever."""
        server = await asyncio.start_server(self._serve, host, port)
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = await reader.readuntil(b"\r\n")
                while await reader.readline() not in {b"\r\n", b""}:
                    pass
                writer.write(await self._answer(request.split(b" ")[1].partition(b"?")[0].rstrip(b"/")))
                await writer.drain()
        except (TimeoutError, OSError, EOFError, IndexError, ValueError, asyncio.LimitOverrunError):
            pass  # Whoever asks like that gets no answer.
        finally:
            writer.close()

    async def _answer(self, path: bytes) -> bytes:
        match path:
            case b"/livez":
                return _verdict(self._is_alive())
            case b"/readyz":
                return _verdict(self._is_ready())
            case b"/metrics":
                # With 10,000 pipelines it takes a second.
                return _response("200 OK", await asyncio.to_thread(generate_latest), CONTENT_TYPE_LATEST)
            case _:
                return _response("404 Not Found", b"not found\n", _TEXT)


def _verdict(problem: str | None) -> bytes:
    if problem is None:
        return _response("200 OK", b"ok\n", _TEXT)
    return _response("503 Service Unavailable", f"{problem}\n".encode(), _TEXT)


def _response(status: str, body: bytes, content_type: str) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
