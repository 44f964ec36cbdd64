"""EtlBackfills, and the backfills that callers see."""

from typing import Any

from headrace.cluster import Manifest
from headrace.lifecycle.readings import created_at
from headrace.model.backfill import BackfillPhase, BackfillSpec, BackfillStatus
from headrace_api import times
from headrace_api.translate.specification import Specification

_SPECIFICATION = Specification(BackfillSpec, known_as={"schedule": "schedule_id", "from_": "from", "to": "to"})
SORTABLE = (
    "id", "from", "to", "order", "parallelism", "state", "total", "succeeded", "failed", "active", "existing",
    "created_at", "started_at", "finished_at",
)  # fmt: skip
"""The fields that the list may be sorted by."""
_COUNTS = ("progress", "total", "succeeded", "failed", "active", "existing")


def show_backfill(backfill: Manifest, schedule_id: str) -> dict[str, Any]:
    """The backfill as callers see it."""
    status = BackfillStatus.model_validate(backfill.get("status") or {})
    return {
        "id": backfill["metadata"]["uid"],
        "schedule_id": schedule_id,
        "from": times.show_text(backfill["spec"].get("from")),
        "to": times.show_text(backfill["spec"].get("to")),
        **_SPECIFICATION.shown(backfill),
        "state": (status.phase or BackfillPhase.PENDING).value,
        **{name: getattr(status, name) for name in _COUNTS},
        "failed_runs": [{"due_at": times.show_text(failed.due_at), "run": failed.run} for failed in status.failed_runs],
        "created_at": times.show(created_at(backfill)),
        "started_at": times.show_text(status.started_at),
        "finished_at": times.show_text(status.finished_at),
    }
