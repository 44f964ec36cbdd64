"""The envelope around the answers of the platform family: `data` and `meta`."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from headrace_api import times


def envelope(request: Request, data: Any, *, status: int = 200) -> JSONResponse:
    """One thing."""
    return JSONResponse({"data": data, "meta": _meta(request)}, status_code=status)


def envelope_list(request: Request, data: Sequence[Any], *, total: int, limit: int, offset: int) -> JSONResponse:
    """A page of a list, and how long the list is."""
    meta = {"total": total, "limit": limit, "offset": offset, **_meta(request)}
    return JSONResponse({"data": list(data), "meta": meta})


def _meta(request: Request) -> dict[str, str]:
    return {"timestamp": times.now(), "request_id": request.state.request_id}
