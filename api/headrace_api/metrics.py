"""What /metrics shows of the API: its requests, what it stands on, its process and the machine; a registry an app."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version

import psutil
from prometheus_client import (
    Counter,
    Gauge,
    Histogram,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.cluster import Call
from headrace.postgres.pools import PoolState
from headrace_api.requests import is_waited_for

# One more for each series, which nobody looks at.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER_METHOD, _NO_ROUTE = "OTHER", "none"
"""Callers choose method and path: what is none of ours shares one label, so that there are never many."""
_NO_ANSWER = "none"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All families of one application, and the calls that count."""

    def __init__(self, *, ages: Callable[[], Mapping[str, float]], pool: Callable[[], PoolState]) -> None:
        """`ages` says how old each mirror is, in seconds; `pool` how the store's pool is doing."""
        registry = self.registry = CollectorRegistry()
        Gauge("headrace_build_info", "1; the version is a label.", ["version"], registry=registry).labels(
            version("headrace")
        ).set(1)
        labels = ["method", "route", "status"]
        self._requests = Counter("headrace_api_requests_total", "Requests answered.", labels, registry=registry)
        self._seconds = Histogram(
            "headrace_api_request_seconds", "How long an answer took.", labels, registry=registry, buckets=_BUCKETS
        )
        self._in_flight = Gauge("headrace_api_requests_in_flight", "Requests in work.", registry=registry)
        self._kubernetes = Counter(
            "headrace_kubernetes_requests_total",
            "Requests to the Kubernetes API.",
            ["verb", "resource", "outcome"],
            registry=registry,
        )
        self._kubernetes_seconds = Histogram(
            "headrace_kubernetes_request_seconds",
            "How long the Kubernetes API took to answer.",
            ["verb"],
            registry=registry,
        )
        self._store = Counter(
            "headrace_store_requests_total",
            "Visits to the store's Postgres, by how they ended.",
            ["outcome"],
            registry=registry,
        )
        self._store_seconds = Histogram(
            "headrace_store_request_seconds", "How long a visit to the store took.", registry=registry
        )
        registry.register(_Foundations(ages, pool))
        registry.register(_System())
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def begin(self) -> None:
        """A request has come."""
        self._in_flight.inc()

    def end(self, method: str, route: str | None, status: int | None, seconds: float | None) -> None:
        """It was answered; `status` None: it was not, for the caller had left; `seconds` None: it does not count."""
        self._in_flight.dec()
        labels = (
            method if method in _METHODS else _OTHER_METHOD,
            _NO_ROUTE if route is None else route,
            _NO_ANSWER if status is None else str(status),
        )
        self._requests.labels(*labels).inc()
        if seconds is not None:
            self._seconds.labels(*labels).observe(seconds)

    def tell_kubernetes(self, call: Call) -> None:
        """Counts a request to the Kubernetes API."""
        self._kubernetes.labels(call.verb, call.resource, call.outcome).inc()
        self._kubernetes_seconds.labels(call.verb).observe(call.seconds)

    def tell_store(self, outcome: str, seconds: float) -> None:
        """Counts a visit to the store."""
        self._store.labels(outcome).inc()
        self._store_seconds.observe(seconds)


class MetricsMiddleware:
    """Counts what leaves the application; outside of all that may answer."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, prefix: str) -> None:
        self._app, self._metrics, self._prefix = app, metrics, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts a request; everything else passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        self._metrics.begin()
        try:
            await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", None)
            if route is not None:
                # Whoever refuses a call names its route with the prefix, the router without.
                route = route.removeprefix(self._prefix)
            seconds = None if is_waited_for(scope) else time.perf_counter() - began
            self._metrics.end(scope["method"], route, status, seconds)


class _Foundations(Collector):
    """The mirrors and the store's pool, looked up when somebody asks."""

    def __init__(self, ages: Callable[[], Mapping[str, float]], pool: Callable[[], PoolState]) -> None:
        self._ages, self._pool = ages, pool

    def collect(self) -> Iterator[Metric]:
        ages = GaugeMetricFamily(
            "headrace_api_mirror_age_seconds",
            "Time since Kubernetes was last heard of what lists are made of; it speaks once a minute at least.",
            labels=["resource"],
        )
        for resource, seconds in self._ages().items():
            ages.add_metric([resource], seconds)
        yield ages
        state = self._pool()
        yield GaugeMetricFamily("headrace_store_connections", "Connections to the store.", state.connections)
        yield GaugeMetricFamily("headrace_store_connections_idle", "Those that nobody uses.", state.idle)
        yield GaugeMetricFamily("headrace_store_connections_wanted", "Calls that wait for one.", state.waiting)
        yield CounterMetricFamily(
            "headrace_store_connection_failures_total", "Connections that could not be made.", state.failures
        )


class _System(Collector):
    """The machine, also where the process is in a container: its limits are the kubelet's to show."""

    def collect(self) -> Iterator[Metric]:
        seconds = CounterMetricFamily("headrace_system_cpu_seconds_total", "What processors did.", labels=["mode"])
        times = psutil.cpu_times()
        for mode in ("user", "system", "idle", "iowait", "steal"):
            seconds.add_metric([mode], getattr(times, mode, 0.0))
        yield seconds
        yield GaugeMetricFamily("headrace_system_cpus", "Processors.", psutil.cpu_count() or 0)
        load = GaugeMetricFamily("headrace_system_load", "Processes that want a processor.", labels=["minutes"])
        for minutes, value in zip(("1", "5", "15"), os.getloadavg(), strict=True):
            load.add_metric([minutes], value)
        yield load
        memory, disk = psutil.virtual_memory(), shutil.disk_usage("/")
        yield GaugeMetricFamily("headrace_system_memory_bytes", "Memory.", memory.total)
        yield GaugeMetricFamily("headrace_system_memory_available_bytes", "Memory to be had.", memory.available)
        yield GaugeMetricFamily("headrace_system_disk_bytes", "The file system of the root folder.", disk.total)
        yield GaugeMetricFamily("headrace_system_disk_free_bytes", "What is free of it.", disk.free)
