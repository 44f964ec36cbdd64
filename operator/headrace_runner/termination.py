"""The last word in the pod's termination message: it is read when the store does not have it."""

import json
from pathlib import Path

LIMIT = 4096
"""Kubernetes cuts it there: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/"""
MESSAGE_LIMIT = 1000
"""In characters: escaped, each may take up to three times as many bytes."""


def write_termination(
    path: Path, *, outcome: str | None, message: str | None, rows_read: int, rows_written: int, batches: int
) -> None:
    """Writes it where Kubernetes made the file; elsewhere does nothing."""
    word = {
        "outcome": outcome,
        "message": message and message[:MESSAGE_LIMIT],
        "rows_read": rows_read,
        "rows_written": rows_written,
        "batches": batches,
    }
    try:
        if path.exists():
            path.write_text(json.dumps(word, ensure_ascii=False), encoding="utf-8")
    except OSError:
        # A message that can't be left must not change how the run ended.
        return
