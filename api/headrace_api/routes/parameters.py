"""Parameters and headers that several calls share."""

from typing import Annotated, Any

from fastapi import Path, Query

from headrace_api.paging import Offset

__all__ = [
    "LOCATION", "BackfillId", "DestinationId", "Limit", "Most", "NamePart", "Offset", "PipelineId", "ProjectId",
    "RunId", "ScheduleId", "SourceId",
]  # fmt: skip

PipelineId = Annotated[str, Path(description="The pipeline's id.")]
ProjectId = Annotated[str, Path(description="The project's id.")]
ScheduleId = Annotated[str, Path(description="The schedule's id.")]
BackfillId = Annotated[str, Path(description="The backfill's id.")]
SourceId = Annotated[str, Path(description="The source's id.")]
DestinationId = Annotated[str, Path(description="The destination's id.")]
RunId = Annotated[str, Path(description="The run's id.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Most = Annotated[int | None, Query(ge=1, le=500, description="How many at most; without it, all.")]
NamePart = Annotated[str | None, Query(description="Part of the name, whatever its case.")]
LOCATION: dict[str, Any] = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
