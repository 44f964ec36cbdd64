"""A Kubernetes that can't be reached, and the application without any neighbour."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from headrace.cluster import Cluster
from headrace.store.store import Store
from headrace_api.app import create_app
from headrace_api.settings import Settings

NOBODY = "127.0.0.1:1"
_DSN = f"postgresql://user:secret@{NOBODY}/store"


def write_kubeconfig(path: Path) -> str:
    """Names an API server that is not there."""
    cluster = {"name": "c", "cluster": {"server": f"http://{NOBODY}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    content = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **content}))
    return str(path)


@asynccontextmanager
async def alone(folder: Path, *, address: str = "127.0.0.1", **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, which is alone in the world: neither Kubernetes nor Postgres is there.

    `address`: where its calls come from.
    Its first answer takes 0.2 s, for FastAPI reads all routes then: tests that change nothing share one.
    """
    store = Store(_DSN, pool_size=1, max_overflow=0, pool_timeout=0.2)
    cluster = await Cluster.connect(namespace="headrace", kubeconfig=write_kubeconfig(folder / "kubeconfig"))
    app = create_app(Settings(store_dsn=_DSN, **settings), store, cluster)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            yield client
    await store.close()
    await cluster.close()
