"""Previews as callers ask for them and see them: the first rows of a query, and the target that it would get."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from headrace.model.pipeline import QUERY_LIMIT
from headrace.model.preview import PreviewSpec
from headrace.model.values import Params

_MOST_ROWS = 100
_ASKED: dict[str, Any] = {
    "source_query": "SELECT id AS film_id, title, rating FROM content.film_work",
    "target_table": "analytics.film_dim",
    "key_columns": ["film_id"],
    "limit": 2,
}
_SHOWN: dict[str, Any] = {
    "columns": [
        {"name": "film_id", "type": "uuid"},
        {"name": "title", "type": "text"},
        {"name": "rating", "type": "double precision"},
    ],
    "rows": [
        ["00e2e781-7af9-4f82-b4e9-14a488a3e184", "Star Wars: The New Hope", "8.6"],
        ["0312ed51-8833-413f-bff5-0e139c11264a", "Solaris", None],
    ],
    "truncated": True,
    "key_columns": ["film_id"],
    "target": {
        "kind": "postgres",
        "exists": False,
        "ddl": 'CREATE TABLE "analytics"."film_dim" ("film_id" uuid NOT NULL, "title" text, "rating" double precision,'
        ' PRIMARY KEY ("film_id"))',
        "mapping": None,
    },
    "note": None,
}


class PreviewIn(BaseModel):
    """What is to be shown. The fields mean what they mean in a pipeline."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_ASKED]})

    source_id: StrictStr | None = Field(
        default=None, description="Id of the source that is read from; null: the installation's default."
    )
    source_query: StrictStr | None = Field(
        default=None, max_length=QUERY_LIMIT, description="One SELECT (or WITH … SELECT); or else a source_table."
    )
    source_table: StrictStr | None = Field(
        default=None, description="Instead of a source_query: `schema.table` on the source; all its columns."
    )
    target_table: StrictStr | None = Field(
        default=None,
        description="Where the rows would go: `schema.table` in Postgres, `es:index` in Elasticsearch. Must be on the"
        " installation's list of allowed targets. Nothing is made there. null: no target is shown.",
    )
    destination_id: StrictStr | None = Field(
        default=None, description="Id of the destination of target_table; null: the installation's default."
    )
    key_columns: list[StrictStr] = Field(
        default=[], max_length=32, description=PreviewSpec.model_fields["key_columns"].description
    )
    incremental_key: StrictStr | None = Field(
        default=None, max_length=63, description=PreviewSpec.model_fields["incremental_key"].description
    )
    params: Params | None = Field(
        default=None, description="Values for the query's `%(name)s`, bound as values, as in a run."
    )
    limit: Annotated[StrictInt, Field(ge=1, le=_MOST_ROWS)] = Field(
        default=20, description="How many rows are shown at most."
    )


class PreviewColumn(BaseModel):
    """A column of the query."""

    name: str
    type: str = Field(description="As the source names it.")


class PreviewTarget(BaseModel):
    """The target, as a run would find or make it."""

    kind: str = Field(description="postgres or elasticsearch.")
    exists: bool = Field(description="Whether it is there already.")
    ddl: str | None = Field(description="The statement that makes the table; of an index null.")
    mapping: dict[str, Any] | None = Field(description="The mapping of the index; of a table null.")


class Preview(BaseModel):
    """The first rows that a pipeline would read."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    columns: list[PreviewColumn] = Field(description="In the order of the query; that of the values of each row.")
    rows: list[list[str | None]] = Field(
        description="Each value as Postgres writes it as text, cut after 1,000 characters; null is null."
    )
    truncated: bool = Field(description="Whether there are more rows, or values were cut.")
    key_columns: list[str] = Field(description="What identifies a row: as given, or as a run would find it out.")
    target: PreviewTarget | None = Field(description="null: no target_table was given.")
    note: str | None = Field(description="What a person may want to know besides.")
