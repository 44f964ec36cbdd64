"""How much memory a runner takes."""

import subprocess
import time
from pathlib import Path


def peak_of(process: "subprocess.Popen[str]") -> int:
    """The most memory that a process ever had, in bytes; waits for its end."""
    peak = 0
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                peak = int(line.split()[1]) * 1024
        time.sleep(0.01)
    return peak
