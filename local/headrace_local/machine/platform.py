"""Headrace itself on the local cluster: its CRDs, its Secrets, and operator and API as processes."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_local.ground import ground
from headrace_local.machine import rbac
from headrace_local.machine.cluster import NAMESPACE, Cluster, load

CRDS = Path(__file__).resolve().parents[3] / "crds"
DSN_SECRET = "headrace-dsn"  # noqa: S105 - the name of a Secret, not one
RUNNER_IMAGE = "headrace/runner:local"
ALLOWED_TARGETS = ("analytics.*", "es:film_dim")
"""What the examples write. The default of the settings would refuse most of them."""


@dataclass(frozen=True)
class Role:
    """One process of the platform."""

    name: str
    module: str
    environment: dict[str, str]
    ready_url: str


def roles(cluster: Cluster) -> list[Role]:
    """The processes to start; a role whose module is not installed is left out."""
    found: list[Role] = []
    for i, port in enumerate(cluster.ports.operators):
        name = "operator" if i == 0 else f"operator-{i + 1}"
        found.append(_role(cluster, name, "headrace_operator", {"HEADRACE_PROBE_PORT": str(port)}, port))
    for i, port in enumerate(cluster.ports.apis):
        name = "api" if i == 0 else f"api-{i + 1}"
        found.append(_role(cluster, name, "headrace_api", {"PORT": str(port)}, port))
    return [role for role in found if is_installed(role.module)]


def is_installed(module: str) -> bool:
    """Whether `python -m` could start it."""
    return importlib.util.find_spec(f"{module}.__main__") is not None


def missing() -> list[str]:
    """The platform's modules that cannot be started."""
    return [module for module in ("headrace_operator", "headrace_api") if not is_installed(module)]


def _role(cluster: Cluster, name: str, module: str, own: dict[str, str], port: int) -> Role:
    kubeconfig = cluster.pki / f"{module.removeprefix('headrace_')}.kubeconfig"
    given = {"KUBECONFIG": str(kubeconfig), "HEADRACE_IDENTITY": name}
    environment = {**settings(cluster), **given, **own, **cluster.settings}
    return Role(name, module, environment, f"http://127.0.0.1:{port}/readyz")


def settings(cluster: Cluster) -> dict[str, str]:
    """What operator and API read from their environment."""
    return {
        "HEADRACE_INSTALLATION": cluster.name,
        "HEADRACE_NAMESPACE": NAMESPACE,
        "HEADRACE_STORE_DSN": cluster.store_dsn,
        "HEADRACE_SOURCE_DSN": cluster.source_dsn,
        "HEADRACE_TARGET_DSN": cluster.target_dsn,
        "HEADRACE_DSN_SECRET": DSN_SECRET,
        "HEADRACE_RUNNER_IMAGE": RUNNER_IMAGE,
        "ALLOWED_TARGET_TABLES": ",".join(ALLOWED_TARGETS),
        "HOST": "127.0.0.1",
        "PYTHONUNBUFFERED": "1",
    }


def dsns(cluster: Cluster) -> dict[str, str]:
    """The keys of the Secret from which runners get what they connect with."""
    known = {"store": cluster.store_dsn, "source": cluster.source_dsn, "target": cluster.target_dsn}
    if server := cluster.elasticsearch:
        given = {"url": server.url, **server.credentials}
        known |= {f"elasticsearch-{key}": value for key, value in given.items()}
    return known


def manifests(cluster: Cluster) -> list[dict[str, Any]]:
    """The namespace of the runs, the Secret whose keys the operator hands to them, and the rights of both roles."""
    return [*ground(NAMESPACE, DSN_SECRET, dsns(cluster)), *rbac.manifests(cluster)]


def set_up(cluster: Cluster) -> None:
    """Applies it all and waits until it is usable; again changes nothing."""
    everything = {"apiVersion": "v1", "kind": "List", "items": manifests(cluster)}
    crds = [f"--filename={CRDS}"] if any(CRDS.glob("*.yaml")) else []
    _kubectl(cluster, "apply", "--server-side", "--filename=-", *crds, stdin=json.dumps(everything))
    if crds:
        _kubectl(cluster, "wait", "--for=condition=Established", "--timeout=30s", *crds)
    # A pod that comes before its service account is refused, and tried again only seconds later.
    _kubectl(cluster, "wait", "--for=create", "--timeout=30s", f"--namespace={NAMESPACE}", "serviceaccount/default")


def _kubectl(cluster: Cluster, *arguments: str, stdin: str = "") -> None:
    env = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    subprocess.run([str(cluster.binary), "kubectl", *arguments], input=stdin, text=True, env=env, check=True)


if __name__ == "__main__":
    set_up(load(Path(sys.argv[1])))
