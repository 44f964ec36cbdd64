"""What the operator writes for a run and the runner reads: plain values, without pydantic, which costs start-up."""

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class RunKind(StrEnum):
    """What a run does."""

    LOAD = "Load"
    """Moves rows."""
    RECONCILE = "Reconcile"
    """Counts the rows of both sides; changes nothing, so that it runs beside a load."""
    REBUILD = "Rebuild"
    """Loads all rows into a new index beside the old one."""
    REPLAY = "Replay"
    """Sends the rows of dead letters again."""
    PREVIEW = "Preview"
    """Shows the first rows of a query, or the tables of a source; of no pipeline, and writes nothing."""


class Mode(StrEnum):
    """What a run reads, and what it promises."""

    FULL = "full"
    INCREMENTAL = "incremental"
    STREAMING = "streaming"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One run, as it was when it started; an edit of the pipeline never changes it."""

    run_id: str
    """The uid of the run's resource."""
    installation: str
    namespace: str
    pipeline_name: str
    """`metadata.name`: with installation and namespace the checkpoint's key; a recreated pipeline is the same data."""
    pipeline_uid: str
    kind: RunKind = RunKind.LOAD
    mode: Mode = Mode.FULL
    """Streaming means increments until it is stopped only where the kind is a load."""
    query: str
    """The source query, its parameters bound: to be sent as it is."""
    source: str = ""
    """The EtlSource that it reads from; empty: the default one. Another one's rows are not gone on with."""
    source_table: str | None = None
    """Of a whole table, `schema.table`: the query is that of all its columns."""
    target_kind: str = "postgres"
    target_schema: str
    target_table: str
    """Of a preview both may be empty: then no target is shown."""
    key_columns: tuple[str, ...] = ()
    """Empty: the target's primary key."""
    incremental_key: str | None = None
    batch_size: int = 1000
    batch_bytes: int = 5 * 1024 * 1024
    """A batch ends after `batch_size` rows or this many bytes: a runner of rows of 1 MB takes 80 MB, with 8 MB 108."""
    prune: bool = True
    allow_empty: bool = False
    restart: bool = False
    """Start over, whatever the checkpoint says."""
    lookback_seconds: float = 300.0
    wait_seconds: float = 10.0
    """How long an incremental run waits for transactions in progress on the source."""
    version_column: str | None = None
    """Its value is a document's version; None: versions are drawn."""
    soft_delete_column: str | None = None
    """A row where it is true, or a time, deletes its document."""
    max_bad_rows: int = 0
    """So many rows that the target refuses are put aside as dead letters; one more fails the run."""
    mapping: dict[str, Any] | None = None
    """The index's mapping in full; None: made from the query's types."""
    max_rows_per_second: int | None = None
    snapshot_seconds: float = 600.0
    """One COPY reads for at most this long, so that the source's vacuum is not held back for longer."""
    checkpoint_schema: str = "headrace"
    fingerprint: str = ""
    """Equal for two runs with the same query, key, target and parameters: the later one may continue a failed one."""
    poll_seconds: float = 1.0
    """How often a stream looks for new rows."""
    preview_rows: int = 0
    """So many rows are shown by a preview."""
    tasks: tuple[tuple[str, str], ...] = ()
    """The pipeline's tasks, as (name, stage); the runner measures stages and only carries these."""

    @property
    def has_cursor(self) -> bool:
        """It reads rows above the cursor, and never deletes."""
        return self.mode != Mode.FULL

    @property
    def is_stream(self) -> bool:
        """It is never done: a rebuild or a replay of a stream's pipeline is."""
        return self.mode == Mode.STREAMING and self.kind == RunKind.LOAD

    @property
    def address(self) -> str:
        """The target as a manifest names it."""
        is_index = self.target_kind == "elasticsearch"
        return f"es:{self.target_table}" if is_index else f"{self.target_schema}.{self.target_table}"

    def to_json(self) -> str:
        """Returns the run as a JSON object."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Reads what `to_json` wrote, also by an older or newer version: unknown fields are left out.

        Raises ValueError for a kind or a mode that this version does not know.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        values["key_columns"] = tuple(values.get("key_columns", ()))
        values["kind"] = RunKind(values.get("kind", RunKind.LOAD))
        values["mode"] = Mode(values.get("mode", Mode.FULL))
        values["tasks"] = tuple((name, stage) for name, stage in values.get("tasks", ()))
        return cls(**values)
