"""What `up` decided about one cluster: written once, read by every process of it."""

import json
import os
import random
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headrace_local.elasticsearch.node import Node as ElasticsearchNode
from headrace_local.errors import LocalError
from headrace_local.ports import free_ports

# In the cluster's own file tree; short, because the path of a Unix socket holds at most 107 bytes.
RUN = Path("/run/headrace")
NAMESPACE = "headrace"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")


@dataclass(frozen=True)
class Node:
    """One kubelet with its runtime; its name has to resolve to loopback."""

    name: str
    port: int
    pod_network: str


@dataclass(frozen=True)
class Elasticsearch:
    """Where runs into an index go: a node of the cluster's own, or a server that is there."""

    url: str
    node: ElasticsearchNode | None = None
    # What the server asks for, by the names that the runner knows: api-key, username …
    credentials: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Passwords:
    """Made at `up`, for Postgres."""

    admin: str = field(default_factory=lambda: secrets.token_hex(16))
    store: str = field(default_factory=lambda: secrets.token_hex(16))
    source: str = field(default_factory=lambda: secrets.token_hex(16))
    target: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True)
class Ports:
    """All on 127.0.0.1."""

    etcd: int
    etcd_peer: int
    apiserver: int
    postgres: int
    apis: tuple[int, ...]
    operators: tuple[int, ...]


@dataclass(frozen=True)
class Cluster:
    """One local cluster."""

    name: str
    folder: Path
    binary: Path
    ports: Ports
    nodes: tuple[Node, ...]
    passwords: Passwords
    platform: bool = True
    settings: dict[str, str] = field(default_factory=dict)
    elasticsearch: Elasticsearch | None = None
    python: str = sys.executable

    @property
    def context(self) -> str:
        """The kubeconfig's context, by which tests and demo recognise a cluster that they may use."""
        return "headrace-local" if self.name == "default" else f"headrace-local-{self.name}"

    @property
    def server(self) -> str:
        """The address of kube-apiserver."""
        return f"https://127.0.0.1:{self.ports.apiserver}"

    @property
    def pki(self) -> Path:
        """Certificates, keys and kubeconfigs."""
        return self.folder / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.pki / "admin.kubeconfig"

    @property
    def run(self) -> Path:
        """What the cluster's processes see as RUN."""
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        """A file for each process."""
        return self.folder / "log"

    def dsn(self, database: str, user: str, password: str) -> str:
        """A connection string of the cluster's Postgres."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.ports.postgres}/{database}"

    @property
    def store_dsn(self) -> str:
        """Of a role that owns its database."""
        return self.dsn("headrace_store", "headrace_store", self.passwords.store)

    @property
    def source_dsn(self) -> str:
        """Of a role that can read only."""
        return self.dsn("source", "source_reader", self.passwords.source)

    @property
    def target_dsn(self) -> str:
        """Of a role that owns its database."""
        return self.dsn("target", "target_writer", self.passwords.target)

    @property
    def admin_dsn(self) -> str:
        """The superuser's, for setting up demo and tests."""
        return self.dsn("postgres", "postgres", self.passwords.admin)

    def save(self) -> None:
        """Writes it for `load`, passwords included: the folder is closed to others."""
        (self.folder / "cluster.json").write_text(json.dumps(asdict(self), default=str, indent=2))


def load(folder: Path) -> Cluster:
    """The cluster whose folder this is; raises LocalError when there is none."""
    try:
        raw: dict[str, Any] = json.loads((folder / "cluster.json").read_text())
    except (OSError, ValueError) as error:
        raise LocalError(f"no cluster in {folder}") from error
    ports = raw["ports"]
    raw["ports"] = Ports(**{**ports, "apis": tuple(ports["apis"]), "operators": tuple(ports["operators"])})
    raw["nodes"] = tuple(Node(**node) for node in raw["nodes"])
    raw["passwords"] = Passwords(**raw["passwords"])
    if found := raw["elasticsearch"]:
        node = found["node"]
        if node:
            node = ElasticsearchNode(**{**node, "home": Path(node["home"]), "folder": Path(node["folder"])})
        raw["elasticsearch"] = Elasticsearch(**{**found, "node": node})
    return Cluster(**{**raw, "folder": Path(raw["folder"]), "binary": Path(raw["binary"])})


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Where clusters keep their folders."""
    if own := environ.get("HEADRACE_LOCAL_HOME"):
        return Path(own).absolute()
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or Path.home()) / ".local/state"
    return Path(state).absolute() / "headrace"


def folder_of(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """A cluster's folder. Only a plain name has one: the folder is removed with all that is in it."""
    if not NAME.fullmatch(name):
        raise LocalError(f"--name {name}: want up to 30 lower-case letters, digits and hyphens")
    return home(environ) / name


def design(
    name: str,
    folder: Path,
    binary: Path,
    nodes: int,
    apis: int,
    operators: int,
    platform: bool,
    settings: dict[str, str],
    elasticsearch: Elasticsearch | None = None,
) -> Cluster:
    """Chooses names, ports, pod networks and passwords."""
    node = elasticsearch.node if elasticsearch else None
    taken = (node.port, node.transport_port) if node else ()
    ports = iter(free_ports(4 + nodes + apis + operators, taken))
    networks = random.sample(range(16, 250), nodes)
    return Cluster(
        name=name,
        folder=folder,
        binary=binary,
        nodes=tuple(
            Node("localhost" if i == 0 else f"localhost{i + 1}", next(ports), f"127.{networks[i]}")
            for i in range(nodes)
        ),
        ports=Ports(
            etcd=next(ports),
            etcd_peer=next(ports),
            apiserver=next(ports),
            postgres=next(ports),
            apis=tuple(next(ports) for _ in range(apis)),
            operators=tuple(next(ports) for _ in range(operators)),
        ),
        passwords=Passwords(),
        platform=platform,
        settings=settings,
        elasticsearch=elasticsearch,
    )
