"""What a run's runners wrote, as callers see it."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from headrace_api.bodies.time import Time


class Level(StrEnum):
    """How much a line matters, the least first."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


_LINE: dict[str, Any] = {
    "timestamp": "2026-03-01T12:01:02.100000Z",
    "level": "INFO",
    "message": "batch 12: 1,000 rows read, 3 written",
}


class LogLine(BaseModel):
    """One line."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINE]})

    timestamp: Time = Field(description="By the runner's clock.")
    level: Level
    message: str
