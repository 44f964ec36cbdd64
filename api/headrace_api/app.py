"""The application: routes, errors and what surrounds requests, over a store and a cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from headrace.cluster import Cluster
from headrace.store.store import Store
from headrace_api import problems
from headrace_api.deps import Services
from headrace_api.requests import RequestMiddleware
from headrace_api.routes import control, dead_letters, health, pipelines, runs
from headrace_api.settings import Settings

_DESCRIPTION = """
ETL pipelines on Kubernetes. A pipeline moves the rows of a query to a target in batches, and survives what dies on the
way.

Make one with `POST /pipelines`, run it with `POST /pipelines/{id}/run`, follow it with `GET /pipelines/{id}/status`.
What is made here is an `EtlPipeline` in Kubernetes, and what is made there with `kubectl` shows here.

Every error has the same form: `detail`, `error` and `meta`. Every response carries `X-Request-ID`.
"""
_TAGS = [
    {"name": "pipelines", "description": "What is moved, from where, to where and how."},
    {"name": "runs", "description": "What ran, and how it went."},
    {"name": "dead letters", "description": "Rows that a target refused, and what became of them."},
    {"name": "health", "description": "Whether the API and what it stands on are there."},
]


def create_app(settings: Settings, store: Store, cluster: Cluster) -> FastAPI:
    """Builds the application; it opens the store and follows the cluster while it is served."""
    services = Services.build(settings, store, cluster)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.open()
        following = asyncio.create_task(services.resources.keep_current())
        yield
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    app = FastAPI(
        title="Headrace",
        version=health.VERSION,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(RequestMiddleware, seconds=settings.request_seconds)
    for module in (pipelines, control, runs, dead_letters, health):
        app.include_router(module.router, prefix=settings.api_prefix)
    app.include_router(health.probes)
    if settings.api_prefix:
        app.include_router(health.probes, prefix=settings.api_prefix, include_in_schema=False)
    return app
