"""What the API server notes: changes to pipelines, runs and Jobs, whoever makes them, and all that Headrace asks for.

https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.names import GROUP
from headrace_local.machine.cluster import NAMESPACE, Cluster

_VERBS = ["create", "update", "patch", "delete", "deletecollection"]
_HEADRACE = ["headrace-operator", "headrace-api"]
_READ = re.compile(r'"verb":"(get|list|watch)"')
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
        # No bodies: there may be secrets in what others wrote.
        {"level": "Metadata", "users": _HEADRACE},
        {"level": "Metadata", "userGroups": [f"system:serviceaccounts:{NAMESPACE}"]},
        {"level": "None"},
    ],
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, also one that was refused or changed nothing."""

    user: str
    verb: str
    group: str
    """The resource's API group; empty for the core."""
    resource: str
    """With its subresource: `etlruns/status`; empty where only a path was asked for."""
    name: str
    code: int
    """The HTTP status of the answer."""
    at: str = ""
    """When it was answered: RFC 3339, UTC, with six digits of a second."""

    @property
    def is_change(self) -> bool:
        """Whether it asked for something to be written."""
        return self.verb in _VERBS and (self.group in {GROUP, "batch"} or self.resource == "secrets")


def write(cluster: Cluster) -> None:
    """Writes the policy to where the API server looks for it."""
    _policy(cluster).write_text(json.dumps(_POLICY))


def flags(cluster: Cluster) -> tuple[str, ...]:
    """The API server's part."""
    return (
        f"--audit-policy-file={_policy(cluster)}",
        f"--audit-log-path={path(cluster.folder)}",
        # Megabytes; a request takes about 1 kB, and an idle installation makes 1 a second.
        "--audit-log-maxsize=100",
        "--audit-log-maxbackup=1",
    )


def path(folder: Path) -> Path:
    """The log of the cluster with this folder."""
    return folder / "log" / "audit.log"


def requests(folder: Path) -> Iterator[Request]:
    """What the logs hold now, the oldest first."""
    return map(_request, _lines(folder))


def changes(folder: Path) -> Iterator[Request]:
    """Those that asked for a change to a pipeline, a run, a Job or (Headrace's own requests only) a Secret."""
    # Most are reads, and to parse them takes a second for every 50 MB.
    others = (_request(line) for line in _lines(folder) if not _READ.search(line))
    return (request for request in others if request.is_change)


def _lines(folder: Path) -> Iterator[str]:
    # The log before this one has a time in its name; there is at most one.
    for file in (*path(folder).parent.glob("audit-*.log"), path(folder)):
        with file.open(encoding="utf-8") as lines:
            # The last line may be being written.
            yield from (line for line in lines if line.endswith("}\n"))


def _policy(cluster: Cluster) -> Path:
    return cluster.folder / "audit-policy.json"


def _request(line: str) -> Request:
    event: dict[str, Any] = json.loads(line)
    about = event.get("objectRef") or {}
    resource = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
    return Request(
        event["user"]["username"],
        event["verb"],
        about.get("apiGroup", ""),
        resource,
        about.get("name", ""),
        # Of a request whose caller has left there may be none.
        (event.get("responseStatus") or {}).get("code", 0),
        event.get("stageTimestamp", ""),
    )
