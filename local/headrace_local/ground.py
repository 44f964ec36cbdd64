"""What an installation stands on: a namespace that takes restricted pods only, and the Secret of its connections."""

from collections.abc import Mapping
from typing import Any

_POD_SECURITY = "pod-security.kubernetes.io/enforce"
RESTRICTED = {_POD_SECURITY: "restricted", f"{_POD_SECURITY}-version": "latest"}
"""https://kubernetes.io/docs/concepts/security/pod-security-standards/: what a pod lacks of that, it is refused for."""


def ground(namespace: str, secret: str, connections: Mapping[str, str]) -> list[dict[str, Any]]:
    """The manifests of both; `connections` are the Secret's keys."""
    metadata = {"name": secret, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": RESTRICTED}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(connections)},
    ]
