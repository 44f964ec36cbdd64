"""kubectl, as a person would call it."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from headrace_local.errors import LocalError


class KubectlError(LocalError):
    """kubectl ended with another exit code than 0; the message is its own."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Calls kubectl in one namespace of one cluster."""

    command: tuple[str, ...]
    kubeconfig: str
    namespace: str
    show: Callable[[str], None] | None = None

    def quietly(self) -> Self:
        """The same, without showing what it does."""
        return replace(self, show=None)

    def run(self, *arguments: str, stdin: str | None = None, seconds: float = 60, check: bool = True) -> str:
        """What kubectl prints; raises KubectlError with what it says when it fails, unless `check` is false."""
        if self.show is not None:
            self.show(shlex.join(["kubectl", *arguments]))
        command = [*self.command, "--namespace", self.namespace, *arguments]
        env = {**os.environ, "KUBECONFIG": self.kubeconfig}
        try:
            done = subprocess.run(
                command, env=env, input=stdin, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise KubectlError(f"kubectl {arguments[0]} did not end within {seconds:g} s") from None
        if check and done.returncode != 0:
            raise KubectlError(done.stderr.strip() or f"kubectl ended with {done.returncode}")
        return done.stdout.strip()

    def apply(self, *manifests: dict[str, Any]) -> str:
        """Applies manifests."""
        everything = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        # By the server: kubectl itself would note all of a Secret in an annotation.
        return self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(everything))

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Creates one resource and returns it."""
        return dict(json.loads(self.run("create", "-f", "-", "-o", "json", stdin=json.dumps(manifest))))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One resource; raises KubectlError when it is not there."""
        return dict(json.loads(self.run("get", kind, name, "-o", "json")))

    def list(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """Resources of a kind; arguments narrow them down, such as a label selector."""
        return list(json.loads(self.run("get", kind, *arguments, "-o", "json"))["items"])

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> str:
        """Merges a patch into a resource."""
        return self.run("patch", kind, name, "--type=merge", "-p", json.dumps(patch))
