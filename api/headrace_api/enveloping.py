"""The envelope around the answers of the platform family: `data` and `meta`."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from headrace_api import times


def envelope(
    request: Request, data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One thing."""
    return JSONResponse({"data": data, "meta": _meta(request)}, status_code=status, headers=dict(headers or {}))


def envelope_list(request: Request, items: Sequence[Any], *, total: int, limit: int, offset: int) -> JSONResponse:
    """A page of a list that has `total` items in all its pages."""
    meta = {"total": total, "limit": limit, "offset": offset, **_meta(request)}
    return JSONResponse({"data": list(items), "meta": meta})


def _meta(request: Request) -> dict[str, str]:
    return {"timestamp": times.now(), "request_id": request.state.request_id}
