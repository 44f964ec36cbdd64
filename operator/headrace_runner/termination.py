"""The last word in the pod's termination message: it is read when the store does not have it."""

import json
from pathlib import Path

from headrace.store.progress import Progress

LIMIT = 4096
"""Kubernetes cuts it there: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/"""
MESSAGE_LIMIT = 1000
"""In characters: escaped, each may take up to three times as many bytes."""


def write_termination(path: Path, progress: Progress, *, outcome: str | None, message: str | None) -> None:
    """Writes it where Kubernetes made the file; elsewhere does nothing."""
    word = {
        "outcome": outcome,
        "message": message and message[:MESSAGE_LIMIT],
        "rows_read": progress.rows_read,
        "rows_written": progress.rows_written,
        "bad_rows": progress.bad_rows,
        "batches": progress.batches,
    }
    try:
        if path.exists():
            path.write_text(json.dumps(word, ensure_ascii=False), encoding="utf-8")
    except OSError:
        # A message that can't be left must not change how the run ended.
        return
