"""Which pid a process of a cluster has outside of the cluster's PID namespace."""

from pathlib import Path

PROC = Path("/proc")


def translate(outer: int, proc: Path = PROC) -> dict[int, int]:
    """Pid inside → pid here, for everything below the process `outer`, which made the namespace."""
    parents, inner = _scan(proc)
    first = [pid for pid, parent in parents.items() if parent == outer]
    depth = {len(inner[pid]) for pid in first}
    found: dict[int, int] = {}
    below = first
    while below:
        for pid in below:
            # A container has one more namespace; its pid in the cluster's is the one at the first process's depth.
            for level in depth:
                found[inner[pid][level - 1]] = pid
        above = set(below)
        below = [pid for pid, parent in parents.items() if parent in above]
    return found


def _scan(proc: Path) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Parent and namespace pids of each process."""
    parents: dict[int, int] = {}
    inner: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            lines = dict(line.split(":\t", 1) for line in (entry / "status").read_text().splitlines() if ":\t" in line)
        except OSError:
            continue  # it has ended meanwhile
        pid = int(entry.name)
        parents[pid] = int(lines["PPid"])
        inner[pid] = [int(word) for word in lines["NSpid"].split()]
    return parents, inner


def started(pid: int, proc: Path = PROC) -> str | None:
    """When a process started, in ticks: with the pid, it names a process for good. None when there is none."""
    try:
        after_name = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] == "Z" else after_name[19]
