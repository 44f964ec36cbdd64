"""What a status has of what a preview found: never more than a status takes, and nothing that kubectl can't show."""

import json
from typing import Any

import pytest

from headrace.model.base import refuse_not_shown, texts
from headrace_operator.previews.result import LIMIT, for_status

DDL = 'CREATE TABLE "analytics"."films" ("id" bigint)'
COLUMN = {"name": "id", "type": "bigint"}
TABLE = {"schema": "shop", "name": "films", "columns": [COLUMN], "estimated_rows": None}


def found(*, rows: int = 1, text: str = "one", columns: int = 1, ddl: str = DDL, note: str | None = None) -> Any:
    return {
        "columns": [{"name": f"column {number}", "type": "text"} for number in range(columns)],
        "rows": [[str(number), text, None] for number in range(rows)],
        "truncated": False,
        "key_columns": ["id"],
        "target": {"kind": "postgres", "exists": False, "ddl": ddl, "mapping": None},
        "note": note,
    }


def tables(count: int, **fields: Any) -> dict[str, Any]:
    return {"tables": [{**TABLE, "name": f"films {n}", **fields} for n in range(count)], "truncated": False}


def size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(found(), id="rows"),
        pytest.param(found(rows=0), id="no rows"),
        pytest.param({**found(), "target": None}, id="no target"),
        pytest.param(found(rows=25, text="ä" * 600), id="nearly too long"),
        pytest.param(tables(3), id="tables"),
        pytest.param(tables(0), id="no tables"),
    ],
)
def test_what_is_short_is_shown_as_it_is(whole: Any) -> None:
    assert for_status(whole) == whole


@pytest.mark.parametrize(
    ("whole", "name"),
    [
        pytest.param(found(rows=100, text="x" * 1_000), "rows", id="rows"),
        pytest.param(found(rows=100, text="ж" * 1_000), "rows", id="rows of wide characters"),
        pytest.param(found(rows=100, text='"' * 1_000), "rows", id="rows that are longer as JSON"),
        pytest.param(tables(2_000), "tables", id="tables"),
    ],
)
def test_of_what_is_too_long_the_first_rows_or_tables_are_shown_as_many_as_there_is_room_for(
    whole: Any, name: str
) -> None:
    short = for_status(whole)
    kept = len(short[name])
    assert short == {**whole, name: whole[name][:kept], "truncated": True}
    assert size(short) <= LIMIT < size({**short, name: whole[name][: kept + 1]}) + len(", ")


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        pytest.param(
            found(ddl="x" * LIMIT, columns=2),
            {
                **found(columns=2),
                "rows": [],
                "truncated": True,
                "target": {"kind": "postgres", "exists": False},
            },
            id="how the target is made is too long",
        ),
        pytest.param(
            found(ddl="x" * LIMIT, note="n" * LIMIT),
            {
                **found(note="n" * 1_000),
                "rows": [],
                "truncated": True,
                "target": {"kind": "postgres", "exists": False},
            },
            id="and the note too",
        ),
        pytest.param(tables(2, note="n" * LIMIT), {"tables": [], "truncated": True}, id="the first table is too long"),
        pytest.param(
            found(text="x" * LIMIT),
            {**found(), "rows": [], "truncated": True},
            id="the first row is too long",
        ),
    ],
)
def test_what_is_too_long_even_without_rows_is_shown_with_what_there_is_room_for(whole: Any, shown: Any) -> None:
    assert for_status(whole) == shown


def test_of_a_very_wide_table_the_first_columns_are_shown() -> None:
    short = for_status(found(columns=1_600, ddl="x" * LIMIT))
    assert short["columns"][0]["name"] == "column 0"
    assert LIMIT - 100 < size(short) <= LIMIT
    assert short["truncated"]


@pytest.mark.parametrize("character", ["\x7f", "\x9f", "\ufeff", "\uffff"])
def test_what_kubectl_can_not_show_is_replaced_in_values_and_in_names(character: str) -> None:
    whole = found(text=f"a{character}b")
    whole["target"]["mapping"] = {"properties": {f"c{character}d": {"type": "text"}}}
    short = for_status(whole)
    for text in texts(short):
        refuse_not_shown(text)
    assert short["rows"] == [["0", "a\ufffdb", None]]
    assert short["target"]["mapping"] == {"properties": {"c\ufffdd": {"type": "text"}}}


def test_what_the_store_has_stays_as_it_is() -> None:
    whole = found(rows=100, text="x" * 1_000)
    for_status(whole)
    assert whole == found(rows=100, text="x" * 1_000)
