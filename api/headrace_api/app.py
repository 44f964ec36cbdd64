"""The application: routes, errors and what surrounds requests, over a store and a cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import compile_path

from headrace.cluster import Cluster
from headrace.store.store import Store
from headrace_api import openapi, problems
from headrace_api.deps import Services
from headrace_api.gate import Gate, Route
from headrace_api.headers import SafeHeaders
from headrace_api.metrics import Metrics, MetricsMiddleware
from headrace_api.requests import HEADER, RequestMiddleware
from headrace_api.routes import (
    backfills,
    control,
    dead_letters,
    destinations,
    docs,
    executions,
    health,
    info,
    metrics,
    pipelines,
    previews,
    projects,
    runs,
    schedules,
    sources,
    statistics,
    stream,
    tables,
    wal,
)
from headrace_api.settings import Settings

_DESCRIPTION = """
ETL pipelines on Kubernetes. A pipeline moves the rows of a query to a target in batches, and survives what dies on the
way.

Make one with `POST /pipelines`, run it with `POST /pipelines/{id}/run`, follow it with `GET /pipelines/{id}/status`.
What is made here is an `EtlPipeline` in Kubernetes, and what is made there with `kubectl` shows here.

Every error has the same form: `detail`, `error` and `meta`. Every response carries `X-Request-ID`.
"""
_TAGS = [
    {"name": "projects", "description": "Names under which pipelines, their runs and schedules are grouped."},
    {"name": "sources", "description": "Databases that pipelines read from, and what there is to be moved."},
    {"name": "destinations", "description": "Databases and search engines that pipelines write to."},
    {"name": "pipelines", "description": "What is moved, from where, to where and how."},
    {"name": "runs", "description": "What ran, and how it went."},
    {"name": "schedules", "description": "When pipelines run, and runs for due times of the past."},
    {"name": "streams", "description": "What runs until it is stopped."},
    {"name": "dead letters", "description": "Rows that a target refused, and what became of them."},
    {"name": "wal", "description": "What replication slots hold back of the sources' write-ahead logs."},
    {"name": "health", "description": "Whether the API and what it stands on are there."},
    {"name": "installation", "description": "What serves here, and how it is set up."},
]
_PARTS = (
    projects, sources, tables, destinations, previews, pipelines, control, runs, dead_letters, executions, schedules,
    backfills, stream, statistics, wal, health, info,
)  # fmt: skip
_FOR_PAGES = [HEADER, "Location", "Retry-After", "WWW-Authenticate", pipelines.TOTAL, tables.TRUNCATED]
"""Headers that pages of other origins may read."""


def create_app(settings: Settings, store: Store, cluster: Cluster) -> FastAPI:
    """Builds the application; it opens the store and follows the cluster while it is served."""
    services = Services.build(settings, store, cluster)
    measured = Metrics(ages=services.resources.ages, pool=lambda: store.pool)
    cluster.listen(measured.tell_kubernetes)
    store.listen(measured.tell_store)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.open()
        following = asyncio.create_task(services.resources.keep_current())
        yield
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await services.guard.authenticator.close()

    app = FastAPI(
        title="Headrace",
        version=health.VERSION,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.metrics = measured
    problems.install(app)
    _surround(app, services, settings)
    app.add_middleware(MetricsMiddleware, metrics=measured, prefix=settings.api_prefix)
    app.add_middleware(SafeHeaders)
    for module in _PARTS:
        app.include_router(module.router, prefix=settings.api_prefix)
    app.include_router(docs.router)
    for module_router in (health.probes, metrics.router):
        app.include_router(module_router)
        if settings.api_prefix:
            app.include_router(module_router, prefix=settings.api_prefix, include_in_schema=False)
    openapi.install(app, services.guard, settings.auth_mode, lambda: routes_of(app))
    return app


def _surround(app: FastAPI, services: Services, settings: Settings) -> None:
    """What requests pass, the innermost first."""
    app.add_middleware(Gate, guard=services.guard, routes=lambda: routes_of(app))
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID", HEADER],
            expose_headers=_FOR_PAGES,
        )
    app.add_middleware(RequestMiddleware, seconds=settings.request_seconds)


def routes_of(app: FastAPI) -> list[Route]:
    """All routes, in the order in which they are tried."""
    return [
        Route(str(route.name), str(route.path), compile_path(str(route.path))[0], frozenset(route.methods or ()))
        for route in iter_route_contexts(app.routes)
    ]
