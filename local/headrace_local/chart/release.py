"""The chart, installed with Helm on a local cluster: what a platform team does, in a handful of calls."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from headrace_local.chart.helm import Helm
from headrace_local.kubectl import Kubectl
from headrace_local.waiting import wait_for

CHART = Path(__file__).resolve().parents[3] / "charts" / "headrace"
API_PORT = 8000
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the release that is ready."""

    name: str
    address: str
    """Its own, in 127.0.0.0/8."""


@dataclass(frozen=True, slots=True)
class Release:
    """One installation of the chart, in one namespace; `kubectl` works in that namespace."""

    name: str
    helm: Helm
    kubectl: Kubectl
    values: Values = field(default_factory=dict)

    @classmethod
    def on(cls, kubectl: Kubectl, program: Path, folder: Path, values: Values) -> Self:
        """The release `headrace` in the namespace of a kubectl; of the two, only Helm shows what it does."""
        helm = Helm(program, kubectl.kubeconfig, kubectl.namespace, folder, kubectl.show)
        return cls("headrace", helm, kubectl.quietly(), values)

    def install(self, more: Mapping[str, Any] | None = None, *, seconds: float = 240) -> str:
        """Installs, and returns what Helm says when everything is ready; HelmError."""
        return self._apply("install", more, seconds, "--create-namespace")

    def upgrade(self, more: Mapping[str, Any] | None = None, *, seconds: float = 240) -> str:
        """Upgrades to the chart of this checkout with these values; HelmError."""
        return self._apply("upgrade", more, seconds)

    def _apply(self, verb: str, more: Mapping[str, Any] | None, seconds: float, *options: str) -> str:
        values = merged(self.values, more or {})
        return self.helm.run(
            verb, self.name, str(CHART), "--values=-", "--wait", f"--timeout={int(seconds)}s", *options,
            stdin=json.dumps(values), seconds=seconds + 30,
        )  # fmt: skip

    def rollback(self, *, seconds: float = 240) -> str:
        """Goes back to the revision before this one."""
        return self.helm.run("rollback", self.name, "--wait", f"--timeout={int(seconds)}s", seconds=seconds + 30)

    def uninstall(self, *, seconds: float = 120) -> str:
        """Removes the release; what it leaves, it says."""
        return self.helm.run("uninstall", self.name, "--wait", f"--timeout={int(seconds)}s", seconds=seconds + 30)

    def test(self, *, seconds: float = 120) -> str:
        """What `helm test` says, with the log of its pod; HelmError when it fails."""
        return self.helm.run("test", self.name, "--logs", f"--timeout={int(seconds)}s", seconds=seconds + 30)

    def is_installed(self) -> bool:
        """Whether there is a release of that name, in whatever state."""
        found = json.loads(self.helm.quietly().run("list", "--filter", f"^{self.name}$", "--output=json"))
        return bool(found)

    def revision(self) -> int:
        """Counts from 1, and each upgrade and roll-back."""
        return int(json.loads(self.helm.quietly().run("status", self.name, "--output=json"))["version"])

    def pods(self, component: str) -> list[Pod]:
        """The pods of `api` or `operator` that are ready, and are not being removed."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        found = self.kubectl.list("pods", "-l", selector)
        return [Pod(p["metadata"]["name"], p["status"]["podIP"]) for p in found if _is_ready(p)]

    def apis(self) -> list[str]:
        """The address of each pod of the API."""
        return [f"http://{pod.address}:{API_PORT}" for pod in self.pods("api")]

    def leader(self) -> Pod:
        """The operator that works; waits until one does."""
        found: list[Pod] = []

        def look() -> Pod | None:
            found[:] = self.pods("operator")
            leases = self.kubectl.list("leases.coordination.k8s.io")
            holders = {lease["spec"].get("holderIdentity") for lease in leases}
            return next((pod for pod in found if pod.name in holders), None)

        return wait_for("an operator that holds the Lease", look, seconds=60, seen=lambda: found)

    def wait_until_ready(self, component: str, count: int, *, seconds: float = 120) -> list[Pod]:
        """Waits until so many pods are ready, and no other is there."""
        seen: list[list[Pod]] = [[]]

        def look() -> list[Pod] | None:
            seen[0] = self.pods(component)
            return seen[0] if len(seen[0]) == count else None

        return wait_for(f"{count} pods of {component}", look, seconds=seconds, every=0.5, seen=lambda: seen[0])


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def merged(values: Mapping[str, Any], more: Mapping[str, Any]) -> Values:
    """Values over values, as Helm puts several files together."""
    found = dict(values)
    for name, value in more.items():
        before = found.get(name)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        found[name] = merged(before, value) if both else value  # type: ignore[arg-type]
    return found
