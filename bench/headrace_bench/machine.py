"""What kind of machine the figures come from."""

import os
import platform
import re
from pathlib import Path


def describe() -> dict[str, str]:
    """Cores, processor, memory, system: what a reader needs to compare, and nothing that names the machine."""
    return {
        "cores": str(os.cpu_count()),
        "processor": _first(Path("/proc/cpuinfo"), r"model name\s*:\s*(.+)") or platform.machine(),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
    }


def _first(path: Path, pattern: str) -> str | None:
    try:
        found = re.search(pattern, path.read_text())
    except OSError:
        return None
    return found[1].strip() if found else None
