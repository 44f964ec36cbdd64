"""What operator and API may do on the Kubernetes API of a local cluster: no more than they are written to do."""

from typing import Any

from headrace.names import GROUP, PIPELINE_PLURAL, RUN_PLURAL
from headrace_local.cluster import NAMESPACE

Rule = dict[str, list[str]]
_CHANGE = ["get", "list", "watch", "create", "update", "patch", "delete"]
_OURS = [PIPELINE_PLURAL, RUN_PLURAL]

RULES: dict[str, list[Rule]] = {
    "operator": [
        {"apiGroups": [GROUP], "resources": _OURS, "verbs": _CHANGE},
        {
            "apiGroups": [GROUP],
            "resources": [f"{name}/{part}" for name in _OURS for part in ("status", "finalizers")],
            "verbs": ["get", "update", "patch"],
        },
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": _CHANGE},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "create", "patch"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update", "patch"]},
    ],
    # Jobs, pods and Secrets are none of its business.
    "api": [{"apiGroups": [GROUP], "resources": _OURS, "verbs": _CHANGE}],
}


def manifests() -> list[dict[str, Any]]:
    """A Role for each, bound to the user whose certificate `up` makes."""
    return [manifest for role in RULES for manifest in _of(role)]


def _of(role: str) -> list[dict[str, Any]]:
    group = "rbac.authorization.k8s.io"
    named = {"apiVersion": f"{group}/v1", "metadata": {"name": f"headrace-{role}", "namespace": NAMESPACE}}
    return [
        {**named, "kind": "Role", "rules": RULES[role]},
        {
            **named,
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": group, "kind": "Role", "name": f"headrace-{role}"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": f"headrace-{role}"}],
        },
    ]
