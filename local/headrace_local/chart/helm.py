"""Helm: the machine's own where it is new enough, or else built from its Go module once, and cached by its version."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from headrace_local import programs
from headrace_local.errors import LocalError
from headrace_local.programs import Say, cache, compile_go, locked

SOURCES = Path(__file__).resolve().parents[2] / "helm"
_PACKAGE = "helm.sh/helm/v4/cmd/helm"
_VERSION = "helm.sh/helm/v4/internal/version"
OLDEST = 4
"""Its major version: what the chart is tested with."""


class HelmError(LocalError):
    """Helm ended with another exit code than 0; the message is its own."""


def binary(say: Say, environ: Mapping[str, str] = os.environ) -> Path:
    """The program, built now if it has to be. HEADRACE_HELM names one that is ready."""
    if given := environ.get("HEADRACE_HELM"):
        if not os.access(given, os.X_OK):
            raise LocalError(f"HEADRACE_HELM={given}: not a program that this user can run")
        return Path(given)
    if found := _on_path(environ):
        return found
    if not (SOURCES / "go.mod").is_file():
        raise LocalError(
            f"Helm is built from its Go module, and {SOURCES} does not name it: use a checkout of Headrace, "
            f"or install Helm {OLDEST}"
        )
    built = cache(environ) / f"helm-{programs.digest(SOURCES)}" / "helm"
    if built.is_file():
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    with locked(built.parent / "lock", "Helm", say):
        if not built.is_file():
            say("building Helm once, from its Go module: about 3 minutes on two cores …")
            compile_go("Helm", SOURCES, _PACKAGE, f"-s -w -X {_VERSION}.version={version()}", built)
    return built


def version() -> str:
    """Which one is built: `v4.3.2`."""
    found = re.search(r"helm\.sh/helm/v4 (v\S+)", (SOURCES / "go.mod").read_text())
    if not found:
        raise LocalError(f"{SOURCES / 'go.mod'} does not say which Helm is meant")
    return found[1]


def _on_path(environ: Mapping[str, str]) -> Path | None:
    found = shutil.which("helm", path=environ.get("PATH"))
    if not found:
        return None
    said = subprocess.run([found, "version", "--short"], capture_output=True, text=True, check=False)
    major = re.match(r"v(\d+)\.", said.stdout)
    return Path(found) if major and int(major[1]) >= OLDEST else None


@dataclass(frozen=True, slots=True)
class Helm:
    """Calls Helm on one cluster, in one namespace."""

    program: Path
    kubeconfig: str
    namespace: str
    folder: Path
    """Where it keeps what it would otherwise put into the home folder."""
    show: Callable[[str], None] | None = None

    def quietly(self) -> Self:
        """The same, without showing what it does."""
        return replace(self, show=None)

    def run(self, *arguments: str, stdin: str | None = None, seconds: float = 300) -> str:
        """What Helm prints; raises HelmError with what it says when it fails."""
        if self.show is not None:
            self.show(" ".join(["helm", *arguments]))
        homes = {f"HELM_{kind}_HOME": str(self.folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        env = {**os.environ, "KUBECONFIG": self.kubeconfig, "HELM_NAMESPACE": self.namespace, **homes}
        try:
            done = subprocess.run(
                [str(self.program), *arguments],
                env=env, input=stdin, capture_output=True, text=True, timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise HelmError(f"helm {arguments[0]} did not end within {seconds:g} s") from None
        if done.returncode != 0:
            raise HelmError(done.stderr.strip() or f"helm ended with {done.returncode}")
        return done.stdout
