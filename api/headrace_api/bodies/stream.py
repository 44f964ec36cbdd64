"""Streams as callers ask for them and see them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from headrace.lifecycle.state import RunPhase
from headrace_api.bodies.platform_run import Seconds
from headrace_api.bodies.time import Time

_EXECUTION_ID = "0c1f7a3e-3d8b-4a0e-8a54-6f1f0d9f7c10"
_STATUS_URL = f"/api/v1/stream/status?execution_id={_EXECUTION_ID}"
_REQUESTED: dict[str, Any] = {"execution_id": _EXECUTION_ID, "state": "PENDING", "status_url": _STATUS_URL}
STOP_SECONDS = 30
"""So long a stream may take to stop, unless the caller says something else."""


class StreamConfig(BaseModel):
    """What is particular to one execution; all else is the pipeline's."""

    # Clients that were written for another platform send their own settings: they are told which mean nothing here.
    model_config = ConfigDict(extra="allow")

    restart: StrictBool = Field(default=False, description="Start over instead of going on from the checkpoint.")
    timeout_seconds: Seconds | None = Field(default=None, description="Fail after so long; without it: never.")
    tags: list[StrictStr] | dict[StrictStr, StrictStr] | None = Field(default=None, description="As of a run.")

    @property
    def ignored(self) -> list[str]:
        """Keys that mean nothing here."""
        return sorted(name[:100] for name in self.model_extra or {})

    def of_run(self) -> dict[str, Any]:
        """What becomes of it in the run."""
        return self.model_dump(include=set(type(self).model_fields), exclude_none=True)


class StreamIn(BaseModel):
    """A stream to run."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"pipeline": "film_changes", "mode": "async", "config": {}}]}
    )

    pipeline: StrictStr = Field(description="Its id or its name; of mode streaming or incremental.")
    mode: Literal["async", "sync"] = Field(
        default="async", description="async: answer at once; sync: answer when the stream has ended."
    )
    config: StreamConfig = Field(default_factory=StreamConfig)


class StopIn(BaseModel):
    """A stream to stop."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"execution_id": _EXECUTION_ID, "timeout": 30}]}
    )

    execution_id: StrictStr
    timeout: Annotated[StrictInt, Field(ge=0, le=86_400)] = Field(
        default=STOP_SECONDS,
        description="Seconds that the change in flight may take; then it is killed, and done again next time.",
    )


class Execution(BaseModel):
    """A stream that is to stop."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REQUESTED]})

    execution_id: str = Field(description="The run's id: all that is below `/runs/{id}` can be asked of it, too.")
    state: RunPhase
    status_url: str = Field(description="Where to ask how it goes.")


class Requested(Execution):
    """A stream that was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_REQUESTED, "ignored": []}]})

    ignored: list[str] = Field(
        description="Keys of `config` that mean nothing here: a stream runs as its pipeline says."
    )


class Stream(Execution):
    """A stream, and how far it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_REQUESTED,
                    "state": "RUNNING",
                    "pipeline_id": "5f3c1a52-7c1e-4f0e-9d49-0f8f5f7a2b61",
                    "started_at": "2026-03-01T12:01:01.500000Z",
                    "finished_at": None,
                    "rows_read": 200000,
                    "rows_written": 200000,
                    "lag_seconds": 0.8,
                    "error_message": None,
                }
            ]
        }
    )

    pipeline_id: str
    started_at: Time | None
    finished_at: Time | None
    rows_read: int
    rows_written: int
    lag_seconds: float | None = Field(
        description="All that was committed in the source before then is in the target; null unless RUNNING, and"
        " before it has caught up for the first time."
    )
    error_message: str | None = Field(description="Null unless FAILED: what a person can act on.")
