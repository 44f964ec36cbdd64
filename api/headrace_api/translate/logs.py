"""The store's log lines, and those that callers see."""

from typing import Any

from headrace.store.progress import LogLine
from headrace_api import times


def show_line(line: LogLine) -> dict[str, Any]:
    """One line."""
    return {"timestamp": times.show(line.at), "level": line.level, "message": line.message}
