"""Filters of the list of pipelines; pure."""

from dataclasses import dataclass

from headrace.lifecycle.state import Phase
from headrace.model.pipeline import PipelineType
from headrace.runspec import Mode
from headrace_api.paging import Shown

SORTABLE = (
    "name", "created_at", "updated_at", "status", "type", "mode", "enabled", "target_table", "batch_size", "id",
    "description", "incremental_key", "source_query", "source_table", "project_id", "source_id", "destination_id",
)  # fmt: skip
"""The fields that the list may be sorted by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the list is to hold; None: anything."""

    status: Phase | None = None
    type: PipelineType | None = None
    mode: Mode | None = None
    enabled: bool | None = None
    project_id: str | None = None
    source_id: str | None = None
    destination_id: str | None = None
    q: str | None = None
    """Part of the name, whatever its case."""

    def take(self, pipeline: Shown) -> bool:
        """Whether the pipeline passes all filters; its source and destination are those that it uses."""
        wanted = {
            "status": self.status,
            "type": self.type,
            "mode": self.mode,
            "enabled": self.enabled,
            "project_id": self.project_id,
            "source_id": self.source_id,
            "destination_id": self.destination_id,
        }
        if any(value is not None and pipeline[name] != value for name, value in wanted.items()):
            return False
        return named(pipeline, self.q)


def named(item: Shown, part: str | None) -> bool:
    """Whether this is part of its name, whatever the case."""
    return part is None or part.casefold() in str(item["name"]).casefold()
