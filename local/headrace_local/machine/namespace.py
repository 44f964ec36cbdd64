"""The private namespaces that a whole cluster lives in: when their first process ends, the kernel removes the rest."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from headrace_local.errors import LocalError, UnsupportedMachineError
from headrace_local.machine.cluster import RUN, Cluster

# mount_setattr(2), which makes a whole tree read only; and mounts by ordinary users (5.11).
KERNEL = (5, 12)
APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


def check(system: str = sys.platform, release: str = platform.release()) -> None:
    """Raises UnsupportedMachineError with a sentence that says what to do."""
    if system != "linux":
        raise UnsupportedMachineError(
            "the local cluster runs its containers as Linux processes: use a Linux VM, "
            "or point KUBECONFIG at a cluster that kind made"
        )
    if _version(release) < KERNEL:
        raise UnsupportedMachineError(
            f"the local cluster needs Linux {'.'.join(map(str, KERNEL))} or newer; this is {release}"
        )
    for program in ("unshare", "nsenter", "mount"):
        if not shutil.which(program):
            raise UnsupportedMachineError(f"`{program}` is missing: install util-linux")
    tried = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise UnsupportedMachineError(_why(tried.stderr.strip()))


def _version(release: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", release)
    return (int(found[1]), int(found[2])) if found else KERNEL


def _why(said: str) -> str:
    if os.geteuid() == 0:
        return f"root may not make namespaces here ({said}): in a container, run it privileged"
    if APPARMOR.is_file() and APPARMOR.read_text().strip() == "1":
        return (
            f"this system keeps ordinary users from making user namespaces ({said}): allow it with "
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or run as root"
        )
    return (
        f"an ordinary user may not make user namespaces here ({said}): see kernel.unprivileged_userns_clone and "
        "user.max_user_namespaces in sysctl, or run as root"
    )


def command(cluster: Cluster, argv: list[str]) -> list[str]:
    """Runs argv as the first process of the cluster's namespaces, in a file tree with a few places of its own."""
    spec = {"scratch": str(cluster.folder / "root"), "volumes": _places(cluster), "command": argv}
    return [*_unshare(), str(cluster.binary), "enter", json.dumps(spec)]


def _unshare() -> list[str]:
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *own_user, "--mount", "--ipc", "--pid", "--fork", "--kill-child"]


def _places(cluster: Cluster) -> list[dict[str, str]]:
    """What Kubernetes would otherwise read and write in the machine's own folders."""
    places = {
        RUN: cluster.run,
        Path("/var/lib/kubelet"): cluster.run / "var",
        Path("/var/log/containers"): cluster.run / "containers",
        Path("/etc/hosts"): cluster.folder / "hosts",
        Path("/dev/kmsg"): Path("/dev/kmsg") if _readable("/dev/kmsg") else Path("/dev/null"),
    }
    return [{"source": str(source), "target": str(target)} for target, source in places.items()]


def _readable(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True


def prepare(cluster: Cluster) -> None:
    """Makes the folders that `command` refers to."""
    for folder in (cluster.folder / "root", cluster.run, cluster.run / "var", cluster.run / "containers", cluster.logs):
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        known = Path("/etc/hosts").read_text()
    except OSError as error:
        raise LocalError(f"/etc/hosts: {error.strerror}") from error
    names = " ".join(node.name for node in cluster.nodes)
    (cluster.folder / "hosts").write_text(f"127.0.0.1 localhost {names}\n{known}")
