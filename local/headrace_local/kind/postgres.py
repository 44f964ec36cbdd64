"""The Postgres of a cluster of kind's: its manifests. For trying things out; its data go with the cluster."""

from collections.abc import Mapping

from headrace.manifests import Manifest

IMAGE = "postgres:18"
NAMESPACE = "headrace-postgres"
SECRET = "passwords"  # noqa: S105 - the name of a Secret, not one
ADDRESS = f"postgres.{NAMESPACE}.svc:5432"
"""For pods of the cluster."""
NODE_PORT = 30432
_NAME = "postgres"
_LABELS = {"app.kubernetes.io/name": _NAME}
_READY = ["pg_isready", "--username", "postgres", "--host", "127.0.0.1"]


def manifests(passwords: Mapping[str, str]) -> list[Manifest]:
    """Everything, with one password for each role, `admin` among them."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": _metadata(SECRET), "stringData": dict(passwords)},
        _service(),
        _stateful_set(),
    ]


def _metadata(name: str) -> Manifest:
    return {"name": name, "namespace": NAMESPACE, "labels": _LABELS}


def _service() -> Manifest:
    port = {"port": 5432, "nodePort": NODE_PORT}
    spec = {"type": "NodePort", "selector": _LABELS, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(_NAME), "spec": spec}


def _stateful_set() -> Manifest:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _metadata(_NAME),
        "spec": {
            "serviceName": _NAME,
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": _pod()},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        },
    }


def _pod() -> Manifest:
    password = {"secretKeyRef": {"name": SECRET, "key": "admin"}}
    container = {
        "name": _NAME,
        "image": IMAGE,
        "args": ["-c", "max_connections=300", "-c", "wal_level=logical"],
        "env": [{"name": "POSTGRES_PASSWORD", "valueFrom": password}],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {"exec": {"command": _READY}, "periodSeconds": 1, "failureThreshold": 60},
        # Since version 18 the volume is the folder above that of the data.
        "volumeMounts": [{"name": "data", "mountPath": "/var/lib/postgresql"}],
    }
    return {"automountServiceAccountToken": False, "containers": [container]}
