"""A preview reads the catalogue of each version of PostgreSQL whose programs are on this machine."""

import pytest


@pytest.mark.parametrize("version", [13, 14, 15, 16, 17, 18])
def test_tables_and_rows(server_of, rig_on, version):
    rig = rig_on(server_of(version))
    rig.on_source(
        "CREATE TABLE parts (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        "CREATE TABLE parts_all PARTITION OF parts DEFAULT",
        "CREATE TABLE rows (id serial PRIMARY KEY, twice int GENERATED ALWAYS AS (length(v)) STORED, v text)",
        "INSERT INTO rows (v) VALUES ('x'), ('y')",
        "ANALYZE rows",
    )
    result = rig.run(rig.spec("", ".", kind="Preview")).result
    parts, rows = result["tables"]
    assert (parts["key_columns"], parts["estimated_rows"]) == (["id", "day"], None)
    assert [column["generated"] for column in rows["columns"]] == [False, True, False]
    assert (rows["incremental_columns"], rows["estimated_rows"]) == (["id"], 2)
    look = {"kind": "Preview", "preview_rows": 5, "source_table": "public.rows"}
    shown = rig.run(rig.spec('SELECT * FROM "public"."rows"', **look)).result
    assert shown["rows"] == [["1", "1", "x"], ["2", "1", "y"]]
    assert shown["target"]["ddl"].startswith('CREATE SCHEMA "analytics";\nCREATE TABLE "analytics"."copy" (\n')
