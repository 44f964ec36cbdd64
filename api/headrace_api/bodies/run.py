"""Runs as callers see them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.lifecycle.state import RunPhase
from headrace_api.bodies.examples import RECONCILE, RUN
from headrace_api.bodies.time import Time


class RunRequest(BaseModel):
    """How to run; without a body: go on where it is right to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"restart": True}]})

    restart: bool = Field(default=False, strict=True, description="Start over instead of going on from a checkpoint.")


class ReconcileResult(BaseModel):
    """Rows of source and target, counted and compared."""

    model_config = ConfigDict(json_schema_extra={"examples": [RECONCILE]})

    pipeline_id: str
    source_count: int = Field(description="Rows that the query gives.")
    target_count: int = Field(description="Rows in the target.")
    difference: int = Field(description="Source minus target.")
    status: Literal["OK", "WARNING"] = Field(description="OK when both sides have the same rows.")
    missing: int | None = Field(default=None, description="Rows that the target lacks; not of a table.")
    extra: int | None = Field(default=None, description="Rows that the query does not give; not of a table.")
    missing_keys: list[str] | None = Field(default=None, description="Some of those that are missing.")
    extra_keys: list[str] | None = Field(default=None, description="Some of those that are too many.")
    note: str | None = Field(default=None, description="Why only the counts were compared.")


class Run(BaseModel):
    """One execution of a pipeline."""

    model_config = ConfigDict(json_schema_extra={"examples": [RUN]})

    id: str = Field(description="UUID: the `metadata.uid` of the EtlRun.")
    pipeline_id: str
    kind: str = Field(description="Load, Rebuild, Replay or Reconcile.")
    status: RunPhase
    created_at: Time = Field(description="When it was asked for.")
    started_at: Time | None = Field(description="When its first runner reported; null while PENDING.")
    finished_at: Time | None
    rows_read: int = Field(description="Rows that came from the source.")
    rows_written: int = Field(description="Rows inserted, updated or deleted in the target.")
    bad_rows: int = Field(description="Rows that the target refused, and that were put aside as dead letters.")
    error_message: str | None = Field(description="Null unless FAILED: what a person can act on.")


class RunDetail(Run):
    """One execution of a pipeline, and what it found."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**RUN, "result": None}]})

    result: ReconcileResult | None = Field(description="Of a reconcile that has ended well.")
