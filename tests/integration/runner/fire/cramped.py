"""A Postgres whose tablespace `small` lies on a file system of a few megabytes, in a mount namespace of its own."""

import subprocess
from pathlib import Path

from tests.integration.conftest import OwnServer

MEGABYTES = 24
"""An empty database takes 8 of them."""
# The mount needs uid 0 of the namespace, and Postgres refuses it: so one namespace within another.
_MOUNTED = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec unshare -U --map-user=1000 --map-group=1000 "$@"'
_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


class CrampedServer(OwnServer):
    """Its tablespace is empty after each start."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        super().__init__(folder, binaries)
        self.small = folder / "small"
        self.small.mkdir(mode=0o700)

    def _around(self) -> list[str]:
        return [*_NAMESPACE, "sh", "-c", _MOUNTED, "sh", f"{MEGABYTES}m", str(self.small)]


def why_impossible() -> str | None:
    """Why there can be no such server here, or None."""
    tried = subprocess.run(
        [*_NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True, text=True, check=False
    )
    return tried.stderr.strip() or "no mount in a user namespace" if tried.returncode else None
