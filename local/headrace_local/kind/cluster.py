"""One cluster of kind's: made, given images, removed. Only contexts that begin with kind- are touched."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_local.chart import images
from headrace_local.errors import LocalError
from headrace_local.kind import postgres as kindpostgres
from headrace_local.kubectl import Kubectl
from headrace_local.machine.cluster import home
from headrace_local.ports import free_ports

_PREFIX = "kind-"
_READY_WITHIN = "300s"


@dataclass(frozen=True, slots=True)
class Kind:
    """A cluster, by the context that kubeconfigs have for it."""

    context: str
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """As kind knows it; LocalError for the context of any other cluster."""
        name = self.context.removeprefix(_PREFIX)
        if not self.context.startswith(_PREFIX) or not name:
            raise LocalError(f"context {self.context}: only clusters of kind's are touched, and theirs begin {_PREFIX}")
        return name

    @property
    def folder(self) -> Path:
        """What is kept of it on this machine."""
        return home(self.environ).parent / "headrace-kind" / self.name

    @property
    def kubeconfig(self) -> Path:
        """Our own: the user's stays as it is."""
        return self.folder / "kubeconfig"

    def kubectl(self, namespace: str) -> Kubectl:
        """The machine's kubectl, in one namespace of this cluster."""
        return Kubectl(("kubectl", "--context", self.context), str(self.kubeconfig), namespace)

    def check(self, *programs: str) -> images.Engine:
        """Docker, which answers; LocalError when it does not, or when a program is missing."""
        # An impossible name, before anything else.
        _ = self.name
        for program in ("docker", *programs):
            if not shutil.which(program, path=self.environ.get("PATH")):
                raise LocalError(f"CLUSTER=kind needs {program}, which is not installed; without it make up needs none")
        return images.find("docker", self.environ)

    def exists(self) -> bool:
        """Whether kind knows it."""
        return self.name in self._run("kind", "get", "clusters").split()

    def create(self) -> None:
        """Makes the cluster unless it is there, and writes its kubeconfig."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        named = ("--name", self.name, "--kubeconfig", str(self.kubeconfig))
        if self.exists():
            self._run("kind", "export", "kubeconfig", *named)
        else:
            config = json.dumps(layout(free_ports(1)[0]))
            self._run("kind", "create", "cluster", *named, "--wait", _READY_WITHIN, "--config", "-", stdin=config)

    def load(self, loaded: Mapping[str, str]) -> None:
        """Gives images of Docker's to the node, which pulls none of these."""
        self._run("kind", "load", "docker-image", "--name", self.name, *loaded.values())

    def delete(self) -> bool:
        """Removes the cluster and all that is in it; False when there was none."""
        there = self.exists()
        if there:
            self._run("kind", "delete", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig))
        shutil.rmtree(self.folder, ignore_errors=True)
        return there

    def postgres_port(self) -> int:
        """Where this machine reaches the Postgres in the cluster."""
        published = self._run("docker", "port", f"{self.name}-control-plane", f"{kindpostgres.NODE_PORT}/tcp")
        return int(published.split()[0].rpartition(":")[2])

    def digest(self, image: str) -> str:
        """Changes when the image does; its name does not."""
        return self._run("docker", "image", "inspect", "--format", "{{.Id}}", image)

    def _run(self, *command: str, stdin: str | None = None) -> str:
        done = subprocess.run(command, env=self.environ, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = done.stderr.strip() or f"it ended with {done.returncode}"
            raise LocalError(f"{' '.join(command[:3])} failed:\n{said}")
        return done.stdout.strip()


def layout(port: int) -> dict[str, Any]:
    """What kind is asked for: one node, of which one port is reached from this machine."""
    published = {"containerPort": kindpostgres.NODE_PORT, "hostPort": port, "listenAddress": "127.0.0.1"}
    node = {"role": "control-plane", "extraPortMappings": [published]}
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}
