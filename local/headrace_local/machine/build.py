"""The cluster's binary: built from its Go sources once, and cached by their hash."""

import os
from collections.abc import Mapping
from pathlib import Path

from headrace_local import programs
from headrace_local.errors import LocalError
from headrace_local.programs import Say, cache, compile_go, locked

SOURCES = Path(__file__).resolve().parents[2] / "cluster"
KUBERNETES = "v1.36.3"


def binary(say: Say, environ: Mapping[str, str] = os.environ) -> Path:
    """The binary, built now if it has to be. HEADRACE_CLUSTER_BINARY names one that is ready."""
    if given := environ.get("HEADRACE_CLUSTER_BINARY"):
        if not os.access(given, os.X_OK):
            raise LocalError(f"HEADRACE_CLUSTER_BINARY={given}: not a program that this user can run")
        return Path(given)
    if not (SOURCES / "go.mod").is_file():
        raise LocalError(
            f"the cluster is built from its Go sources, and {SOURCES} holds none: use a checkout of Headrace"
        )
    folder = cache(environ) / f"cluster-{digest()}"
    built = folder / "headrace-cluster"
    if built.is_file():
        return built
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock", "the cluster", say):
        if not built.is_file():
            _build(built, say)
    return built


def digest() -> str:
    """Of all that the binary is made from."""
    return programs.digest(SOURCES, KUBERNETES)


def _build(target: Path, say: Say) -> None:
    say("building the cluster once, from Kubernetes' own sources: about 5 minutes on two cores …")
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    version = "k8s.io/component-base/version"
    flags = f"-s -w -X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
    compile_go("the cluster", SOURCES, ".", flags, target)
