"""Every route says what a caller needs for it."""

import asyncio
import json
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts

from headrace.cluster import Cluster
from headrace.store.store import Store
from headrace_api.app import create_app, routes_of
from headrace_api.auth.audit import SAFE
from headrace_api.auth.requirements import OPENABLE, PROBES, REQUIREMENTS
from headrace_api.auth.rights import CREATE, DELETE, PATCH, UPDATE
from headrace_api.settings import Settings

DSN = "postgresql://user:secret@127.0.0.1:1/store"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The whole application; nothing of what it stands on is there."""
    path: Path = tmp_path_factory.mktemp("api") / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    content = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **content}))
    store = Store(DSN, pool_size=1, max_overflow=0, pool_timeout=1)

    async def make():
        kubernetes = await Cluster.connect(namespace="headrace", kubeconfig=str(path))
        made = create_app(Settings(store_dsn=DSN, auth_mode="kubernetes"), store, kubernetes)
        await kubernetes.close()
        return made

    return asyncio.run(make())


def test_every_route_says_what_it_needs(app):
    routes = list(iter_route_contexts(app.routes))
    assert len(routes) >= 25
    assert sorted({route.name for route in routes} - REQUIREMENTS.keys()) == []


def test_no_requirement_is_of_a_route_that_is_gone(app):
    assert sorted(REQUIREMENTS.keys() - {route.name for route in routes_of(app)}) == []


def test_what_changes_something_needs_the_right_to(app):
    for route in routes_of(app):
        if route.methods - SAFE:
            verbs = {right.verb for right in REQUIREMENTS[route.name].rights}
            assert verbs & {CREATE, UPDATE, PATCH, DELETE}, route


def test_only_what_may_be_open_is_a_part(app):
    parts = {name: need.part for name, need in REQUIREMENTS.items() if need.part is not None}
    assert set(parts.values()) == {*OPENABLE, PROBES}
    assert {name for name, part in parts.items() if part == PROBES} == {"get_livez", "get_readyz"}
    assert not any(REQUIREMENTS[name].rights for name in parts)


def test_the_gate_finds_the_route_that_is_served(app):
    """Both match paths in the same order; the route itself checks that they agree."""
    for route in routes_of(app):
        path = route.path.replace("{pipeline_id}", "x").replace("{run_id}", "y")
        first = next(r for r in routes_of(app) if route.methods & r.methods and r.pattern.match(path))
        assert first.name == route.name


def test_the_schema_says_which_calls_need_a_token(app):
    schema = app.openapi()
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    open_paths = {path for path, calls in schema["paths"].items() for call in calls.values() if call["security"] == []}
    assert {path.removeprefix("/api/v1") for path in open_paths} == {"/health", "/livez", "/readyz", "/metrics"}
    for path, calls in schema["paths"].items():
        for method, call in calls.items():
            if path not in open_paths:
                assert call["security"] == [{"bearer": []}]
                assert call["responses"].keys() >= {"401", "403", "429"}, (method, path)
