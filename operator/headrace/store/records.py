"""What the store tells the operator and the API: frozen values, ids as text, times with a time zone."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run as the history shows it. The operator writes it, but for what the runner reports."""

    run_id: str
    installation: str
    namespace: str
    pipeline_uid: str
    pipeline_name: str
    run_name: str
    kind: str
    status: str
    attempt: int = 0
    epoch: int | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error_message: str | None = None
    project: str | None = None
    """metadata.name of the pipeline's project when the run was asked for."""
    pipeline_shown: str | None = None
    """The pipeline's spec.name at that time."""
    params: dict[str, Any] | None = None
    tags: list[str] | dict[str, str] | None = None
    cancel_reason: str | None = None
    schedule: str | None = None
    """metadata.name, as that of the backfill."""
    schedule_uid: str | None = None
    due_at: datetime | None = None
    backfill: str | None = None
    backfill_uid: str | None = None
    nodes: list[list[str]] | None = None
    """The pipeline's tasks, each its name and its stage; None for the three stages themselves."""
    is_stream: bool = False
    rows_read: int = 0
    """Reported by the runner, as is all that follows: saving a record leaves it alone."""
    rows_written: int = 0
    bad_rows: int = 0
    batches: int = 0
    result: dict[str, Any] | None = None
    notes: dict[str, str] = field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the runner measured of extract, transform and load: state, times and rows of each that it has come to."""
    caught_up_at: datetime | None = None
    """Of a stream: when the last poll began that brought everything there was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """What the runner of one run last said."""

    run_id: str
    outcome: str | None
    """DONE, FAILED or STOPPED; None while it runs."""
    outcome_message: str | None
    rows_read: int
    rows_written: int
    bad_rows: int
    batches: int
    bytes_read: int
    """What the source sent; it only grows, for what is read again counts again."""
    result: dict[str, Any] | None
    notes: dict[str, str]
    reporter_epoch: int
    reporter_holder: int
    """Counts the takeovers of the fence, from 1; with `reporter_epoch` 0: no report yet."""
    sequence: int
    first_seen_at: datetime | None
    seen_at: datetime | None
    advanced_at: datetime | None
    """When a report last told of a committed batch, or, before the first, when the runner was first seen."""
    last_key: list[str | None] | None = None
    """The last committed row's key columns as text; None too when another run has committed since."""
    last_value: str | None = None
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    caught_up_at: datetime | None = None
    """Of a stream: when the last poll began that brought everything there was; what is newer is its lag."""
    dead_letters: int | None = None
    """Those of the pipeline, once the run has an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The progress of runs at one moment of the store's clock, by which silence is measured."""

    now: datetime
    progress: dict[str, RunProgress] = field(default_factory=dict)
    """By run id; runs that the store does not know are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """A load that succeeded."""

    started_at: datetime
    """When its first runner reported: what was committed before is in the target."""
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRun:
    """The run of a schedule's due time."""

    due_at: datetime
    run_id: str
    run_name: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How runs ended; reconciles and what was deleted do not count."""

    total_runs: int
    runs_by_state: dict[str, int]
    """Only states that occur."""
    average_run_seconds: float | None
    """The mean of what SUCCESS and FAILED runs took from start to end, paused time included; None without any.

    Those that failed before they started took no time and are left out.
    """

    @property
    def success_rate(self) -> float | None:
        """SUCCESS of SUCCESS and FAILED, 0 to 1; None without any."""
        succeeded = self.runs_by_state.get("SUCCESS", 0)
        ended = succeeded + self.runs_by_state.get("FAILED", 0)
        return succeeded / ended if ended else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The mirror of a pipeline's checkpoint."""

    pipeline_uid: str
    run_id: str
    last_key: list[str | None] | None
    last_value: str | None
    done: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One row that a target refused."""

    id: str
    pipeline_uid: str
    run_id: str
    """The run whose refusal was the latest."""
    document_id: str
    key: list[str]
    """The key columns as text, in order."""
    document: str | None
    """As it was sent."""
    is_cut: bool
    """The document is longer than what is kept of it."""
    error_type: str
    reason: str
    created_at: datetime


def key_text(key: list[str | None] | None) -> str | None:
    """A checkpoint's key as people see it: one column as it is, several as a JSON array."""
    if not key:
        return None
    return key[0] if len(key) == 1 else json.dumps(key, ensure_ascii=False)
