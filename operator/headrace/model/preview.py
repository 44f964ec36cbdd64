"""What a run of kind Preview is to show: the first rows of a query, or the tables of a source."""

from pydantic import Field

from headrace.model.base import RESOURCE_NAME_PATTERN, Resource
from headrace.model.pipeline import QUERY_LIMIT


class PreviewSpec(Resource):
    """The first rows that a pipeline would read, and the target it would make; without a query or table the tables."""

    source: str | None = Field(default=None, min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlSource; null: `default`."""
    source_query: str | None = Field(default=None, min_length=1, max_length=QUERY_LIMIT)
    """One SELECT (or WITH … SELECT). Neither this nor source_table: the tables of the source are listed."""
    source_table: str | None = Field(default=None, json_schema_extra={"minLength": 1, "maxLength": 300})
    """`schema.table` on the source."""
    target_table: str | None = Field(default=None, json_schema_extra={"minLength": 1, "maxLength": 300})
    """Where the rows would go, `schema.table` or `es:index`: how that would be made is shown. Nothing is made."""
    destination: str | None = Field(default=None, min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlDestination of target_table; null: `default`, or `elasticsearch` for an index."""
    key_columns: list[str] = Field(default_factory=list, max_length=32)
    """Columns that identify a row."""
    incremental_key: str | None = Field(default=None, min_length=1, max_length=63)
    """Column of the query that only grows, of an incremental or streaming pipeline: the target need not have it."""
    rows: int = Field(default=20, ge=1, le=100)
    """How many rows are shown."""
    show: bool = False
    """true: the result is in status.preview too, where all may read it who may read runs; at most 32 KiB of it."""
