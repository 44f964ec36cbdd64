"""Helm, and a cluster without Headrace on it for what only an API server can say."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.chart.rendering import NAMESPACE, RELEASE, Chart, Manifest, Values, folder

from headrace_local.chart import helm
from headrace_local.errors import UnsupportedMachineError
from headrace_local.ground import RESTRICTED
from headrace_local.kubectl import Kubectl
from headrace_local.machine import leftovers, lifecycle
from headrace_local.machine.namespace import check

LABELS = RESTRICTED | {"pod-security.kubernetes.io/warn": "restricted"}
PREFIX = "chartserver"


@dataclass(frozen=True)
class Server:
    """An API server, and the chart as Helm renders it for that."""

    kubectl: Kubectl
    chart: Chart
    live: Chart
    """The same chart, by a Helm that looks into the cluster."""

    def asked(self, values: Values, *arguments: str, release: str = RELEASE) -> list[Manifest]:
        """What an installation would apply, for which Helm looks at what is in the cluster. Nothing is changed."""
        return self.live.asked(values, *arguments, release=release)

    def create(self, *manifests: dict[str, object]) -> None:
        """Would they be taken? KubectlError with the server's reason when not."""
        everything = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl.run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(everything))


@pytest.fixture(scope="session")
def program() -> Path:
    return helm.binary(sys.stderr.write)


@pytest.fixture(scope="session")
def chart(program: Path) -> Iterator[Chart]:
    """The chart, rendered without any cluster."""
    with folder() as home:
        yield Chart(program, Path(home))


@pytest.fixture(scope="session")
def server(program: Path, chart: Chart) -> Iterator[Server]:
    """The namespace that the chart's tests install into: restricted, and under a quota of CPU and memory."""
    try:
        check()
    except UnsupportedMachineError as error:
        pytest.skip(str(error))
    leftovers.remove(PREFIX)
    name = leftovers.name_for(PREFIX, os.getpid())
    try:
        status = lifecycle.up(lifecycle.Wish(name=name, platform=False), print)
        kubectl = Kubectl(tuple(shlex.split(status.kubectl or "")), status.kubeconfig or "", NAMESPACE)
        kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": LABELS}}, _quota()
        )
        kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
        with folder() as home:
            yield Server(kubectl, chart, Chart(program, Path(home), status.kubeconfig or ""))
    finally:
        lifecycle.down(name)


def _quota() -> dict[str, object]:
    hard = {"requests.cpu": "64", "limits.cpu": "64", "requests.memory": "64Gi", "limits.memory": "64Gi"}
    metadata = {"name": "bounded", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
