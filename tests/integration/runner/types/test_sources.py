"""Whatever gives rows is a source."""

import pytest

ROWS = (
    "CREATE TABLE rows (id int PRIMARY KEY, v text)",
    "INSERT INTO rows SELECT n, 'v' || n FROM generate_series(1, 250) AS n",
)
RETURNS_TABLE = """
    CREATE FUNCTION s(lowest int) RETURNS TABLE (id int, v text) STABLE LANGUAGE plpgsql
        AS $$ BEGIN RETURN QUERY SELECT r.id, r.v FROM rows AS r WHERE r.id > lowest; END $$
"""
RETURNS_ROWS = "CREATE FUNCTION s() RETURNS SETOF rows STABLE LANGUAGE sql AS 'SELECT * FROM rows'"
RETURNS_RECORDS = "CREATE FUNCTION s() RETURNS SETOF record STABLE LANGUAGE sql AS 'SELECT id, v FROM rows'"
PARTITIONED = (
    "CREATE TABLE s (id int, v text) PARTITION BY LIST (v)",
    "CREATE TABLE p PARTITION OF s DEFAULT",
    "INSERT INTO s SELECT * FROM rows",
)
RECURSIVE = (
    "WITH RECURSIVE s AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM s WHERE id < 150) SELECT id, 'x' AS v FROM s"
)
SOURCES = {
    "a view": (["CREATE VIEW s AS SELECT id, v FROM rows"], "SELECT * FROM s"),
    "a materialized view": (["CREATE MATERIALIZED VIEW s AS SELECT id, v FROM rows"], "SELECT * FROM s"),
    "a function that returns a table": ([RETURNS_TABLE], "SELECT * FROM s(20)"),
    "a function that returns rows of a table": ([RETURNS_ROWS], "SELECT * FROM s()"),
    "a function that returns records": ([RETURNS_RECORDS], "SELECT * FROM s() AS s(id int, v text)"),
    "a set in the select list": ([], "SELECT generate_series(1, 250) AS id, 'x'::text AS v"),
    "values": ([], "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS s(id, v)"),
    "a partitioned table": (PARTITIONED, "SELECT * FROM s"),
    "a sample": ([], "SELECT * FROM rows TABLESAMPLE BERNOULLI (50) REPEATABLE (1)"),
    "a recursive query": ([], RECURSIVE),
    "a system view": ([], "SELECT oid AS id, relname, relkind, relacl, relpartbound, reltype FROM pg_class"),
}


@pytest.mark.parametrize("case", SOURCES)
def test_whatever_gives_rows_is_a_source(rig, case):
    statements, query = SOURCES[case]
    rig.on_source(*ROWS, *statements)
    ended = rig.load(query, key_columns=("id",), snapshot_seconds=0.0)
    rig.assert_same(query)
    assert ended.rows_read > 0
    assert rig.load(query, key_columns=("id",)).rows_written == 0


def test_columns_of_types_that_the_target_does_not_take_are_made_as_text_and_a_note_names_them(rig):
    rig.on_source("CREATE TYPE mood AS ENUM ('ok')")
    query = "SELECT 1 AS id, 'ok'::mood AS m, '{ok}'::mood[] AS n, relpartbound FROM pg_class LIMIT 1"
    ended = rig.load(query, key_columns=("id",))
    assert rig.on_target("SELECT m, n, relpartbound, pg_typeof(relpartbound)::text FROM analytics.copy") == [
        ("ok", "{ok}", None, "text")
    ]
    assert "m, n, relpartbound" in ended.notes["CreatedAsText"]
