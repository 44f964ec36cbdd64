"""Filters, order and pages of the list of pipelines; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headrace.lifecycle.state import Phase
from headrace.model.pipeline import Mode, PipelineType
from headrace_api import times

Shown = dict[str, Any]

_SORTABLE = (
    "name", "created_at", "updated_at", "status", "type", "mode", "enabled", "target_table", "batch_size", "id",
    "description", "incremental_key", "source_query", "project_id", "source_id", "destination_id",
)  # fmt: skip
_TIMES = frozenset({"created_at", "updated_at"})

Sort = StrEnum("Sort", {f"{sign}{name}": f"{sign}{name}" for name in _SORTABLE for sign in ("", "-")})  # type: ignore[misc]
"""The fields to sort by; with `-` descending."""
NEWEST_FIRST = Sort("-created_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the list is to hold; None: anything."""

    status: Phase | None = None
    type: PipelineType | None = None
    mode: Mode | None = None
    enabled: bool | None = None
    project_id: str | None = None
    q: str | None = None
    """Part of the name, whatever its case."""

    def take(self, pipeline: Shown) -> bool:
        """Whether the pipeline passes all filters."""
        wanted = {
            "status": self.status,
            "type": self.type,
            "mode": self.mode,
            "enabled": self.enabled,
            "project_id": self.project_id,
        }
        if any(value is not None and pipeline[name] != value for name, value in wanted.items()):
            return False
        return self.q is None or self.q.casefold() in pipeline["name"].casefold()


def ordered(pipelines: Sequence[Shown], sort: str) -> list[Shown]:
    """The pipelines in order; those that are equal in it by id, so that pages fit together."""
    name = sort.removeprefix("-")
    key = _sort_key(name)
    return sorted(pipelines, key=lambda p: (key(p[name]), p["id"]), reverse=sort.startswith("-"))


def page(pipelines: Sequence[Shown], *, limit: int | None, offset: int) -> list[Shown]:
    """A part of the list; without a limit, all from the offset on."""
    return list(pipelines[offset : None if limit is None else offset + limit])


def _sort_key(name: str) -> Any:
    if name in _TIMES:
        return lambda text: times.sortable(times.parse(text) or times.EPOCH)
    # Null goes after every value.
    return lambda value: (value is None, "" if value is None else value)
