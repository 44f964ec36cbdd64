"""EtlPipeline: what is to be moved, from where, to where and how."""

from enum import StrEnum
from typing import Any

from pydantic import Field, field_validator

from headrace import names
from headrace.model.base import (
    DURATION_PATTERN,
    NAME_PATTERN,
    RESOURCE_NAME_PATTERN,
    Resource,
    Status,
    Time,
    printable,
)
from headrace.model.conditions import Condition
from headrace.model.mapping import TargetOptions
from headrace.model.nodes import Edge, Node
from headrace.runspec import Mode
from headrace.target import ELASTICSEARCH_PREFIX

QUERY_LIMIT = 262_144
"""Characters of a source query; etcd takes 1.5 MB for the whole resource."""


class PipelineType(StrEnum):
    """How a pipeline is written."""

    SQL = "SQL"
    PYTHON = "PYTHON"


def source_name(source: str | None) -> str:
    """metadata.name of the EtlSource of a pipeline that names this one, or none."""
    return source or names.DEFAULT_SOURCE


def destination_name(destination: str | None, target_table: str) -> str:
    """metadata.name of the EtlDestination of a pipeline that names this one, or none."""
    is_index = target_table.startswith(ELASTICSEARCH_PREFIX)
    return destination or (names.DEFAULT_SEARCH if is_index else names.DEFAULT_DESTINATION)


class PipelineSpec(Resource):
    """What a pipeline moves, and how."""

    name: str = Field(min_length=1, max_length=200, pattern=NAME_PATTERN)
    """Name shown to people, unique in the namespace (case counts): 1 to 200 characters of any script, no control
    characters, no space at either end."""
    description: str | None = Field(default=None, max_length=10_000)
    """What the pipeline is for."""
    type: PipelineType = PipelineType.SQL
    """How the pipeline is written. Only SQL is supported so far."""
    mode: Mode = Mode.FULL
    """What a run promises. full: afterwards the target holds just what the query gave. incremental: rows above the
    cursor are brought and nothing is deleted. streaming: as incremental, again and again until the run is stopped."""
    enabled: bool = True
    """Whether schedules start runs. A run asked for by hand runs all the same."""
    suspend: bool = False
    """Pause: true stops the active run after its batch and starts no other; false lets it go on from there."""
    # A malformed address is refused like one that is not allowed; the bounds are for the API server.
    target_table: str = Field(json_schema_extra={"minLength": 1, "maxLength": 300})
    """Where rows go: `schema.table` in Postgres, `es:index` in Elasticsearch. Must be on the installation's list of
    allowed targets. A missing table or index is created."""
    target: TargetOptions | None = None
    """How the target is made. Only for Elasticsearch so far."""
    source_query: str | None = Field(default=None, max_length=QUERY_LIMIT)
    """One SELECT (or WITH … SELECT) on the source; SQL needs it, or a source_table. A literal % means itself. At most
    262,144 characters."""
    # As of targets: a malformed one is refused in words.
    source_table: str | None = Field(default=None, json_schema_extra={"minLength": 1, "maxLength": 300})
    """Instead of a source_query: `schema.table` on the source, taken letter by letter; all its columns."""
    incremental_key: str | None = Field(default=None, min_length=1, max_length=63)
    """Column of the query that only grows, such as `updated_at`; required for incremental and streaming. Rows where it
    is null are not read."""
    poll_interval: str = Field(default="1s", pattern=DURATION_PATTERN)
    """How long a stream waits before it looks for changes again. A number and s, m, h or d."""
    key_columns: list[str] = Field(default_factory=list, max_length=32)
    """Columns that identify a row. Without them the target's primary key; without any key a full run replaces the
    whole table in one transaction. A document's `_id` in Elasticsearch is made of them, or of the primary key of the
    one table that all columns of the query come from; without any key the run fails."""
    version_column: str | None = Field(default=None, min_length=1, max_length=63)
    """Of Elasticsearch targets: column of the query that grows with every change of its row, a number or a time. It is
    the document's version: what did not change is not written. Without it versions are drawn."""
    soft_delete_column: str | None = Field(default=None, min_length=1, max_length=63)
    """Of Elasticsearch targets: column of the query, a boolean or a time. A row where it is true, or a time, deletes
    its document."""
    max_bad_rows: int = Field(default=0, ge=0, le=100_000)
    """Of Elasticsearch targets: so many rows that the target refuses are put aside as dead letters; one more fails the
    run."""
    batch_size: int = Field(default=1000, ge=1, le=10_000_000)
    """Rows per batch: the unit of progress, pause and checkpoint. A batch also ends after 5 MB."""
    prune: bool = True
    """Whether a full run deletes rows from the target that the query no longer gives."""
    allow_empty: bool = False
    """Whether a full run may empty a target that holds rows when the query gives no row at all."""
    lookback: str = Field(default="5m", pattern=DURATION_PATTERN)
    """How old an incremental key that is a time may be when its row is committed: so far behind the last row runs read
    again. A number and s, m, h or d."""
    max_rows_per_second: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Upper bound for reading from the source."""
    snapshot_seconds: int = Field(default=600, ge=1, le=86_400)
    """How long one read may hold back the source's vacuum; a longer run continues in a new snapshot after the last
    key."""
    project: str | None = Field(default=None, min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlProject that it belongs to; null: none."""
    nodes: list[Node] = Field(default_factory=list, max_length=100)
    """Its tasks, as people think of them; a run shows each by its type: what is extracted, transformed or loaded.
    Without any, a run's tasks are extract, transform and load."""
    edges: list[Edge] = Field(default_factory=list, max_length=1000)
    """Which task comes before which; no circle."""
    source: str | None = Field(default=None, min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlSource that it reads from; null: `default`."""
    destination: str | None = Field(default=None, min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlDestination that it writes to; null: `default`, or `elasticsearch` for an index."""

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        return printable(name)

    @field_validator("incremental_key", "key_columns", "version_column", "soft_delete_column")
    @classmethod
    def _storable(cls, value: str | list[str] | None) -> str | list[str] | None:
        if any("\x00" in column for column in ([value] if isinstance(value, str) else value or [])):
            raise ValueError("no database has a column with a NUL character in its name")
        return value

    @field_validator("key_columns")
    @classmethod
    def _distinct(cls, columns: list[str]) -> list[str]:
        if len(set(columns)) != len(columns) or not all(columns):
            raise ValueError("column names must be given once each and not be empty")
        return columns

    @property
    def source_name(self) -> str:
        """metadata.name of its EtlSource."""
        return source_name(self.source)

    @property
    def destination_name(self) -> str:
        """metadata.name of its EtlDestination."""
        return destination_name(self.destination, self.target_table)

    def configuration(self) -> dict[str, Any]:
        """Returns what `updated_at` follows: the manifest without the pause."""
        return {name: value for name, value in self.manifest().items() if name != "suspend"}


class RunReference(Status):
    """A run of this pipeline, by name and uid."""

    name: str
    """The run's metadata.name."""
    uid: str
    """The run's uid."""


class LastRun(RunReference):
    """What is kept of the last run when its resource is gone."""

    kind: str = "Load"
    """Load, Rebuild or Replay."""

    sequence: int = 0
    """The highest number that a run of this pipeline was named with."""
    phase: str | None = None
    """How it ended, or where it stands."""
    started_at: Time | None = None
    """When its first runner reported."""
    finished_at: Time | None = None
    """When it ended."""
    last_transition_time: Time | None = None
    """When its phase last changed."""
    rows_read: int = 0
    """Rows that came from the source."""
    rows_written: int = 0
    """Rows inserted, updated or deleted in the target."""
    bad_rows: int = 0
    """Rows that the target refused, and that were put aside as dead letters."""
    error_message: str | None = None
    """Why it failed."""


class Checkpoint(Status):
    """Where the next run goes on; a copy for people."""

    last_key: str | None = None
    """The last committed row's key, as text; a JSON array for several columns."""
    last_value: str | None = None
    """The last committed cursor value, as text."""
    updated_at: Time | None = None
    """When it was committed."""


class PipelineStatus(Status):
    """What the operator saw; written by the operator only."""

    phase: str | None = None
    """IDLE, RUN_REQUESTED, RUNNING, PAUSE_REQUESTED, PAUSED or FAILED."""
    observed_generation: int | None = None
    """The generation of the specification that this status was computed from."""
    active_run: RunReference | None = None
    """The run that holds the pipeline: there is at most one."""
    last_run: LastRun | None = None
    """The last run that started or ended, but for reconciles."""
    dead_letters: int = 0
    """Rows that the target refused and that are put aside, when the last run had ended."""
    checkpoint: Checkpoint | None = None
    """Where the next run goes on."""
    configuration_hash: str | None = None
    """Hash of the specification without suspend."""
    configuration_changed_at: Time | None = None
    """When the operator saw the specification (without suspend) change."""
    suspend_observed: bool | None = None
    """The value of spec.suspend that was last seen."""
    suspend_changed_at: Time | None = None
    """When the operator saw spec.suspend change."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, Running, Suspended, Degraded, and since the first run SourceReadOnly."""
