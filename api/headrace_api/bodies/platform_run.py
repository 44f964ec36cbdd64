"""Runs as the platform family asks for them and shows them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr

from headrace.lifecycle.state import RunPhase
from headrace.model.base import refuse_not_shown
from headrace.model.run import RunSpec
from headrace.model.values import Params, Tags
from headrace_api.bodies.time import Time

_ID = "5f3c1a52-7c1e-4f0e-9d49-0f8f5f7a2b61"
_RUN_ID = "0c1f7a3e-3d8b-4a0e-8a54-6f1f0d9f7c10"
_PROJECT_ID = "9b0e6c1d-8d0f-4c39-a6f2-3f1c2f5b7d44"
_STATUS_URL = f"/api/v1/runs/{_RUN_ID}"
_ASKED: dict[str, Any] = {
    "project_id": _PROJECT_ID,
    "pipeline_id": "film_slice",
    "params": {"start_date": "2026-03-01"},
}
_SHOWN: dict[str, Any] = {
    "id": _RUN_ID,
    "project_id": _PROJECT_ID,
    "pipeline_id": _ID,
    "kind": "Load",
    "state": "RUNNING",
    "params": {"start_date": "2026-03-01"},
    "tags": {"team": "catalogue"},
    "created_at": "2026-03-01T12:01:00.250000Z",
    "started_at": "2026-03-01T12:01:01.500000Z",
    "finished_at": None,
    "progress": {
        "total_tasks": 3,
        "completed_tasks": 1,
        "failed_tasks": 0,
        "rows_read": 200000,
        "rows_written": 1834,
    },
    "error_message": None,
    "cancel_reason": None,
    "schedule_id": None,
    "due_at": None,
    "timeout_seconds": 3600,
}
TIMEOUT_SECONDS = 3600
"""Of a run that is started without one."""
MOST_SECONDS = 31_536_000


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("it has a NUL character in it")
    return text


Text = Annotated[StrictStr, AfterValidator(_storable), AfterValidator(refuse_not_shown)]
"""Without what Postgres does not take, or kubectl does not show."""
Seconds = Annotated[StrictInt, Field(ge=1, le=MOST_SECONDS)]


class RunIn(BaseModel):
    """A run to make. It waits for `/start`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_ASKED, "tags": ["nightly"]}]})

    project_id: StrictStr | None = Field(default=None, description="The project that the pipeline has to be in.")
    pipeline_id: StrictStr = Field(description="The pipeline's id, or its name (within the project, if one is given).")
    params: Params | None = Field(
        default=None,
        description="Values for the query's `%(name)s`, bound as values: text, numbers, booleans, null; lists and"
        " objects as JSON. At most 262,144 bytes.",
    )
    tags: list[StrictStr] | dict[StrictStr, StrictStr] | None = Field(
        default=None, description=RunSpec.model_fields["tags"].description
    )


class StartIn(BaseModel):
    """How to start a run; without a body: as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"timeout_seconds": 600}]})

    timeout_seconds: Seconds | None = Field(
        default=None,
        description="The run fails when it has been at work for longer; paused time does not count. Without it: what"
        f" the run was made with, else {TIMEOUT_SECONDS}; a stream has none.",
    )


class CancelIn(BaseModel):
    """Why a run is cancelled."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "Wrong month"}]})

    reason: Text | None = Field(default=None, max_length=1000, description="Shown as `cancel_reason`.")


class RunProgress(BaseModel):
    """How far a run is."""

    total_tasks: int
    completed_tasks: int
    failed_tasks: int
    rows_read: int = Field(description="Rows that came from the source.")
    rows_written: int = Field(description="Rows inserted, updated or deleted in the target.")


class PlatformRun(BaseModel):
    """One execution of a pipeline."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    id: str = Field(description="UUID: the `metadata.uid` of the EtlRun.")
    project_id: str | None = Field(description="The project that its pipeline is in.")
    pipeline_id: str
    kind: str = Field(description="Load, Rebuild, Replay or Reconcile.")
    state: RunPhase
    params: dict[str, Any] = Field(description="As they were given.")
    tags: Tags = Field(description="As they were given.")
    created_at: Time = Field(description="When it was asked for.")
    started_at: Time | None = Field(description="When its first runner reported; null while PENDING.")
    finished_at: Time | None
    progress: RunProgress
    error_message: str | None = Field(description="Null unless FAILED: what a person can act on.")
    cancel_reason: str | None = Field(description="Why it was cancelled, if somebody said so.")
    schedule_id: str | None = Field(description="The schedule that it was due by.")
    due_at: Time | None = Field(description="The schedule's due time that it is for.")
    timeout_seconds: int | None = Field(
        description="The run fails when it has been at work for longer. Null: never; or its resource is gone."
    )


class Accepted(BaseModel):
    """What was asked for is stored, and will be done."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "accepted", "run_id": _RUN_ID, "status_url": _STATUS_URL}]}
    )

    status: Literal["accepted"]
    run_id: str
    status_url: str = Field(description="Where to ask how it goes.")
