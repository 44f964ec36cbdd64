"""Few log lines: as JSON for the pod's log, with the fields that API and operator use, and kept for the store."""

import json
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from typing import TextIO

from headrace.store.progress import LogLine

KEPT_LINES = 1000
"""While the store is away; the oldest go first."""
_LOGGER = "headrace_runner"


class Log:
    """Writes to `stream` at once; `take` hands what the store has not got yet to the reporter."""

    def __init__(self, run_id: str, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._fields = {"run_id": run_id}
        self._lines: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._lock = threading.Lock()

    def name_pipeline(self, name: str) -> None:
        """Says from now on which pipeline it is."""
        self._fields["pipeline"] = name

    def debug(self, message: str) -> None:
        """A step that only helps to understand what went wrong."""
        self._write("DEBUG", message)

    def info(self, message: str) -> None:
        """A step that a person wants to see."""
        self._write("INFO", message)

    def warning(self, message: str) -> None:
        """Something went wrong, and we go on."""
        self._write("WARNING", message)

    def error(self, message: str) -> None:
        """Something went wrong, and we end."""
        self._write("ERROR", message)

    def take(self) -> list[LogLine]:
        """The lines that were not taken before."""
        with self._lock:
            lines = list(self._lines)
            self._lines.clear()
        return lines

    def put_back(self, lines: list[LogLine]) -> None:
        """Keeps lines that could not be stored."""
        with self._lock:
            self._lines.extendleft(reversed(lines[-KEPT_LINES:]))

    def _write(self, level: str, message: str) -> None:
        now = datetime.now(UTC)
        line = {
            "event": message,
            **self._fields,
            "level": level.lower(),
            "logger": _LOGGER,
            "timestamp": now.isoformat().replace("+00:00", "Z"),
        }
        with self._lock:
            self._lines.append(LogLine(now, level, message))
            print(json.dumps(line, ensure_ascii=False), file=self._stream, flush=True)
