"""Clusters that belong to one command, by its pid, and outlived it because it was killed."""

from pathlib import Path

from headrace_local.machine import lifecycle
from headrace_local.machine.cluster import home


def name_for(prefix: str, pid: int) -> str:
    """What the cluster of a command is called."""
    return f"{prefix}-{pid}"


def remove(prefix: str, proc: Path = Path("/proc")) -> list[str]:
    """Removes the clusters of commands that are no more; returns their names."""
    names = [folder.name for folder in home().glob(f"{prefix}-*")]
    orphans = [name for name in names if not (proc / name.rpartition("-")[2]).exists()]
    return [name for name in orphans if lifecycle.down(name)]
