"""The tables of a source, with what a person needs to know to make a pipeline of one."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from headrace.postgres.row_security import SEES_SOME
from headrace.target import POSTGRES, Target, parse_target
from headrace_runner.preview.catalogue import Catalogue, Column, Key, Relation, Size
from headrace_runner.preview.increments import incremental_columns
from headrace_runner.preview.session import UNREADABLE

MOST = 2000
SIZE = 1024 * 1024 - 1024
"""Of all tables together, as JSON; the rest is for what is around them."""
_AT_ONCE = 500
"""So many tables' columns are in memory."""
_HIDDEN = (
    "Row level security may hide rows from the source's role: a run fails, unless the role has BYPASSRLS, or the"
    ' source\'s options set row_security: "on"'
)


def tables_of(connection: psycopg.Connection[Any], row_security: str) -> dict[str, Any]:
    """The run's result, in the transaction at hand: the first tables by schema and name."""
    catalogue = Catalogue(connection, sees_some=row_security == SEES_SOME)
    relations = catalogue.relations(MOST + 1)
    tables: list[dict[str, Any]] = []
    size = 0
    for table in _described(catalogue, relations[:MOST]):
        size += len(json.dumps(table, ensure_ascii=False).encode()) + 2
        if size > SIZE:
            break
        tables.append(table)
    return {"tables": tables, "truncated": len(tables) < len(relations)}


def _described(catalogue: Catalogue, relations: Sequence[Relation]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(relations), _AT_ONCE):
        some = relations[start : start + _AT_ONCE]
        oids = [relation.oid for relation in some]
        columns, keys, sizes = catalogue.columns(oids), catalogue.keys(oids), catalogue.sizes(oids)
        for relation in some:
            oid = relation.oid
            yield _table(relation, columns.get(oid, []), keys.get(oid, Key()), sizes.get(oid, Size()))


def _table(relation: Relation, columns: Sequence[Column], key: Key, size: Size) -> dict[str, Any]:
    increments = incremental_columns([column.candidate for column in columns], key.columns)
    source_table = _source_table(relation)
    return {
        "schema": relation.schema,
        "name": relation.name,
        "source_table": source_table,
        "kind": relation.kind,
        "columns": [
            {
                "name": column.candidate.name,
                "type": column.type_name,
                "nullable": not column.candidate.not_null,
                "generated": column.generated,
            }
            for column in columns
        ],
        "key_columns": list(key.columns),
        "estimated_rows": size.rows,
        "estimated_bytes": size.bytes,
        "readable": relation.is_readable,
        "can_resume": bool(key.columns),
        "can_increment": bool(key.columns and increments),
        "incremental_columns": increments,
        "note": "; ".join(_notes(relation, key, size, has_address=source_table is not None)) or None,
    }


def _source_table(relation: Relation) -> str | None:
    """As a pipeline would name it; None where no pipeline can."""
    text = f"{relation.schema}.{relation.name}"
    is_one = UNREADABLE not in text and parse_target(text) == Target(POSTGRES, relation.schema, relation.name)
    return text if is_one else None


def _notes(relation: Relation, key: Key, size: Size, *, has_address: bool) -> Iterator[str]:
    if not relation.is_readable:
        yield _HIDDEN if relation.hides_rows else "The source's role may not read it"
    elif relation.hides_rows:
        yield "Row level security may hide rows from the source's role: a run does without them"
    if not has_address:
        yield "Its name can't be written as a source_table: write a source_query"
    if not relation.is_populated:
        yield "It was never filled: REFRESH MATERIALIZED VIEW"
    if size.is_locked:
        yield "Its size is not known: somebody has locked it"
    if relation.has_heirs:
        yield "Other tables inherit from it, and no key holds for all their rows: set key_columns"
    elif not key.columns:
        yield "It has no key: a full run replaces the whole table, an incremental one needs key_columns"
    elif not key.is_primary:
        yield "It has no primary key: set key_columns"
