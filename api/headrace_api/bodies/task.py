"""A run's tasks as callers see them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace_api.bodies.time import Time

_TASK: dict[str, Any] = {
    "name": "extract",
    "state": "SUCCESS",
    "started_at": "2026-03-01T12:01:01.500000Z",
    "finished_at": "2026-03-01T12:01:02.900000Z",
    "rows_read": 200000,
    "rows_written": 200000,
}


class Task(BaseModel):
    """One task of a run, as the runner measured it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TASK]})

    name: str = Field(description="A node of the pipeline, or extract, transform, load.")
    state: Literal["PENDING", "RUNNING", "PAUSED", "SUCCESS", "FAILED", "CANCELLED"]
    started_at: Time | None
    finished_at: Time | None
    rows_read: int = Field(description="Rows that came to it.")
    rows_written: int = Field(description="Rows that left it.")
