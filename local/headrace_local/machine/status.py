"""What a running cluster is and where everything of it is found."""

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from headrace_local.machine import hostpids, platform
from headrace_local.machine.cluster import NAMESPACE, Cluster

ORDINARY_USER = (
    "started by an ordinary user: containers run as that user, whatever runAsUser says, runAsUser 0 is refused, "
    "and volumes cannot be given to another group (fsGroup)"
)


@dataclass(frozen=True)
class Status:
    """The answer of `status`; its JSON is what scripts read."""

    name: str
    # absent, starting or ready
    state: str
    api: str | None = None
    apis: list[str] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    kubeconfig: str | None = None
    context: str | None = None
    namespace: str = NAMESPACE
    store_dsn: str | None = None
    source_dsn: str | None = None
    target_dsn: str | None = None
    admin_dsn: str | None = None
    elasticsearch: str | None = None
    kubectl: str | None = None
    folder: str | None = None
    nodes: list[str] = field(default_factory=list)
    # name → pid (as this caller sees it), restarts, state
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """What `--output json` prints."""
        return json.dumps(asdict(self), indent=2)


def read(cluster: Cluster, holder: int | None) -> Status:
    """The status of a cluster whose namespaces the process `holder` holds."""
    processes = _processes(cluster, holder)
    settled = bool(processes) and all(p["state"] in ("ready", "done") for p in processes.values())
    apis = [f"http://127.0.0.1:{port}" for port in cluster.ports.apis] if "api" in processes else []
    operators = [f"http://127.0.0.1:{port}" for port in cluster.ports.operators] if "operator" in processes else []
    return Status(
        name=cluster.name,
        state="absent" if holder is None else "ready" if settled else "starting",
        api=apis[0] if apis else None,
        apis=apis,
        operators=operators,
        kubeconfig=str(cluster.kubeconfig),
        context=cluster.context,
        store_dsn=cluster.store_dsn,
        source_dsn=cluster.source_dsn,
        target_dsn=cluster.target_dsn,
        admin_dsn=cluster.admin_dsn,
        elasticsearch=cluster.elasticsearch.url if cluster.elasticsearch else None,
        kubectl=f"{cluster.binary} kubectl",
        folder=str(cluster.folder),
        nodes=[node.name for node in cluster.nodes],
        processes=processes,
        notes=_notes(cluster),
    )


def _processes(cluster: Cluster, holder: int | None) -> dict[str, dict[str, Any]]:
    try:
        states: dict[str, dict[str, Any]] = json.loads((cluster.folder / "processes.json").read_text())
    except (OSError, ValueError):
        return {}
    pids = hostpids.translate(holder) if holder else {}
    return {name: {**state, "pid": pids.get(state["pid"] or 0)} for name, state in states.items()}


def _notes(cluster: Cluster) -> list[str]:
    notes = [ORDINARY_USER] if os.geteuid() != 0 else []
    if cluster.platform:
        notes += [f"{module} is not installed, so it was not started" for module in platform.missing()]
    return notes
