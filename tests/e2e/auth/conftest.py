"""A Kubernetes of its own for the tests of this folder, without Headrace; they serve the API as they need it."""

import asyncio
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from headrace.cluster import Cluster as Kubernetes
from headrace.store.store import Store
from headrace_api.app import create_app
from headrace_api.settings import Settings
from headrace_local.api import Api
from headrace_local.kubectl import Kubectl
from headrace_local.machine import leftovers, lifecycle, platform
from headrace_local.machine.cluster import Cluster, home, load
from headrace_local.ports import free_ports
from headrace_local.waiting import wait_for

READY_SECONDS = 60
RBAC = "rbac.authorization.k8s.io"


@dataclass
class Server:
    """One API process."""

    address: str
    log: Path

    def api(self, token: str | None) -> Api:
        """A client with a token, or without."""
        return Api(self.address, token=token)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it has logged under this name."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


@dataclass
class Place:
    """The cluster, accounts in it, and API processes beside it."""

    cluster: Cluster
    kubectl: Kubectl
    folder: Path

    def account(self, role: str | None, *rules: dict[str, Any]) -> str:
        """A new service account, bound to one of the roles for people, or to rules of its own."""
        name = f"a-{uuid.uuid4().hex[:8]}"
        metadata = {"name": name, "namespace": self.kubectl.namespace}
        made: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}]
        if rules:
            made.append({"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": list(rules)})
        if rules or role:
            kind, of = ("Role", name) if rules else ("ClusterRole", f"headrace-{role}")
            subject = {"kind": "ServiceAccount", **metadata}
            bound = {"roleRef": {"apiGroup": RBAC, "kind": kind, "name": of}, "subjects": [subject]}
            made.append({"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", "metadata": metadata, **bound})
        self.kubectl.apply(*made)
        return name

    def token(self, account: str, *, audience: str = "") -> str:
        """A token of an account, for the API server's audience or another one."""
        return self.kubectl.run("create", "token", account, *([f"--audience={audience}"] if audience else []))

    def token_of(self, role: str | None, *rules: dict[str, Any]) -> str:
        """A token of a new account."""
        return self.token(self.account(role, *rules))

    def verbs(self, account: str, resource: str) -> set[str]:
        """What kubectl says an account may do to resources of a kind."""
        who = f"--as=system:serviceaccount:{self.kubectl.namespace}:{account}"
        rows = [line.split("[") for line in self.kubectl.run("auth", "can-i", "--list", who).splitlines()]
        return {verb for row in rows if row[0].split()[:1] == [resource] for verb in row[-1].rstrip("]").split()}

    def pipeline(self, **spec: Any) -> dict[str, Any]:
        """A pipeline that was made with kubectl."""
        name = f"p-{uuid.uuid4().hex[:8]}"
        body = {
            "name": name,
            "targetTable": "analytics.t",
            "sourceQuery": "SELECT 1 AS id",
            "keyColumns": ["id"],
            **spec,
        }
        return self.kubectl.create(
            {"apiVersion": "headrace.dev/v1alpha1", "kind": "EtlPipeline", "metadata": {"name": name}, "spec": body}
        )

    @contextmanager
    def process(self, **settings: str) -> Iterator[Server]:
        """The API as a process of its own, with the rights that the chart gives it."""
        port = free_ports(1)[0]
        log = self.folder / f"{uuid.uuid4().hex[:8]}.log"
        given = {**platform.settings(self.cluster), "PORT": str(port), **settings}
        environment = {**os.environ, **given, "KUBECONFIG": str(self.cluster.pki / "api.kubeconfig")}
        die_with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        command = [*die_with_us, sys.executable, "-m", "headrace_api"]
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=environment, stderr=output, stdout=output)
        server = Server(f"http://127.0.0.1:{port}", log)
        try:
            wait_for("the API", lambda: _is_ready(server, process), seconds=READY_SECONDS, seen=log.read_text)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)

    @contextmanager
    def serve(self, *, identity: str = "api", **settings: Any) -> Iterator[Server]:
        """The same in a thread of the tests, which starts at once; also with the rights of another identity."""
        served = _Thread(self.cluster, identity, settings)
        with served.running():
            yield Server(f"http://127.0.0.1:{served.port}", Path(os.devnull))


class _Thread:
    """Serves an application with an event loop of its own."""

    def __init__(self, cluster: Cluster, identity: str, settings: dict[str, Any]) -> None:
        self._kubeconfig = str(cluster.pki / f"{identity}.kubeconfig")
        self._settings = Settings(store_dsn=cluster.store_dsn, allowed_targets=("analytics.*",), **settings)
        self.port = free_ports(1)[0]
        self._server: uvicorn.Server | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        thread.start()
        try:
            wait_for("the API", self._is_started, seconds=READY_SECONDS, every=0.02)
            yield
        finally:
            assert self._server is not None
            self._server.should_exit = True
            thread.join(timeout=30)

    def _is_started(self) -> bool:
        return self._server is not None and self._server.started

    async def _serve(self) -> None:
        dsn = self._settings.store_dsn.get_secret_value()
        store = Store(dsn, pool_size=1, max_overflow=0, pool_timeout=5)
        kubernetes = await Kubernetes.connect(namespace=self._settings.namespace, kubeconfig=self._kubeconfig)
        app = create_app(self._settings, store, kubernetes)
        quiet = {"log_config": None, "access_log": False, "proxy_headers": False}
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=self.port, **quiet))
        try:
            await self._server.serve()
        finally:
            await store.close()
            await kubernetes.close()


def _is_ready(server: Server, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, server.log.read_text()
    try:
        return httpx.get(f"{server.address}/readyz", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Iterator[Place]:
    """The cluster, with our resource definitions and the chart's rights."""
    leftovers.remove("auth")
    name = leftovers.name_for("auth", os.getpid())
    try:
        wish = lifecycle.Wish(name=name, platform=False, settings=("HEADRACE_AUTH_MODE=kubernetes",))
        status = lifecycle.up(wish, print)
        cluster = load(home() / name)
        platform.set_up(cluster)
        kubectl = Kubectl(tuple(shlex.split(status.kubectl or "")), status.kubeconfig or "", status.namespace)
        yield Place(cluster, kubectl, tmp_path_factory.mktemp("auth"))
    finally:
        lifecycle.down(name)


@pytest.fixture(scope="session")
def server(place: Place) -> Iterator[Server]:
    """The API as the chart sets it up."""
    settings = {
        "HEADRACE_AUTH_MODE": "kubernetes",
        "ALLOWED_TARGET_TABLES": "analytics.*",
        "HEADRACE_RECONCILE_SECONDS": "0.5",  # Nobody is there to run one.
    }
    with place.process(**settings) as server:
        yield server
