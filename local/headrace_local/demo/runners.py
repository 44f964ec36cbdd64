"""Runner processes of this machine: pods of the local cluster are processes, so they can be found and killed."""

import os
import signal
from pathlib import Path

PROC = Path("/proc")
_MODULE = b"headrace_runner"


def find(run_id: str, proc: Path = PROC) -> list[int]:
    """The pids of the runner processes of a run, as this caller sees them; ended ones do not count."""
    marker = f"HEADRACE_RUN_ID={run_id}".encode()
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # A zombie has an empty command line.
            is_one = _MODULE in (entry / "cmdline").read_bytes() and marker in (entry / "environ").read_bytes()
        except OSError:
            continue  # it has ended meanwhile, or belongs to somebody else
        if is_one:
            found.append(int(entry.name))
    return sorted(found)


def kill(run_id: str, number: signal.Signals = signal.SIGKILL) -> list[int]:
    """Sends a signal to each runner process of a run; returns their pids."""
    killed = []
    for pid in find(run_id):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        killed.append(pid)
    return killed
