"""Tables of a source as callers see them."""

import pytest

from headrace_api.bodies.table import SourceTable
from headrace_api.translate.tables import TableFilter, show_tables


def table(schema, name, **fields):
    return {"schema": schema, "name": name, "source_table": f"{schema}.{name}", "kind": "table", **fields}


FOUND = {
    "tables": [table("shop", "Orders"), table("content", "genre"), table("content", "Film_Work"), table("Shop", "x")],
    "truncated": False,
}


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({}, ["Shop.x", "content.Film_Work", "content.genre", "shop.Orders"]),
        ({"schema": "shop"}, ["shop.Orders"]),
        ({"schema": "nowhere"}, []),
        ({"q": "SHOP."}, ["Shop.x", "shop.Orders"]),
        ({"q": "film_w"}, ["content.Film_Work"]),
        ({"q": "t.g"}, ["content.genre"]),
        ({"q": "o", "schema": "shop"}, ["shop.Orders"]),
        ({"q": ""}, ["Shop.x", "content.Film_Work", "content.genre", "shop.Orders"]),
    ],
)
def test_tables_are_found_by_schema_and_by_a_part_of_both_names(wanted, shown):
    assert [one["source_table"] for one in show_tables(FOUND, TableFilter(**wanted))] == shown


def test_a_table_is_shown_with_all_fields_whatever_its_runner_left_out():
    column = {"name": "id", "type": "bigint", "nullable": False, "generated": False}
    told = table("a", "b", columns=[column], estimated_rows=None, of_a_newer_version=1)
    for found in (told, {"schema": "a", "name": 'b"c'}):
        (shown,) = show_tables({"tables": [found]}, TableFilter())
        assert SourceTable.model_validate(shown).model_dump(mode="json", by_alias=True) == shown


def test_a_source_without_a_table_has_an_empty_list():
    assert show_tables({}, TableFilter()) == show_tables({"tables": []}, TableFilter(q="x")) == []
