"""Local clusters without Headrace on them, and who runs them: this user, or an ordinary one."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace_local.kubectl import Kubectl
from headrace_local.machine import hostpids

CHECKOUT = Path(__file__).resolve().parents[3]
NAMESPACE = "headrace"
THIS_USER, ORDINARY_USER = "this user", "an ordinary user"
_NOBODY = 65534


@dataclass
class Machine:
    """Somebody who runs `headrace-local`."""

    home: Path
    binary: Path
    is_ordinary: bool
    prefix: list[str] = field(default_factory=list)

    def run(self, *arguments: str, seconds: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            "HEADRACE_LOCAL_HOME": str(self.home),
            "HEADRACE_CLUSTER_BINARY": str(self.binary),
            "HOME": str(self.home),
        }
        command = [*self.prefix, sys.executable, "-m", "headrace_local", *arguments]
        if self.prefix:
            command = [
                *self.prefix[:-1],
                json.dumps(json.loads(self.prefix[-1]) | {"command": command[len(self.prefix) :]}),
            ]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=seconds, check=False)
        assert not check or done.returncode == 0, (
            f"{arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def up(self, name: str, *arguments: str) -> "Cluster":
        done = self.run("up", "--name", name, "--no-platform", "--output", "json", *arguments)
        return Cluster(self, name, json.loads(done.stdout))


@dataclass
class Cluster:
    machine: Machine
    name: str
    first: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.machine.home / self.name

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl((str(self.machine.binary), "kubectl"), self.first["kubeconfig"], NAMESPACE)

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.machine.run("status", "--name", self.name, "--output", "json", check=False).stdout))

    def down(self) -> None:
        self.machine.run("down", "--name", self.name)

    def outer(self) -> int:
        return int(json.loads((self.folder / "outer.json").read_text())[0])

    def pids(self) -> list[int]:
        """All processes of the cluster, its containers and the one that holds its namespaces."""
        return [self.outer(), *hostpids.translate(self.outer()).values()]


def make_machine(home: Path, binary: Path, *, is_ordinary: bool) -> Machine:
    if not is_ordinary or os.geteuid() != 0:
        return Machine(home, binary, is_ordinary=os.geteuid() != 0)
    # Another user may be shut out of the folders above the checkout, the interpreter or the binary. It gets a file tree
    # in which it can reach them, made by the same program that makes those of containers.
    os.chown(home, _NOBODY, _NOBODY)
    scratch = home / "scratch"
    scratch.mkdir()
    reach = sorted({sys.prefix, sys.base_prefix, str(CHECKOUT), str(binary), os.path.realpath(sys.executable)})
    spec = {"scratch": str(scratch), "reach": reach, "identity": {"user": _NOBODY, "group": _NOBODY}}
    return Machine(
        home, binary, is_ordinary=True, prefix=["unshare", "--mount", str(binary), "enter", json.dumps(spec)]
    )


def prepare(kubectl: Kubectl) -> None:
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "word", "namespace": NAMESPACE},
            "stringData": {"word": "xyzzy"},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": NAMESPACE},
            "data": {"colour": "blue"},
        },
    )
    kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
