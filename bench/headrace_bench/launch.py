"""Runs commands in a pipe and measures them; a process of its own, as small as Python gets.

The kernel starts a child's peak of memory (`ru_maxrss`) with that of the process that forked it, so what is measured is
never started by the benchmark itself, which holds some 50 MB.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any


def main() -> None:
    """Reads {"commands": [...], "environ": {...}, "output": path} from stdin; prints what it took as JSON."""
    asked: dict[str, Any] = json.load(sys.stdin)
    environ = {**os.environ, **asked["environ"]}
    with open(asked["output"], "ab") as output:  # noqa: PTH123 - pathlib would double this process's memory
        began = time.monotonic()
        started = _start(asked["commands"], environ, output)
        ended = [os.wait4(process.pid, 0) for process in started]
        seconds = time.monotonic() - began
    usages = [usage for _, _, usage in ended]
    took = {
        "seconds": seconds,
        "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in usages),
        "peak_bytes": max(usage.ru_maxrss for usage in usages) * 1024,
        "codes": [os.waitstatus_to_exitcode(status) for _, status, _ in ended],
    }
    print(json.dumps(took))


def _start(commands: list[list[str]], environ: dict[str, str], output: Any) -> list["subprocess.Popen[bytes]"]:
    processes: list[subprocess.Popen[bytes]] = []
    last = len(commands) - 1
    for number, command in enumerate(commands):
        upstream = processes[-1].stdout if processes else subprocess.DEVNULL
        stdout = output if number == last else subprocess.PIPE
        processes.append(subprocess.Popen(command, env=environ, stdin=upstream, stdout=stdout, stderr=output))
        if processes[:-1]:
            # Or else the writer never learns that its reader died.
            assert processes[-2].stdout is not None
            processes[-2].stdout.close()
    return processes


if __name__ == "__main__":
    main()
