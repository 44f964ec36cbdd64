"""The cluster that releases are installed on: one of this machine, or one of kind's that is there already."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_local.chart import helm
from headrace_local.chart.forward import forwarded
from headrace_local.chart.release import API_PORT, Pod, Release
from headrace_local.ground import ground
from headrace_local.kind import __main__ as kind
from headrace_local.kind.cluster import Kind
from headrace_local.kubectl import Kubectl
from headrace_local.machine import leftovers, lifecycle
from headrace_local.machine.cluster import folder_of, load
from headrace_local.machine.platform import dsns
from headrace_local.machine.status import Status

SECRET = "connections"


@dataclass(frozen=True)
class Site:
    """A cluster without Headrace, its databases, and Helm."""

    status: Status
    program: Path
    connections: Mapping[str, str]
    """What a release's Secret holds."""
    values: Mapping[str, Any]
    """What a release needs on this cluster besides."""
    is_near: bool
    """Whether the addresses of pods are this machine's."""

    def kubectl(self, namespace: str) -> Kubectl:
        return Kubectl(tuple(shlex.split(self.status.kubectl or "")), self.status.kubeconfig or "", namespace)

    def release(self, namespace: str, values: Mapping[str, Any]) -> Release:
        """A release that is still to be installed; its namespace and its Secret are there."""
        kubectl = self.kubectl(namespace)
        kubectl.apply(*ground(namespace, SECRET, self.connections))
        return Release.on(kubectl, self.program, Path(self.status.folder or "") / "helm", {**self.values, **values})

    @contextmanager
    def reach(self, release: Release, pod: Pod) -> Iterator[str]:
        """The address by which a pod of the API answers here."""
        if self.is_near:
            yield f"http://{pod.address}:{API_PORT}"
        else:
            with forwarded(release.kubectl, f"pod/{pod.name}", API_PORT) as address:
                yield address


@contextmanager
def of_this_machine() -> Iterator[Site]:
    """A local cluster, which is gone at the end."""
    leftovers.remove("chart")
    name = leftovers.name_for("chart", os.getpid())
    program = helm.binary(sys.stderr.write)
    try:
        status = lifecycle.up(lifecycle.Wish(name=name, platform=False), print)
        # Pods share the machine's network: each has an address of its own.
        yield Site(status, program, dsns(load(folder_of(name))), {"listenOn": "podIP"}, is_near=True)
    finally:
        lifecycle.down(name)


@contextmanager
def of_kind(context: str) -> Iterator[Site]:
    """A cluster that `python -m headrace_local.kind test` has prepared, and removes."""
    one = Kind(context, os.environ)
    status, tag = kind.status(one), {"image": {"tag": kind.values(one)["image"]["tag"]}}
    yield Site(status, helm.binary(sys.stderr.write), kind.dsns(kind.seen_from_here(one)), tag, is_near=False)
