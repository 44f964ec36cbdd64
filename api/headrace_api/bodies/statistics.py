"""What an installation has done so far, in figures."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_FIGURES: dict[str, Any] = {
    "total_projects": 3,
    "total_pipelines": 40,
    "total_runs": 12034,
    "runs_by_state": {"PENDING": 1, "RUNNING": 2, "PAUSED": 0, "SUCCESS": 12000, "FAILED": 20, "CANCELLED": 11},
    "success_rate": 0.9983,
    "average_run_seconds": 14.2,
}


class RunsByState(BaseModel):
    """How many runs are in each state."""

    PENDING: int
    RUNNING: int
    PAUSED: int
    SUCCESS: int
    FAILED: int
    CANCELLED: int


class Statistics(BaseModel):
    """Figures over all projects; reconciles, and what was deleted, do not count."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FIGURES]})

    total_projects: int
    total_pipelines: int
    total_runs: int
    runs_by_state: RunsByState
    success_rate: float | None = Field(
        description="0 to 1: those that succeeded, of those that succeeded or failed; null without any."
    )
    average_run_seconds: float | None = Field(
        description="From start to end, of those that succeeded or failed; null without any."
    )
