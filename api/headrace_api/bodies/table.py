"""Tables of a source as callers see them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_SHOWN: dict[str, Any] = {
    "schema": "content",
    "name": "film_work",
    "source_table": "content.film_work",
    "kind": "table",
    "columns": [
        {"name": "id", "type": "uuid", "nullable": False, "generated": False},
        {"name": "title", "type": "text", "nullable": False, "generated": False},
        {"name": "updated_at", "type": "timestamp with time zone", "nullable": True, "generated": False},
    ],
    "key_columns": ["id"],
    "estimated_rows": 200000,
    "estimated_bytes": 41943040,
    "readable": True,
    "can_resume": True,
    "can_increment": True,
    "incremental_columns": ["updated_at"],
    "note": None,
}


class TableColumn(BaseModel):
    """A column of a table."""

    name: str
    type: str = Field(description="As the source names it.")
    nullable: bool = Field(description="Whether it may hold null.")
    generated: bool = Field(description="Whether the source computes it of other columns.")


class SourceTable(BaseModel):
    """A table, or a view, of a source; and what a pipeline could do with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    # `schema` is what BaseModel calls something of its own.
    schema_: str = Field(alias="schema", description="Its schema, letter by letter.")
    name: str = Field(description="Its name, letter by letter.")
    source_table: str | None = Field(
        description="What a pipeline's `source_table` is to be; null where the names have a point or a quote in them:"
        " then write a `source_query`."
    )
    kind: str = Field(description="table, partitioned table, view, materialized view or foreign table.")
    columns: list[TableColumn] = Field(description="In their order.")
    key_columns: list[str] = Field(description="Its primary key, or else a unique one; empty: it has none.")
    estimated_rows: int | None = Field(description="As the source's statistics have it; null: it has none.")
    estimated_bytes: int | None = Field(description="Its size on disk, without indexes; null: not known.")
    readable: bool = Field(description="Whether a run could read it: the role may, and no policy applies to it.")
    can_resume: bool = Field(description="Whether a run that was interrupted could go on from its last batch.")
    can_increment: bool = Field(description="Whether a column is there that may serve as `incremental_key`.")
    incremental_columns: list[str] = Field(description="Those columns, the likeliest first.")
    note: str | None = Field(description="What a person may want to know besides.")
