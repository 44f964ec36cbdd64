"""The chart, as Helm renders it."""

import json
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from headrace_local.chart import helm

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "headrace"
RELEASE, NAMESPACE = "etl", "data"
CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
Manifest = dict[str, Any]
Values = dict[str, Any]


class Chart:
    """Calls Helm. What it says when it refuses is raised as HelmError."""

    def __init__(self, program: Path, folder: Path, kubeconfig: str = "/nowhere", namespace: str = NAMESPACE) -> None:
        self._helm = helm.Helm(program, kubeconfig, namespace, folder)

    def text(self, values: Values, *arguments: str) -> str:
        """All manifests, hooks too."""
        return self._call("template", values, *arguments)

    def manifests(self, values: Values, *arguments: str) -> list[Manifest]:
        """The same, read."""
        return deepcopy(self._read(json.dumps(values), arguments))

    @cache  # noqa: B019 - one of them lives as long as the tests
    def _read(self, values: str, arguments: tuple[str, ...]) -> list[Manifest]:
        text = self.text(json.loads(values), *arguments)
        return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]

    def asked(self, values: Values, *arguments: str, release: str = RELEASE) -> list[Manifest]:
        """What an installation would apply, for which Helm looks at what is in the cluster. Nothing is changed."""
        text = self._call("template", values, "--dry-run=server", *arguments, release=release)
        return [document for document in yaml.safe_load_all(text) if document]

    def notes(self, values: Values, *arguments: str) -> str:
        """What Helm says after an installation."""
        text = self._call("install", values, "--dry-run=client", "--output=json", *arguments)
        return str(json.loads(text)["info"]["notes"])

    def lint(self, values: Values) -> str:
        """What `helm lint --strict` says."""
        return self._helm.run("lint", str(CHART), "--strict", "--values=-", stdin=json.dumps(values))

    def refusal(self, values: Values, *arguments: str) -> str:
        """Why these values are refused; a test fails when they are not."""
        try:
            self.text(values, *arguments)
        except helm.HelmError as error:
            return str(error)
        raise AssertionError(f"{values} were taken")

    def _call(self, verb: str, values: Values, *arguments: str, release: str = RELEASE) -> str:
        return self._helm.run(verb, release, str(CHART), "--values=-", *arguments, stdin=json.dumps(values))


def named(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """The one of a kind whose name ends so."""
    (found,) = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"].endswith(name)]
    return found


def kinds(manifests: list[Manifest]) -> set[str]:
    """The kinds that there are."""
    return {manifest["kind"] for manifest in manifests}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """A bare Pod for every pod that the manifests would lead to, by the name of what makes it."""
    return {m["metadata"]["name"]: _pod(m) for m in manifests if m["kind"] in {"Deployment", "Job", "Pod"}}


def _pod(manifest: Manifest) -> Manifest:
    template = manifest if manifest["kind"] == "Pod" else manifest["spec"]["template"]
    name = f"{manifest['metadata']['name']}-{manifest['kind'].lower()}"
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def environment(manifests: list[Manifest], component: str) -> dict[str, str | None]:
    """The environment of a Deployment's container: name to value, None for what comes from elsewhere."""
    container = named(manifests, "Deployment", component)["spec"]["template"]["spec"]["containers"][0]
    names = [variable["name"] for variable in container["env"]]
    assert len(names) == len(set(names)), f"set twice: {names}"
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def folder() -> "tempfile.TemporaryDirectory[str]":
    """Where Helm keeps what it keeps."""
    return tempfile.TemporaryDirectory(prefix="headrace-helm-")
