"""How routes read bodies: JSON only, and never more than a limit."""

from collections.abc import Callable, Coroutine
from email.message import Message as Headers
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

_TOO_LARGE = "The body is too large"
_CLOSE = {"Connection": "close"}
"""So that what was not read need not be read."""


class JsonRoute(APIRoute):
    """A route that refuses other media types with 415, and large bodies with 413 before they are read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Returns the handler that checks, then does what FastAPI does."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            limit = request.app.state.services.settings.max_body_bytes
            check_length(request.headers.get("content-length"), limit)
            if self.body_field is not None and _has_body(request):
                check_media_type(request.headers.get("content-type"))
            return await handle(Request(request.scope, _limited(request, limit)))

        return checked


def check_length(content_length: str | None, limit: int) -> None:
    """Refuses a body that says that it is too large."""
    if content_length and content_length.isdigit() and int(content_length) > limit:
        raise HTTPException(413, f"{_TOO_LARGE}: at most {limit} bytes", headers=_CLOSE)


def check_media_type(content_type: str | None) -> None:
    """Refuses what does not say that it is JSON."""
    headers = Headers()
    headers["content-type"] = content_type or "application/octet-stream"
    subtype = headers.get_content_subtype()
    if headers.get_content_maintype() != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise HTTPException(415, "The body must be JSON: set Content-Type: application/json")


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _limited(request: Request, limit: int) -> Callable[[], Coroutine[Any, Any, Message]]:
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413, f"{_TOO_LARGE}: at most {limit} bytes", headers=_CLOSE)
        return message

    return receive
