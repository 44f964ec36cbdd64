"""Parameters that several calls share."""

from typing import Annotated

from fastapi import Path, Query

PipelineId = Annotated[str, Path(description="The pipeline's id.")]
RunId = Annotated[str, Path(description="The run's id.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="How many to leave out at the beginning.")]
