"""What operator and API may do on the Kubernetes API of a local cluster: what the chart gives them, and no more."""

from pathlib import Path

import yaml

from headrace import names
from headrace.manifests import Manifest
from headrace_local.machine.cluster import NAMESPACE, Cluster

SOURCE = Path(__file__).resolve().parents[3] / "charts" / "headrace" / "files" / "rbac.yaml"
GROUP = "rbac.authorization.k8s.io"
FOR_PEOPLE = ("view", "edit", "admin")


def rules() -> dict[str, list[Manifest]]:
    """The rules of every role, each with the call that needs it (`why`)."""
    found: dict[str, list[Manifest]] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return found


def manifests(cluster: Cluster) -> list[Manifest]:
    """A Role for each of the two, bound to the user whose certificate `up` makes, and ClusterRoles for people."""
    return [
        *_bound(cluster, "operator", to="operator"),
        *_bound(cluster, "api", to="api"),
        *_for_authentication(cluster),
        *(_for_people(cluster, role) for role in FOR_PEOPLE),
    ]


def _for_authentication(cluster: Cluster) -> list[Manifest]:
    mode = cluster.settings.get("HEADRACE_AUTH_MODE", "none")
    reviews_tokens = mode == "kubernetes" and cluster.settings.get("HEADRACE_AUTH_REVIEW", "token") == "token"
    found = [] if mode == "none" else _bound(cluster, "api-reviews", to="api")
    return found + (_bound(cluster, "api-cluster", to="api", everywhere=True) if reviews_tokens else [])


def _bound(cluster: Cluster, role: str, *, to: str, everywhere: bool = False) -> list[Manifest]:
    kind = "ClusterRole" if everywhere else "Role"
    metadata = {"name": f"headrace-{role}"} | ({} if everywhere else {"namespace": NAMESPACE})
    named = {"apiVersion": f"{GROUP}/v1", "metadata": metadata}
    return [
        {**named, "kind": kind, "rules": granted(role, cluster)},
        {
            **named,
            "kind": f"{kind}Binding",
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": f"headrace-{role}"},
            "subjects": [{"apiGroup": GROUP, "kind": "User", "name": f"headrace-{to}"}],
        },
    ]


def _for_people(cluster: Cluster, role: str) -> Manifest:
    """Bound to nobody: Kubernetes' own role of that name takes it in."""
    labels = {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true"}
    metadata = {"name": f"headrace-{role}", "labels": labels}
    return {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": granted(role, cluster)}


def granted(role: str, cluster: Cluster) -> list[Manifest]:
    """The rules as Kubernetes takes them."""
    lease = f"headrace-{names.slug(cluster.name)}"
    return [_granted(rule, lease) for rule in rules()[role]]


def _granted(rule: Manifest, lease: str) -> Manifest:
    given = {key: value for key, value in rule.items() if key != "why"}
    if "resourceNames" in given:
        given["resourceNames"] = [name.replace("{lease}", lease) for name in given["resourceNames"]]
    return given
