"""What the API server notes of changes to pipelines, runs and Jobs: who made each, and how it was answered.

https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.names import GROUP
from headrace_local.cluster import Cluster

_VERBS = ["create", "update", "patch", "delete", "deletecollection"]
_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    # Each once, with its answer.
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "Metadata",
            "verbs": _VERBS,
            "resources": [{"group": GROUP}, {"group": "batch", "resources": ["jobs", "jobs/status"]}],
        },
        {"level": "None"},
    ],
}


@dataclass(frozen=True, slots=True)
class Change:
    """One request to change something, also one that was refused or changed nothing."""

    user: str
    verb: str
    resource: str
    """With its subresource: `etlruns/status`."""
    name: str
    code: int


def write(cluster: Cluster) -> None:
    """Writes the policy to where the API server looks for it."""
    _policy(cluster).write_text(json.dumps(_POLICY))


def flags(cluster: Cluster) -> tuple[str, ...]:
    """The API server's part."""
    return (
        f"--audit-policy-file={_policy(cluster)}",
        f"--audit-log-path={path(cluster.folder)}",
        # Megabytes; a change takes about 1 kB.
        "--audit-log-maxsize=50",
        "--audit-log-maxbackup=1",
    )


def path(folder: Path) -> Path:
    """The log of the cluster with this folder."""
    return folder / "log" / "audit.log"


def changes(folder: Path) -> Iterator[Change]:
    """What the log holds now, the oldest first."""
    with path(folder).open(encoding="utf-8") as lines:
        # The last line may be being written.
        yield from (_change(json.loads(line)) for line in lines if line.endswith("}\n"))


def _policy(cluster: Cluster) -> Path:
    return cluster.folder / "audit-policy.json"


def _change(event: dict[str, Any]) -> Change:
    about = event["objectRef"]
    resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
    return Change(
        event["user"]["username"], event["verb"], resource, about.get("name", ""), event["responseStatus"]["code"]
    )
