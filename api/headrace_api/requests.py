"""Around every request: its id, a limit in time, one line in the log, and an answer whatever happens."""

import asyncio
import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.logs import logger
from headrace_api.problems import internal_error, time_out

HEADER = "X-Request-ID"
_SANE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?")
_QUIET = frozenset({"get_livez", "get_readyz", "get_metrics"})
"""Routes that probes and Prometheus ask every few seconds: one line for each would hide the others."""
_LIFT, _LIFTED = "lift_limit", "is_waited_for"
_log = logger("headrace_api.access")


class RequestMiddleware:
    """The outermost layer: nothing that it calls leaves an exception or a response without an id behind."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request; everything else passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, method, path = time.perf_counter(), scope["method"], scope["path"]
        request_id = request_id_of(Headers(scope=scope).get(HEADER))
        scope.setdefault("state", {})["request_id"] = request_id
        scope["path"] = _without_slash(path)
        answer = _Answer(send, request_id)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._answer(scope, receive, answer)
            if scope["state"].get("route") not in _QUIET or answer.status >= 400:
                took = round((time.perf_counter() - began) * 1000, 1)
                user = scope["state"].get("user")
                about = scope.get("path_params") or {}
                _log.info("request", method=method, path=path, status=answer.status, ms=took, user=user, **about)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            async with asyncio.timeout(self._seconds) as limit:
                scope["state"][_LIFT] = limit.reschedule
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            _log.warning("timed out")
            response = time_out(answer.request_id)
        except Exception:  # noqa: BLE001  # the last place where anything can be answered
            _log.exception("unexpected error")
            response = internal_error(answer.request_id)
        else:
            return
        if not answer.status:
            await response(scope, receive, answer.send)


class _Answer:
    """What was sent so far; adds the request's id."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[HEADER] = self.request_id
        await self._send(message)


def lift_limit(request: Request, *, seconds: float | None = None) -> None:
    """Lets an answer take as long as it takes, or so long: for what a caller waits for on purpose, as lines to come."""
    state = request.scope["state"]
    state[_LIFT](None if seconds is None else asyncio.get_running_loop().time() + seconds)
    state[_LIFTED] = True


def is_waited_for(scope: Scope) -> bool:
    """Whether the limit was lifted: how long such an answer took says nothing about us."""
    return bool(scope.get("state", {}).get(_LIFTED))


def request_id_of(given: str | None) -> str:
    """The caller's id, if it is fit for a header and a log line, else a new one."""
    return given if given and _SANE.fullmatch(given) else uuid.uuid4().hex


def _without_slash(path: str) -> str:
    """Every path answers with and without a slash at its end."""
    return path[:-1] if len(path) > 1 and path.endswith("/") else path
