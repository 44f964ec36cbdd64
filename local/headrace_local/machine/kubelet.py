"""The configuration of a node: its kubelet, and the runtime below it with the images that it knows."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from headrace_local.machine.cluster import RUN, Cluster, Node

# The user of Headrace's images when a pod names none, as in the images that are built for real clusters.
IMAGE_USER = 65532
ROLES = ("runner", "operator", "api")
_NOTHING = dict.fromkeys(
    ("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"), "0%"
)
_BARE = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "address": "127.0.0.1",
    "healthzPort": 0,
    "readOnlyPort": 0,
    "clusterDNS": ["10.96.0.10"],
    "clusterDomain": "cluster.local",
    "maxPods": 500,
    # No cgroups, no images, no iptables: the containers are processes.
    "cgroupsPerQOS": False,
    "enforceNodeAllocatable": [],
    "failCgroupV1": False,
    "failSwapOn": False,
    "localStorageCapacityIsolation": False,
    "makeIPTablesUtilChains": False,
    "enableControllerAttachDetach": False,
    "evictionHard": _NOTHING,
    "featureGates": {"KubeletInUserNamespace": True},
    # With the controllers' --node-monitor-grace-period: its lease is renewed every 5 s.
    "nodeLeaseDurationSeconds": 20,
    "nodeStatusUpdateFrequency": "5s",
    # The defaults hold 100 Jobs back for a minute.
    "kubeAPIQPS": 500,
    "kubeAPIBurst": 1000,
    "eventRecordQPS": 0,
    # A pod's files of a Secret that has changed: after 5 to 20 s instead of 65 s.
    "syncFrequency": "10s",
    "registryPullQPS": 0,
    "serializeImagePulls": False,
}
"""What is the same for each node."""


def folder(node: Node) -> Path:
    """Of the node, as its processes see it."""
    return RUN / node.name


def socket(node: Node) -> Path:
    """The runtime's, as the node's processes see it."""
    return folder(node) / "cri.sock"


def write(cluster: Cluster, node: Node) -> None:
    """Writes both configurations to where kubelet and runtime look for them."""
    at = cluster.run / node.name
    (at / "kubelet").mkdir(parents=True, exist_ok=True)
    (at / "kubelet.json").write_text(json.dumps(kubelet(cluster, node)))
    (at / "runtime.json").write_text(json.dumps(runtime(cluster, node)))


def runtime(cluster: Cluster, node: Node) -> dict[str, Any]:
    """The runtime's configuration: local/cluster/main.go reads it."""
    return {
        "socket": str(socket(node)),
        "scratch": str(cluster.folder / "root"),
        "podNetwork": node.pod_network,
        # Started by an ordinary user, containers have the user id that all of this belongs to.
        "hide": [str(cluster.folder), str(RUN)],
        "images": images(),
        # Nothing forwards the address of the Service `kubernetes`.
        "environment": {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(cluster.ports.apiserver),
        },
    }


def images() -> dict[str, Any]:
    """The names that containers may be started under: Headrace's roles as installed here, and a shell for tests."""
    packages = {path for path in sys.path if Path(path).is_absolute() and Path(path).is_dir()}
    reach = sorted({sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), *packages})
    bin_folder = str(Path(sys.executable).parent)
    return {
        f"headrace/{role}": {
            "path": [bin_folder],
            "command": [sys.executable, "-m", f"headrace_{role}"],
            "reach": reach,
            "user": IMAGE_USER,
        }
        for role in ROLES
    } | {"headrace/shell": {"path": [bin_folder], "command": ["/bin/sh"], "reach": reach, "user": IMAGE_USER}}


def kubelet(cluster: Cluster, node: Node) -> dict[str, Any]:
    """The kubelet's configuration.

    https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/
    """
    return {
        **_BARE,
        "port": node.port,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(cluster.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(cluster.pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(cluster.pki / "kubelet.key"),
        "containerRuntimeEndpoint": f"unix://{socket(node)}",
        "podLogsDir": str(folder(node) / "pods"),
        "volumePluginDir": str(folder(node) / "plugins"),
    }
