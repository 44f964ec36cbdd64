"""Pods and Jobs of the one image that a local cluster has for tests: a shell."""

import secrets
from typing import Any

from headrace_local.kubectl import Kubectl
from headrace_local.waiting import wait_for

SHELL = "headrace/shell:local"


def pod_spec(script: str, **more: Any) -> dict[str, Any]:
    container = {"name": "main", "image": SHELL, "command": ["sh", "-c", script], **more.pop("container", {})}
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 10,
        "containers": [container],
        **more,
    }


def make_pod(kubectl: Kubectl, spec: dict[str, Any]) -> str:
    name = f"p-{secrets.token_hex(4)}"
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    return name


def make_job(kubectl: Kubectl, spec: dict[str, Any], **more: Any) -> str:
    name = f"j-{secrets.token_hex(4)}"
    job = {"backoffLimit": 0, "template": {"spec": spec}, **more}
    kubectl.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": job})
    return name


def ended(kubectl: Kubectl, pod: str, seconds: float = 30) -> dict[str, Any]:
    """The terminated state of a pod's container."""

    def look() -> dict[str, Any]:
        statuses = kubectl.get("pod", pod).get("status", {}).get("containerStatuses", [{}])
        return dict(statuses[0].get("state", {}).get("terminated") or {})

    return wait_for(f"the end of pod {pod}", look, seconds=seconds, seen=lambda: kubectl.run("get", "pod", pod))
