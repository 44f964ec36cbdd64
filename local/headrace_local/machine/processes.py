"""The table of a cluster's processes: what runs, after what, and how one sees that it is ready."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from headrace_local import probes
from headrace_local.elasticsearch import node as elasticsearch
from headrace_local.machine import controlplane, kubelet, platform, postgres
from headrace_local.machine.cluster import Cluster, Node


@dataclass(frozen=True)
class Process:
    """One row."""

    name: str
    argv: tuple[str, ...]
    after: tuple[str, ...] = ()
    ready: Callable[[], bool] | None = None
    env: dict[str, str] = field(default_factory=dict)
    # A step that ends, and is repeated only when it failed.
    once: bool = False
    # When it is asked to end, lowest first. None: it has nothing to say or to save, and ends with the namespace.
    stop_order: int | None = None

    def is_ready(self) -> bool:
        """Whether those that need it may start; a step is ready only when it has ended."""
        return not self.once and (self.ready is None or self.ready())


def table(cluster: Cluster) -> tuple[Process, ...]:
    """All processes, in the order in which they are looked at."""
    rows = [*_database(cluster), *_control_plane(cluster)]
    for node in cluster.nodes:
        rows += _node(cluster, node)
    if cluster.platform:
        rows += _platform(cluster, after=("postgres-setup", *(f"kubelet-{node.name}" for node in cluster.nodes)))
    if cluster.elasticsearch and (server := cluster.elasticsearch.node):
        ready = partial(probes.http, f"{server.url}{elasticsearch.HEALTH}")
        rows.append(Process("elasticsearch", elasticsearch.command(server), ready=ready))
    return tuple(rows)


def _database(cluster: Cluster) -> list[Process]:
    setup = (cluster.python, "-m", "headrace_local.machine.postgres", str(cluster.folder))
    return [
        Process("postgres-init", postgres.initdb(cluster), once=True),
        Process("postgres", postgres.server(cluster), ("postgres-init",), partial(postgres.answers, cluster)),
        Process("postgres-setup", setup, ("postgres",), once=True),
    ]


def _control_plane(cluster: Cluster) -> list[Process]:
    etcd_is_ready = partial(
        probes.https, f"{controlplane.etcd_url(cluster)}/health", cluster.pki, "etcd-ca", "etcd-client"
    )
    return [
        Process("etcd", controlplane.etcd(cluster), ready=etcd_is_ready),
        Process(
            "kube-apiserver",
            controlplane.apiserver(cluster),
            ("etcd",),
            partial(probes.https, f"{cluster.server}/readyz", cluster.pki),
        ),
        Process("kube-controller-manager", controlplane.controllers(cluster), ("kube-apiserver",)),
        Process("kube-scheduler", controlplane.scheduler(cluster), ("kube-apiserver",)),
    ]


def _node(cluster: Cluster, node: Node) -> list[Process]:
    binary, at = str(cluster.binary), kubelet.folder(node)
    arguments = (
        binary,
        "kubelet",
        f"--config={at / 'kubelet.json'}",
        f"--kubeconfig={cluster.pki / f'kubelet-{node.name}.kubeconfig'}",
        f"--root-dir={at / 'kubelet'}",
        f"--cert-dir={at}",
        f"--hostname-override={node.name}",
    )
    runtime, name = f"runtime-{node.name}", f"kubelet-{node.name}"
    is_ready = partial(probes.node_ready, cluster.server, cluster.pki, node.name)
    return [
        Process(
            runtime,
            (binary, "runtime", str(at / "runtime.json")),
            ready=partial(probes.unix, kubelet.socket(node)),
            stop_order=1,
        ),
        Process(name, arguments, (runtime, "kube-apiserver"), is_ready),
    ]


def _platform(cluster: Cluster, after: tuple[str, ...]) -> list[Process]:
    setup = (cluster.python, "-m", "headrace_local.machine.platform", str(cluster.folder))
    rows = [Process("platform-setup", setup, after, once=True)]
    for role in platform.roles(cluster):
        argv = (cluster.python, "-m", role.module)
        ready = partial(probes.http, role.ready_url)
        rows.append(Process(role.name, argv, ("platform-setup",), ready, role.environment, stop_order=0))
    return rows
