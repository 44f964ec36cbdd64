"""The envelope around the answers of the platform family: `data` and `meta`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from headrace_api import times


def envelope(request: Request, data: Any, *, status: int = 200) -> JSONResponse:
    """One thing."""
    return JSONResponse({"data": data, "meta": _meta(request)}, status_code=status)


def _meta(request: Request) -> dict[str, str]:
    return {"timestamp": times.now(), "request_id": request.state.request_id}
