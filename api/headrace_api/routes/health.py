"""`/health` for people, `/livez` and `/readyz` for probes."""

import asyncio
from collections.abc import Awaitable
from importlib.metadata import version

from fastapi import APIRouter
from starlette.responses import JSONResponse

from headrace.errors import HeadraceError
from headrace_api import times
from headrace_api.bodies.health import Health, Probe
from headrace_api.bodies.problem import responses
from headrace_api.deps import Needs

router = APIRouter(tags=["health"])
probes = APIRouter(tags=["health"])
VERSION = version("headrace")
_PATIENCE_SECONDS = 3.0


@router.get(
    "/health",
    summary="Is everything there?",
    response_model=Health,
    responses=responses() | {503: {"model": Health, "description": "A part is unavailable"}},
)
async def get_health(needs: Needs) -> JSONResponse:
    """Asks the store and Kubernetes. Not for probes: the API serves what it can while either is away."""
    db, kubernetes = await asyncio.gather(_state(needs.store.ping()), _state(needs.cluster.ping()))
    healthy = db == kubernetes == "ok"
    content = {
        "status": "ok" if healthy else "degraded",
        "db": db,
        "kubernetes": kubernetes,
        "version": VERSION,
        "timestamp": times.now(),
    }
    return JSONResponse(content, status_code=200 if healthy else 503)


@probes.get("/livez", summary="Is the process alive?", response_model=Probe)
async def get_livez() -> JSONResponse:
    """Whether the process answers at all."""
    return JSONResponse({"status": "ok"})


@probes.get(
    "/readyz",
    summary="May requests come?",
    response_model=Probe,
    responses={503: {"model": Probe, "description": "Kubernetes was not read yet"}},
)
async def get_readyz(needs: Needs) -> JSONResponse:
    """Whether the pipelines were read once; from then on it stays so, and does not depend on Postgres."""
    ready = needs.resources.filled
    return JSONResponse({"status": "ok" if ready else "unavailable"}, status_code=200 if ready else 503)


async def _state(ping: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await ping
    except (HeadraceError, TimeoutError):
        return "unavailable"
    return "ok"
