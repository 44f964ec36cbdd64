"""What the store tells the operator and the API: frozen values, ids as text, times with a time zone."""

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
    rows_read: int = 0
    """Reported by the runner, as are the next four: saving a record leaves them alone."""
    rows_written: int = 0
    bad_rows: int = 0
    batches: int = 0
    result: dict[str, Any] | None = None


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
