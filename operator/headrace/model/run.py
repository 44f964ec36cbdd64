"""EtlRun: one execution of a pipeline; creating one asks for it."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from headrace.model.base import RESOURCE_NAME_PATTERN, Resource, Status, Time
from headrace.model.conditions import Condition
from headrace.model.preview import PreviewSpec
from headrace.model.values import Params, Tags
from headrace.runspec import RunKind

ONLY_READS = frozenset({RunKind.RECONCILE, RunKind.PREVIEW})
"""Kinds of runs that write nothing."""
ONLY_ELASTICSEARCH = frozenset({RunKind.REBUILD, RunKind.REPLAY})
"""What only an index can be told to do."""


class RunSpec(Resource):
    """What is asked for: one execution of a pipeline."""

    pipeline: str = Field(default="", max_length=253, pattern=rf"^$|{RESOURCE_NAME_PATTERN}")
    """metadata.name of the EtlPipeline, which will own this run; only a Preview has none. Can't be changed."""
    kind: RunKind = RunKind.LOAD
    """Load moves rows. Reconcile counts the rows of source and target and compares them. Of Elasticsearch targets:
    Rebuild loads everything into a new index beside the old one and lets it take the old one's place; Replay sends the
    rows that were refused again, as the source has them now. Preview shows what a pipeline would read, before there is
    one. Can't be changed."""
    preview: PreviewSpec | None = None
    """Of kind Preview: what is to be shown. Can't be changed."""
    suspend: bool = False
    """true on creation: wait to be started. Later: true pauses after the batch, false goes on."""
    cancel: bool = False
    """true ends the run after its batch; what was written stays."""
    cancel_reason: str | None = Field(default=None, max_length=1000)
    """Why it was cancelled."""
    restart: bool = False
    """Start over instead of continuing from a checkpoint."""
    params: Params | None = Field(
        default=None,
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "self == oldSelf", "message": "params can't be changed: create another run"}
            ]
        },
    )
    """Values for the query's %(name)s parameters: at most 262,144 bytes of JSON. Can't be changed."""
    tags: Tags | None = Field(default=None, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})
    """Names, or names with values, to find it by: at most 50, of at most 200 characters. Those that Kubernetes takes
    are labels too, `tag.headrace.dev/…`."""
    schedule: str | None = Field(default=None, min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlSchedule that it was due by. Can't be changed."""
    due_at: Time | None = None
    """The schedule's due time that it is for. Can't be changed."""
    backfill: str | None = Field(default=None, min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlBackfill that asked for it. Can't be changed."""
    stream: bool = False
    """true runs an incremental pipeline as a stream: increments are brought until it is cancelled."""
    stop_seconds: int | None = Field(default=None, ge=0, le=86_400)
    """With cancel: so long its batch may take to end; then it is rolled back."""
    timeout_seconds: int | None = Field(default=None, ge=1, le=31_536_000)
    """The run fails when it has been at work for longer; paused time does not count."""

    @model_validator(mode="after")
    def _of_a_pipeline_or_a_preview(self) -> Self:
        is_preview = self.kind == RunKind.PREVIEW
        if is_preview != (self.preview is not None):
            raise ValueError("preview is what a run of kind Preview has, and no other")
        if is_preview == bool(self.pipeline):
            raise ValueError("pipeline is needed: metadata.name of an EtlPipeline; only a Preview has none")
        return self


class RunJob(Status):
    """The Job of the current attempt, as last seen."""

    name: str
    """Its name."""
    attempt: int
    """Counts from 1."""
    epoch: int
    """The fencing epoch that its runner holds."""
    created_at: Time | None = None
    """When it was asked for."""
    active: bool = True
    """Whether it has pods at work or ending."""
    suspended: bool = False
    """Whether it was asked to stop."""
    holder: int = -1
    """The fence's holder before its current pod: only a later one's reports are news."""
    batches: int = 0
    """Batches that were committed before this attempt."""
    caught_up_at: Time | None = None
    """Of a stream: how far it was caught up before this attempt."""
    fruitless: int = 0
    """How many attempts in a row ended before this one without a committed batch."""


class RunProgress(Status):
    """How far the run is; at most every 10 s while it goes on."""

    rows_read: int = 0
    """Rows that came from the source."""
    rows_written: int = 0
    """Rows inserted, updated or deleted in the target."""
    bad_rows: int = 0
    """Rows that the target refused, and that were put aside as dead letters."""
    batches: int = 0
    """Batches committed."""
    takeovers: int = 0
    """How often a runner took the fence since a batch was last committed."""
    holder: int = 0
    """The fence's holder that last reported."""
    caught_up_at: Time | None = None
    """Of a stream: all that was committed in the source until then is in the target."""
    updated_at: Time | None = None
    """When these numbers were written."""


class RunTask(Status):
    """A task of the run, as the runner measured it."""

    name: str
    """Its name: a node of the pipeline, or extract, transform, load."""
    stage: str = ""
    """By what it is measured: extract, transform or load."""
    state: str
    """PENDING, RUNNING, PAUSED, SUCCESS, FAILED or CANCELLED."""
    started_at: Time | None = None
    """When its first row was asked for."""
    finished_at: Time | None = None
    """When its last row was through."""
    rows_read: int = 0
    """Rows that came to it."""
    rows_written: int = 0
    """Rows that left it."""


class ReconcileResult(Status):
    """What a reconcile found."""

    source_count: int
    """Rows that the query gives."""
    target_count: int
    """Rows in the target."""
    difference: int
    """Source minus target."""
    status: str
    """OK when both sides have the same rows, as far as that was compared, else WARNING."""
    missing: int | None = None
    """Rows that the target lacks; none where only the counts were compared."""
    extra: int | None = None
    """Rows of the target that the query does not give; none where only the counts were compared."""
    missing_keys: list[str] | None = None
    """Some of those that are missing."""
    extra_keys: list[str] | None = None
    """Some of those that are too many."""
    note: str | None = None
    """Why only the counts were compared."""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From what the runner found: the verdict is made of it."""
        source, target = int(found["source_count"]), int(found["target_count"])
        same = source == target and not found.get("missing") and not found.get("extra")
        known = {name: value for name, value in found.items() if name in cls.model_fields}
        return cls.model_validate(known | {"difference": source - target, "status": "OK" if same else "WARNING"})


class RunStatus(Status):
    """What the operator saw; written by the operator only."""

    phase: str | None = None
    """PENDING, RUNNING, PAUSED, SUCCESS, FAILED or CANCELLED."""
    observed_generation: int | None = None
    """The generation of the specification that this status was computed from."""
    job: RunJob | None = None
    """The Job of the current attempt."""
    source: str | None = None
    """metadata.name of the EtlSource that it reads from, as it was when the run started."""
    destination: str | None = None
    """metadata.name of its EtlDestination, likewise."""
    target_kind: str | None = None
    """Where its rows go, as it was when the run started: its Jobs get the credentials of that and no others."""
    started_at: Time | None = None
    """When the first runner reported."""
    finished_at: Time | None = None
    """When the run ended."""
    last_transition_time: Time | None = None
    """When the phase last changed."""
    worked_seconds: float = 0
    """Time at work before the current spell, without pauses: what timeoutSeconds counts."""
    working_since: Time | None = None
    """When the current spell of work began."""
    stopping_since: Time | None = None
    """When the run was asked to stop."""
    progress: RunProgress | None = None
    """How far it is."""
    error_message: str | None = None
    """Why it failed, in words that a person can act on."""
    stream: bool = False
    """Whether it goes on until it is stopped."""
    tasks: list[RunTask] = Field(default_factory=list)
    """Its tasks; written when its phase changes."""
    result: ReconcileResult | None = None
    """Of a reconcile."""
    preview: dict[str, Any] | None = None
    """Of a preview with `show`: its columns and rows, or the tables of the source; `truncated`: there is more. Of one
    that failed: `error`, what the server says in full, where that may quote rows."""
    notes: dict[str, str] = Field(default_factory=dict)
    """What the runner found out that a person may want to know: reason to sentence."""
    archived: bool = False
    """Whether the store holds the final state, so that this resource may be pruned."""
    conditions: list[Condition] = Field(default_factory=list)
    """Running, Suspended, Complete, Failed."""
