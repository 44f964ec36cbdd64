"""Errors into HTTP answers: one superset, in which every family's clients find what they look for."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from headrace.errors import (
    ConflictError,
    ForbiddenError,
    HeadraceError,
    InvalidError,
    LateError,
    NotFoundError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
)
from headrace.logs import logger
from headrace.model.base import NAME_PATTERN, NAME_RULE
from headrace_api import times
from headrace_api.auth.bearer import challenge
from headrace_api.auth.limiting import Quota

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "VALIDATION_ERROR",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_ERROR",
    503: "UNAVAILABLE",
    504: "TIMEOUT",
}
RETRY_AFTER_SECONDS = "2"
_PLACES = frozenset({"body", "query", "path", "header", "cookie"})
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,60}")
"""Names in a request that are repeated. Others may be a connection string in the wrong place, with its password."""
_NOT_REPEATED = "?"
_log = logger(__name__)


class ProblemResponse(JSONResponse):
    """JSON in ASCII: a message may repeat a name that is no valid Unicode."""

    def render(self, content: Any) -> bytes:
        """Returns the body."""
        return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()


def problem(
    status: int,
    message: str,
    *,
    request_id: str,
    details: Sequence[Mapping[str, str]] = (),
    detail: object = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The answer for an error; `detail` stands where FastAPI's clients look, and is the message unless given."""
    content = {
        "detail": message if detail is None else detail,
        "error": {"code": CODES.get(status, "BAD_REQUEST"), "message": message, "details": list(details)},
        "meta": {"request_id": request_id, "timestamp": times.now()},
    }
    return ProblemResponse(content, status_code=status, headers=dict(headers or {}))


def internal_error(request_id: str) -> ProblemResponse:
    """The answer for what nobody foresaw; what it was is in the log, under the request's id."""
    return problem(500, "Internal error; the log says more under this request_id", request_id=request_id)


def time_out(request_id: str) -> ProblemResponse:
    """The answer for a request that took too long."""
    return problem(504, "Kubernetes or Postgres did not answer in time; try again later", request_id=request_id)


def too_many(quota: Quota, request_id: str) -> ProblemResponse:
    """The answer for somebody who calls too often."""
    seconds = str(quota.reset_seconds)
    headers = {"Retry-After": seconds, **quota.headers()}
    return problem(429, f"Too many calls; try again in {seconds} s", request_id=request_id, headers=headers)


def install(app: FastAPI) -> None:
    """Makes the application answer errors like this."""
    app.add_exception_handler(HeadraceError, _headrace)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(TimeoutError, _timeout)


def fields_of(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """FastAPI's errors as bare field names and messages."""
    return [{"field": _field(error["loc"]), "message": str(error["msg"])} for error in errors]


def _field(location: Sequence[str | int]) -> str:
    inner = location[1:] if location and location[0] in _PLACES else location
    named = [part for part in inner if isinstance(part, str)]
    return named[0] if named else str(location[0]) if location else ""


async def _headrace(request: Request, error: Exception) -> Response:
    return answer(request, error)


def answer(request: Request, error: Exception) -> Response:
    """The answer for an error of ours, wherever it was raised."""
    request_id = request.state.request_id
    match error:
        case UnauthorizedError():
            headers = {"WWW-Authenticate": challenge(error)}
            return problem(401, error.message, request_id=request_id, headers=headers)
        case ForbiddenError():
            return problem(403, error.message, request_id=request_id)
        case RefusedError():
            return problem(400, error.message, request_id=request_id, details=_details(error))
        case InvalidError():
            item = {
                "type": "value_error",
                "loc": ["body", *([error.field] if error.field else [])],
                "msg": error.message,
            }
            return problem(422, error.message, request_id=request_id, details=_details(error), detail=[item])
        case NotFoundError():
            return problem(404, error.message, request_id=request_id)
        case ConflictError():
            return problem(409, error.message, request_id=request_id, details=_details(error))
        case LateError():
            return problem(504, error.message, request_id=request_id)
        case UnavailableError():
            _log.warning("unavailable", part=error.part, reason=error.message, notes=getattr(error, "__notes__", []))
            headers = {"Retry-After": RETRY_AFTER_SECONDS}
            return problem(503, error.message, request_id=request_id, headers=headers)
    _log.error("unexpected error", exc_info=error)
    return internal_error(request_id)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Neither `input` nor `ctx`: they would repeat passwords and SQL.
    items = [{"type": e["type"], "loc": [_plain(part) for part in e["loc"]], "msg": _words(e)} for e in error.errors()]
    details = fields_of(items)
    message = "; ".join(f"{d['field']}: {d['message']}" for d in details[:5]) or "The request has the wrong shape"
    return problem(422, message, request_id=request.state.request_id, details=details, detail=items)


def _plain(part: str | int) -> str | int:
    return part if isinstance(part, int) or _PLAIN.fullmatch(part) else _NOT_REPEATED


def _words(error: Mapping[str, Any]) -> str:
    """The message, where pydantic's own says little to whoever does not know how the rule is written."""
    context = error.get("ctx") or {}
    if error["type"] == "string_pattern_mismatch" and context.get("pattern") == NAME_PATTERN:
        return NAME_RULE
    if error["type"] == "too_long" and context.get("field_type") == "Value":  # A SecretStr.
        return f"String should have at most {context['max_length']} characters"
    return str(error["msg"])


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request.app, request.url.path))) or headers.get("Allow", "")
    return problem(error.status_code, str(error.detail), request_id=request.state.request_id, headers=headers)


async def _timeout(request: Request, error: Exception) -> Response:
    _log.warning("timed out", exc_info=error)
    return time_out(request.state.request_id)


def _details(error: HeadraceError) -> list[dict[str, str]]:
    return [{"field": error.field, "message": error.in_full}] if error.field else []


def _methods(app: FastAPI, path: str) -> set[str]:
    """What the path answers to, in all routes that have it; Starlette names those of the first only."""
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    having = [methods for template, methods in paths.items() if compile_path(template)[0].fullmatch(path)]
    return {method.upper() for methods in having for method in methods}
