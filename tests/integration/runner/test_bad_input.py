"""What no retry can help fails at once, says what is wrong, writes nothing and shows no secret."""

import dataclasses
import time

import pytest
from psycopg.conninfo import make_conninfo

ROWS = "SELECT id, v FROM rows"
SOURCE = (
    "CREATE TABLE rows (id int PRIMARY KEY, v text, n int)",
    "INSERT INTO rows SELECT n, 'v', n FROM generate_series(1, 300) n",
)
COPY = ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)")

QUERIES = {
    "syntax error": ("SELEC 1", 'syntax error at or near "SELEC"'),
    "two statements": ("SELECT 1 AS a; DROP TABLE rows", "cannot insert multiple commands"),
    "out of the parentheses": ("SELECT 1 AS a) AS q; DROP TABLE rows; --", 'syntax error at or near ")"'),
    "delete": ("DELETE FROM rows RETURNING id, v", "syntax error"),
    "delete in a CTE": ("WITH d AS (DELETE FROM rows RETURNING *) SELECT id, v FROM d", "top level"),
    "a function that writes": ("SELECT id, v FROM rows, nextval('rows_seq') AS n", "read-only transaction"),
    "missing table": ("SELECT * FROM absent", 'relation "absent" does not exist'),
    "missing column": ("SELECT absent FROM rows", 'column "absent" does not exist'),
    "unnamed column": ("SELECT id, 1 + 1 FROM rows", "Column 2 of the query has no name"),
    "two columns of one name": ("SELECT id, v, v FROM rows", 'two columns named "v"'),
    "no columns": ("SELECT FROM rows", "no columns"),
    "a value that is no number": ("SELECT id, v, v::int AS n FROM rows", "invalid input syntax for type integer"),
    "division by zero": ("SELECT id, v, 1 / (n - n) AS n FROM rows", "division by zero"),
    "a pseudo-type": ("SELECT id, ROW(1, 2) AS v FROM rows", "pseudo-type record"),
    "select into": ("SELECT id, v INTO other FROM rows", "INTO is not allowed"),
    "for update": ("SELECT id, v FROM rows FOR UPDATE", "read-only transaction"),
    "a parameter": ("SELECT id, v FROM rows WHERE id > $1", "there is no parameter $1"),
}


@pytest.mark.parametrize("case", QUERIES)
def test_a_bad_query(rig, case):
    query, words = QUERIES[case]
    rig.on_source(*SOURCE, "CREATE SEQUENCE rows_seq")
    ended = rig.run(rig.spec(query))
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    assert words in ended.message
    assert (ended.rows_written, rig.on_source("SELECT count(*) FROM rows")) == (0, [(300,)])


TARGETS = {
    "a column that the target lacks": (COPY, "SELECT id, v, n FROM rows", {}, 'no column "n"'),
    "a type without a cast": (
        ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v point)"),
        "SELECT id, n AS v FROM rows",
        {},
        'Column "v" does not fit the target: cannot cast type integer to point',
    ),
    "the key is not in the query": (COPY, "SELECT v FROM rows", {}, 'no column "id", a key column'),
    "no such key column": (COPY, ROWS, {"key_columns": ("absent",)}, 'no column "absent"'),
    "no unique index on the key": (
        COPY,
        ROWS,
        {"key_columns": ("v",)},
        'CREATE UNIQUE INDEX ON "analytics"."copy" ("v")',
    ),
    "a partial unique index": (
        (*COPY, "CREATE UNIQUE INDEX ON analytics.copy (v) WHERE id > 0"),
        ROWS,
        {"key_columns": ("v",)},
        "no unique index",
    ),
    "a deferrable key": (
        ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int UNIQUE DEFERRABLE, v text)"),
        ROWS,
        {"key_columns": ("id",)},
        "no unique index",
    ),
    "a view": (
        ("CREATE SCHEMA analytics", "CREATE VIEW analytics.copy AS SELECT 1 AS id, '' AS v"),
        ROWS,
        {},
        "is a view",
    ),
    "a materialized view": (
        ("CREATE SCHEMA analytics", "CREATE MATERIALIZED VIEW analytics.copy AS SELECT 1 AS id, '' AS v"),
        ROWS,
        {},
        "is a materialized view",
    ),
    "a foreign table": (
        (
            "CREATE SCHEMA analytics",
            "CREATE FOREIGN DATA WRAPPER w",
            "CREATE SERVER s FOREIGN DATA WRAPPER w",
            "CREATE FOREIGN TABLE analytics.copy (id int, v text) SERVER s",
        ),
        ROWS,
        {},
        "is a foreign table",
    ),
    "rules": ((*COPY, "CREATE RULE r AS ON INSERT TO analytics.copy DO INSTEAD NOTHING"), ROWS, {}, "has rules"),
    "a generated column": (
        (
            "CREATE SCHEMA analytics",
            "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text GENERATED ALWAYS AS ('x') STORED)",
        ),
        ROWS,
        {},
        'generates column "v"',
    ),
    "an identity column that is no key": (
        (
            "CREATE SCHEMA analytics",
            "CREATE TABLE analytics.copy (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY)",
        ),
        "SELECT id, n FROM rows",
        {},
        'numbers column "n" itself',
    ),
    "a kind of target that does not exist": ((), ROWS, {"target_kind": "carrier-pigeon"}, "not supported yet"),
    "incremental without a key": (
        ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int, v text)"),
        ROWS,
        {"mode": "incremental", "incremental_key": "id"},
        "set keyColumns",
    ),
    "incremental into a new table without a key": (
        (),
        "SELECT id + 1 AS id FROM rows",
        {"mode": "incremental", "incremental_key": "id"},
        "set keyColumns",
    ),
    "an incremental key that is not in the query": (
        COPY,
        ROWS,
        {"mode": "incremental", "incremental_key": "at"},
        'no column "at", the incremental key',
    ),
    "neither key nor prune": (
        ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int, v text)"),
        ROWS,
        {"prune": False},
        "set keyColumns, or prune: true",
    ),
    "a table that may not be made": (
        (),
        "SELECT 1 AS id",
        {"key_columns": ("absent",)},
        'no column "absent", a key column',
    ),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_target_that_does_not_fit(rig, case):
    statements, query, fields, words = TARGETS[case]
    rig.on_source(*SOURCE)
    rig.on_target(*statements, "SELECT 1")
    ended = rig.run(rig.spec(query, **fields))
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    assert words in ended.message
    assert ended.rows_written == 0


ROWS_AT_FAULT = {
    "a key that is null": ("SELECT NULLIF(id, 150) AS id, v FROM rows", COPY, 'key column "id" is null'),
    "a key that is twice in a batch": ("SELECT id - (id = 150)::int AS id, v FROM rows", COPY, "same key (id = 149)"),
    "a key that is twice, at the end of a batch": (
        "SELECT id - (id = 201)::int AS id, v FROM rows",
        COPY,
        "same key (id = 200)",
    ),
    "a value that the target's check refuses": (
        "SELECT id, CASE id WHEN 150 THEN 'bad' ELSE v END AS v FROM rows",
        (*COPY, "ALTER TABLE analytics.copy ADD CHECK (v <> 'bad')"),
        "rows with keys from (101) to (200)",
    ),
    "a value that is too long": (
        "SELECT id, CASE id WHEN 150 THEN repeat('x', 30) ELSE v END AS v FROM rows",
        ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v varchar(20))"),
        "value too long for type character varying(20)",
    ),
    "a NUL in jsonb": (
        "SELECT id, (CASE id WHEN 150 THEN '\"\\u0000\"' ELSE '1' END)::text AS v FROM rows",
        ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v jsonb)"),
        "unsupported Unicode escape",
    ),
}


@pytest.mark.parametrize("snapshot_seconds", [600.0, 0.0])
@pytest.mark.parametrize("case", ROWS_AT_FAULT)
def test_a_row_at_fault_fails_its_batch_and_keeps_those_before(rig, case, snapshot_seconds):
    query, statements, words = ROWS_AT_FAULT[case]
    rig.on_source(*SOURCE)
    rig.on_target(*statements)
    ended = rig.run(rig.spec(query, snapshot_seconds=snapshot_seconds))
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    assert words in ended.message
    assert ended.rows_written == rig.on_target("SELECT count(*) FROM analytics.copy")[0][0]
    assert ended.rows_read % 100 == 0


def test_an_unknown_run_and_a_missing_variable(rig, tmp_path):
    from headrace.errors import PermanentError
    from headrace_runner.log import Log
    from headrace_runner.run import run
    from headrace_runner.settings import Settings
    from headrace_runner.stop import Stop

    spec = rig.spec(ROWS)
    log = tmp_path / "termination-log"
    log.touch()
    settings = dataclasses.replace(
        rig.settings(spec), run_id="00000000-0000-4000-8000-00000000dead", termination_log=log
    )
    assert run(settings, Stop(1), Log("x")) == 64
    assert "does not know this run" in log.read_text()
    with pytest.raises(PermanentError, match="HEADRACE_STORE_DSN"):
        Settings.from_environ({"HEADRACE_RUN_ID": "x"})


def test_a_batch_that_is_refused_does_not_wait_for_a_slow_source(rig):
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 200) AS n",
    )
    rig.on_target("CREATE SCHEMA analytics")
    rig.on_target("CREATE TABLE analytics.copy (id int PRIMARY KEY CHECK (id <> 50), v text)")
    # By the index, row after row: a sort would sleep before the first one.
    streaming = make_conninfo(rig.source, options="-c enable_sort=off -c enable_seqscan=off -c enable_bitmapscan=off")
    slow = type(rig)(streaming, rig.target, rig.store)
    started = time.monotonic()
    ended = slow.run(slow.spec("SELECT id, v FROM rows WHERE id < 150 OR pg_sleep(20) IS NOT NULL"))
    assert ended.code == 64
    assert "rows with keys from (1) to (100)" in ended.message
    assert time.monotonic() - started < 4
