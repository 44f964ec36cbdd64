"""The store's dead letters, and those that callers see."""

from typing import Any

from headrace.store.records import DeadLetter
from headrace_api import times


def show_letter(letter: DeadLetter) -> dict[str, Any]:
    """One letter."""
    return {
        "id": letter.id,
        "pipeline_id": letter.pipeline_uid,
        "run_id": letter.run_id,
        "key": letter.key,
        "document_id": letter.document_id,
        "document": letter.document,
        "is_cut": letter.is_cut,
        "error_type": letter.error_type,
        "reason": letter.reason,
        "created_at": times.show(letter.created_at),
    }
