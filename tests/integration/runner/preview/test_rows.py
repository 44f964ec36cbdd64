"""A preview shows the first rows of a query, and the target that a run would make; it writes nothing anywhere."""

import json
import time

import pytest

ROWS = (
    'CREATE TABLE rows (id int PRIMARY KEY, v text, "Größe" numeric(8,2), day date)',
    "INSERT INTO rows SELECT n, 'v' || n, n / 4.0, date '2026-01-01' + n FROM generate_series(1, 300) n",
)
QUERY = "SELECT * FROM rows ORDER BY id -- all of them"
DDL = """CREATE SCHEMA "analytics";
CREATE TABLE "analytics"."copy" (
    "id" integer,
    "v" text,
    "Größe" numeric(8,2),
    "day" date,
    PRIMARY KEY ("id")
);"""
SETTINGS = {"source_dsn", "target_dsn", "allowed_targets"}
NO_KEY = "No key: a full run replaces the whole table, and an incremental one needs key_columns"


def look(rig, query, table="analytics.copy", *, rows=3, **fields):
    changes = {name: fields.pop(name) for name in SETTINGS & fields.keys()}
    spec = rig.spec(query, table, kind="Preview", preview_rows=rows, **fields)
    return rig.run(spec, **changes)


def shown(rig, query, table="analytics.copy", **fields):
    ended = look(rig, query, table, **fields)
    assert (ended.code, ended.outcome) == (0, "DONE"), ended
    return ended.result


def test_the_first_rows_and_the_table_that_would_be_made(rig):
    rig.on_source(*ROWS)
    result = shown(rig, QUERY)
    assert result == {
        "columns": [
            {"name": "id", "type": "integer"},
            {"name": "v", "type": "text"},
            {"name": "Größe", "type": "numeric(8,2)"},
            {"name": "day", "type": "date"},
        ],
        "rows": [[str(n), f"v{n}", f"{n / 4:.2f}", f"2026-01-{n + 1:02}"] for n in (1, 2, 3)],
        "truncated": True,
        "key_columns": ["id"],
        "target": {"kind": "postgres", "exists": False, "ddl": DDL, "mapping": None},
        "note": None,
    }
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('headrace', 'analytics')"
    assert rig.on_target(schemas) == [(0,)]
    rig.on_target(*result["target"]["ddl"].rstrip(";").split(";\n"))
    rig.load(QUERY)
    rig.assert_same(QUERY)


def test_all_rows_are_not_truncated(rig):
    rig.on_source(*ROWS)
    assert shown(rig, "SELECT id FROM rows WHERE id <= 3")["truncated"] is False
    empty = shown(rig, "SELECT id FROM rows WHERE false")
    assert (empty["rows"], empty["truncated"], len(empty["columns"])) == ([], False, 1)


TARGETS = {
    "none is asked for": ((), {"table": "."}, False, ["id"], None),
    "a table that fits": (
        ("CREATE TABLE analytics.copy (id int, v text PRIMARY KEY)",), {}, True, ["v"], None
    ),
    "a column is missing": (
        ("CREATE TABLE analytics.copy (id int PRIMARY KEY)",),
        {}, True, ["id"],
        'The target has no column "v", which the query gives: ALTER TABLE "analytics"."copy" ADD COLUMN "v" text',
    ),
    "no key": (("CREATE TABLE analytics.copy (id int, v text)",), {}, True, [], NO_KEY),
    "no index on the wanted key": (
        ("CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)",), {"key_columns": ("v",)}, True, ["v"],
        'The target has no unique index on the key columns: CREATE UNIQUE INDEX ON "analytics"."copy" ("v")',
    ),
    "a missing column that a run only goes by": (
        ("CREATE TABLE analytics.copy (id int PRIMARY KEY)",), {"incremental_key": "v"}, True, ["id"], None,
    ),
    "a view": (
        ("CREATE VIEW analytics.copy AS SELECT 1 AS id",), {}, False, ["id"],
        'The target "analytics.copy" is a view: only tables can be written to',
    ),
    "a key that the query does not give": (
        (), {"key_columns": ("x",)}, False, ["x"], 'The query gives no column "x", a key column',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TARGETS)
def test_the_target_as_a_run_would_find_it(rig, case):
    statements, fields, exists, key, note = TARGETS[case]
    rig.on_source(*ROWS)
    rig.on_target("CREATE SCHEMA analytics", *statements)
    result = shown(rig, "SELECT id, v FROM rows", **fields)
    assert result["target"] is None or result["target"]["exists"] is True
    assert (result["target"] is not None, result["key_columns"], result["note"]) == (exists, key, note)


def test_a_target_that_is_away_is_a_note(rig, server):
    rig.on_source(*ROWS)
    result = shown(rig, QUERY, target_dsn=server.dsn("x", port="1"))
    assert (len(result["rows"]), result["target"], result["key_columns"]) == (3, None, ["id"])
    assert result["note"] == "The target: nothing listens at the configured address"


REFUSED = {
    "no such table": ("SELECT * FROM absent", {}, 'The source: relation "absent" does not exist'),
    "a mistake": ("SELEC 1", {}, 'The source: syntax error at or near "SELEC"'),
    "two statements": (
        "SELECT 1 AS a; SELECT 2 AS b", {}, "The source: cannot insert multiple commands into a prepared statement",
    ),
    "a query that writes": (
        "WITH gone AS (DELETE FROM rows RETURNING id) SELECT id FROM gone", {},
        "The source: WITH clause containing a data-modifying statement must be at the top level",
    ),
    "a function that writes": (
        "SELECT nextval('numbers') AS n", {}, "The source: cannot execute nextval() in a read-only transaction",
    ),
    "no such source_table": (
        'SELECT * FROM "public"."absent"', {"source_table": "public.absent"},
        "The source has no table 'public.absent', the source_table",
    ),
    "a target that is not allowed": (
        QUERY, {"allowed_targets": ("other.*",)},
        "target_table 'analytics.copy' is not allowed: it is not on the installation's list of allowed targets",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_shown_says_why(rig, case):
    query, fields, message = REFUSED[case]
    rig.on_source(*ROWS, "CREATE SEQUENCE numbers")
    ended = look(rig, query, **fields)
    assert (ended.code, ended.outcome, ended.message) == (64, "FAILED", message)
    assert rig.on_source("SELECT count(*) FROM rows") == [(300,)]


QUOTED = {
    "a value of another type": ("SELECT (SELECT v FROM secret)::int AS n", "invalid text representation"),
    "a value as a table": ("SELECT (SELECT v FROM secret)::regclass AS n", "undefined table"),
    "a value as a function": ("SELECT (SELECT v FROM secret)::regproc AS n", "undefined function"),
    "a value as a statement": ("SELECT query_to_xml((SELECT v FROM secret), true, true, '') AS n", "syntax error"),
    "a value that a function tells": ("SELECT tells(v) AS n FROM secret", "raise exception"),
    "an error of a function's own": ("SELECT tells(v, 'ZZ123') AS n FROM secret", "an error of its own"),
    "an error that may pass": ("SELECT tells(v, '40001') AS n FROM secret", "serialization failure"),
    "a right, in other words": ("SELECT tells(v, '42501') AS n FROM secret", "insufficient privilege"),
}
TELLS = """
    CREATE FUNCTION tells(text, code text DEFAULT 'P0001') RETURNS int LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'it is %', $1 USING ERRCODE = code, DETAIL = $1; END $$
"""


@pytest.mark.parametrize("case", QUOTED)
def test_what_quotes_rows_is_only_for_whoever_asked(rig, case):
    query, name = QUOTED[case]
    rig.on_source("CREATE TABLE secret AS SELECT 'hush-hush@example' AS v", TELLS)
    ended = look(rig, query, ".")
    message = f"The source: the query failed while it ran ({name})"
    assert (ended.code, ended.outcome, ended.message) == (64, "FAILED", message)
    assert ended.result["error"].startswith(f"{message}: ")
    assert "hush" in ended.result["error"]
    assert "hush" not in str(ended.log)


def test_what_is_said_of_a_whole_table_is_cut(rig):
    rig.on_source("CREATE TABLE secret AS SELECT repeat('x', 100000) AS v")
    ended = look(rig, "SELECT (SELECT v FROM secret)::int AS n", ".")
    assert 2000 < len(ended.result["error"]) < 2200


def test_a_right_that_the_role_lacks_is_named(rig):
    rig.on_source("CREATE TABLE secret AS SELECT 1 AS v", "DROP ROLE IF EXISTS nobody_much", "CREATE ROLE nobody_much")
    rig.on_source("CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT v FROM public.secret'")
    rig.on_source("GRANT USAGE ON SCHEMA public TO nobody_much")
    try:
        rig.on_source("ALTER FUNCTION f OWNER TO nobody_much")
        ended = look(rig, "SELECT f() AS n", ".")
    finally:
        rig.on_source("DROP OWNED BY nobody_much", "DROP ROLE nobody_much")
    assert (ended.message, ended.result) == ("The source: permission denied for table secret", None)


def test_a_source_that_is_away_fails_soon_and_for_good(rig, server):
    ended = look(rig, QUERY, source_dsn=server.dsn("x", port="1"))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert ended.message == "The source: nothing listens at the configured address"


def test_values_are_short_and_all_of_them_fit(rig):
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)")
    rig.on_source("INSERT INTO rows SELECT n, repeat(chr(1) || 'ü', 5000) FROM generate_series(1, 300) n")
    result = shown(rig, "SELECT * FROM rows", rows=100)
    assert {len(row[1]) for row in result["rows"]} == {1000}
    assert result["truncated"]
    assert 40 < len(result["rows"]) < 100
    assert len(json.dumps(result["rows"], ensure_ascii=False).encode()) <= 256 * 1024
    assert result["note"] == "Values are cut at 1,000 characters"


def test_a_row_of_many_columns_has_room(rig):
    items = ", ".join(f"repeat('ü', 4000) AS c{n}" for n in range(1600))
    result = shown(rig, f"SELECT {items} FROM generate_series(1, 3)", rows=2)
    assert len(result["rows"]) >= 1
    assert len(json.dumps(result, ensure_ascii=False).encode()) <= 1024 * 1024


def test_a_huge_query_is_not_run_to_its_end(rig):
    rig.on_source(*ROWS)
    started = time.monotonic()
    result = shown(rig, "SELECT a.id, b.v FROM rows AS a, rows AS b, rows AS c, rows AS d, rows AS e")
    assert len(result["rows"]) == 3
    assert time.monotonic() - started < 15


def test_a_query_without_a_first_row_is_ended(rig, monkeypatch):
    monkeypatch.setattr("headrace_runner.preview.rows.STATEMENT_SECONDS", 1.0)
    ended = look(rig, "SELECT pg_sleep(30)::text AS slept")
    assert (ended.code, ended.message) == (64, "The query gave no row within 1 s, which is all that a preview waits")


def test_rows_that_came_in_time_are_shown(rig, monkeypatch):
    monkeypatch.setattr("headrace_runner.preview.rows.STATEMENT_SECONDS", 1.0)
    monkeypatch.setattr("headrace_runner.preview.rows._FETCHED", 1)
    query = "SELECT n, pg_sleep(CASE WHEN n < 3 THEN 0 ELSE 30 END)::text AS slept FROM generate_series(1, 9) AS n"
    result = shown(rig, query)
    assert ([row[0] for row in result["rows"]], result["truncated"]) == (["1", "2"], True)
    assert "No more rows came within 1 s" in result["note"]


def test_of_a_whole_table_what_the_target_generates_is_left_out(rig):
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)")
    rig.on_target("CREATE SCHEMA analytics")
    rig.on_target("CREATE TABLE analytics.copy (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)")
    query = 'SELECT * FROM "public"."rows"'
    assert shown(rig, query, source_table="public.rows")["note"] is None
    assert "generates column" in shown(rig, query)["note"]
