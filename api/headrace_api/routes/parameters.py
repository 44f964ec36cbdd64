"""Parameters and headers that several calls share."""

from typing import Annotated, Any

from fastapi import Path, Query

from headrace_api.paging import Offset

__all__ = ["LOCATION", "BackfillId", "Limit", "Offset", "PipelineId", "ProjectId", "RunId", "ScheduleId"]

PipelineId = Annotated[str, Path(description="The pipeline's id.")]
ProjectId = Annotated[str, Path(description="The project's id.")]
ScheduleId = Annotated[str, Path(description="The schedule's id.")]
BackfillId = Annotated[str, Path(description="The backfill's id.")]
RunId = Annotated[str, Path(description="The run's id.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
LOCATION: dict[str, Any] = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
