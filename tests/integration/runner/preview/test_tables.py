"""The tables of a source, with all that a pipeline needs to know; nothing waits for a lock on one of them."""

import json
import threading
import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

LOCKED = """
    SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE relname = 'rows_pkey' AND mode = 'AccessExclusiveLock' AND granted
"""
MANY = 5000
COLUMNS = "id bigserial PRIMARY KEY, v text, created_at timestamptz, a int, b int"
SECONDS = 10
"""On a machine with other things to do; it takes less than two."""


def tables(rig, **changes):
    ended = rig.run(rig.spec("", ".", kind="Preview"), **changes)
    assert (ended.code, ended.outcome) == (0, "DONE"), ended
    assert ended.rows_read == 0
    return ended.result


def only(rig, **changes):
    result = tables(rig, **changes)
    assert result["truncated"] is False
    (table,) = result["tables"]
    return table


def test_a_table_in_full(rig):
    rig.on_source(
        "CREATE TABLE rows (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone text, v varchar(9) NOT NULL,"
        " twice int GENERATED ALWAYS AS (length(v) * 2) STORED, updated_at timestamptz NOT NULL DEFAULT now())",
        "ALTER TABLE rows DROP COLUMN gone",
        "INSERT INTO rows (v) SELECT 'x' FROM generate_series(1, 300)",
        "ANALYZE rows",
    )
    size = rig.on_source("SELECT pg_total_relation_size('rows')")[0][0]
    assert only(rig) == {
        "schema": "public",
        "name": "rows",
        "source_table": "public.rows",
        "kind": "table",
        "columns": [
            {"name": "id", "type": "integer", "nullable": False, "generated": False},
            {"name": "v", "type": "character varying(9)", "nullable": False, "generated": False},
            {"name": "twice", "type": "integer", "nullable": True, "generated": True},
            {"name": "updated_at", "type": "timestamp with time zone", "nullable": False, "generated": False},
        ],
        "key_columns": ["id"],
        "estimated_rows": 300,
        "estimated_bytes": size,
        "readable": True,
        "can_resume": True,
        "can_increment": True,
        "incremental_columns": ["updated_at", "id"],
        "note": None,
    }


NO_KEY = "It has no key: a full run replaces the whole table, an incremental one needs key_columns"
KINDS = {
    "a table that was never analysed": (
        ("CREATE TABLE t (id int PRIMARY KEY)",),
        {"kind": "table", "estimated_rows": None, "key_columns": ["id"], "incremental_columns": ["id"]},
    ),
    "a table without a key": (
        ("CREATE TABLE t (v text, created_at date)",),
        {
            "key_columns": [], "can_resume": False, "can_increment": False, "note": NO_KEY,
            "incremental_columns": ["created_at"],
        },
    ),
    "a unique key that is never null": (
        ("CREATE TABLE t (a int NOT NULL UNIQUE, b serial UNIQUE)",),
        {
            "key_columns": ["a"], "can_resume": True, "note": "It has no primary key: set key_columns",
            "incremental_columns": ["b", "a"],
        },
    ),
    "a unique key that may be null": (("CREATE TABLE t (a int UNIQUE)",), {"key_columns": [], "note": NO_KEY}),
    "a partial unique index": (
        ("CREATE TABLE t (a int NOT NULL)", "CREATE UNIQUE INDEX ON t (a) WHERE a > 0"), {"key_columns": []},
    ),
    "a key that is checked late": (
        ("CREATE TABLE t (a int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)",), {"key_columns": ["a"], "note": None},
    ),
    "a partitioned table": (
        (
            "CREATE TABLE t (day date, n int, PRIMARY KEY (n, day)) PARTITION BY RANGE (day)",
            "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
            "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
            "INSERT INTO t SELECT date '2026-01-01' + n % 50, n FROM generate_series(1, 500) n",
            "ANALYZE t1", "ANALYZE t2",
        ),
        {"kind": "partitioned table", "estimated_rows": 500, "key_columns": ["n", "day"]},
    ),
    "a materialized view that was never filled": (
        ("CREATE MATERIALIZED VIEW t AS SELECT 1 AS id WITH NO DATA",),
        {"kind": "materialized view", "note": f"It was never filled: REFRESH MATERIALIZED VIEW; {NO_KEY}"},
    ),
    "a view": (
        ("CREATE VIEW t AS SELECT 1 AS id, now() AS updated_at",),
        {
            "kind": "view", "estimated_rows": None, "estimated_bytes": None, "can_resume": False,
            "incremental_columns": ["updated_at"],
        },
    ),
    "a name in upper case, with a space": (
        ('CREATE TABLE "Größe %s T" (id int PRIMARY KEY)',),
        {"name": "Größe %s T", "source_table": "public.Größe %s T"},
    ),
    "a name that no pipeline can write": (
        ('CREATE TABLE "a.b""c" (id int PRIMARY KEY)',),
        {
            "name": 'a.b"c', "source_table": None,
            "note": "Its name can't be written as a source_table: write a source_query",
        },
    ),
    "a table without columns": (("CREATE TABLE t ()",), {"columns": []}),
    "columns of domains": (
        (
            "CREATE DOMAIN whole AS bigint", "CREATE DOMAIN number AS whole", "CREATE DOMAIN moment AS timestamptz",
            "CREATE TABLE t (id number PRIMARY KEY, updated_at moment NOT NULL)",
        ),
        {"can_increment": True, "incremental_columns": ["updated_at", "id"]},
    ),
    "a primary key of text": (("CREATE TABLE t (id text PRIMARY KEY)",), {"can_resume": True, "can_increment": False}),
}  # fmt: skip


def test_what_others_inherit_from_has_no_key_for_their_rows(rig):
    rig.on_source(
        "CREATE TABLE parent (id int PRIMARY KEY, updated_at timestamptz NOT NULL)",
        "CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent)",
    )
    found = {table["name"]: table for table in tables(rig)["tables"]}
    told = ("key_columns", "can_resume", "can_increment", "note")
    assert [found["parent"][name] for name in told] == [
        [], False, False, "Other tables inherit from it, and no key holds for all their rows: set key_columns",
    ]  # fmt: skip
    assert [found["child"][name] for name in told] == [["id"], True, True, None]


@pytest.mark.parametrize("case", KINDS)
def test_what_is_told_of(rig, case):
    statements, expected = KINDS[case]
    rig.on_source(*statements)
    table = only(rig)
    assert {name: table[name] for name in expected} == expected


def test_what_is_of_the_server_or_of_a_session_is_no_table(rig):
    with psycopg.connect(rig.source, autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE mine (id int)")
        connection.execute("CREATE SEQUENCE numbers")
        assert tables(rig) == {"tables": [], "truncated": False}


def test_a_role_sees_what_it_may_read(rig, server):
    user = f"reader_{time.time_ns()}"
    rig.on_source(
        "CREATE TABLE hers (id int PRIMARY KEY)",
        "CREATE TABLE other (id int PRIMARY KEY)",
        "CREATE TABLE each (id int PRIMARY KEY, v text)",
        "CREATE TABLE part (id int PRIMARY KEY, v text)",
        f"CREATE ROLE {user} LOGIN PASSWORD 'reader-secret'",
        f"GRANT USAGE ON SCHEMA public TO {user}",
        f"GRANT SELECT ON hers TO {user}",
        f"GRANT SELECT (id, v) ON each TO {user}",
        f"GRANT SELECT (id) ON part TO {user}",
    )
    try:
        dsn = server.dsn(conninfo_to_dict(rig.source)["dbname"], user=user, password="reader-secret")
        found = {table["name"]: (table["readable"], table["note"]) for table in tables(rig, source_dsn=dsn)["tables"]}
    finally:
        rig.on_source(f"DROP OWNED BY {user}", f"DROP ROLE {user}")
    no = (False, "The source's role may not read it")
    assert found == {"hers": (True, None), "other": no, "each": (True, None), "part": no}


def test_a_name_that_is_no_utf8_does_not_hide_the_others(server, rig_between):
    """A database in SQL_ASCII has whatever bytes it was given."""
    rig = rig_between(server, server, on_source="ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    rig.on_source("CREATE TABLE plain (id int PRIMARY KEY)")
    with psycopg.connect(rig.source, autocommit=True, client_encoding="LATIN1") as connection:
        connection.execute("CREATE TABLE caf\u00e9 (id int PRIMARY KEY)".encode("latin-1"))
        connection.execute("CREATE TABLE odd (\u00fc text)".encode("latin-1"))
        connection.execute("CREATE TABLE words AS SELECT 1 AS id, '\u00e9'::text AS word".encode("latin-1"))
    found = {table["name"]: table["source_table"] for table in tables(rig)["tables"]}
    assert found == {"plain": "public.plain", "caf\ufffd": None, "odd": "public.odd", "words": "public.words"}
    shown = rig.run(rig.spec("SELECT * FROM words", ".", kind="Preview", preview_rows=1)).result
    assert shown["rows"] == [["1", "\ufffd"]]
    ended = rig.run(rig.spec('SELECT * FROM "public"."odd"', ".", kind="Preview", preview_rows=1))
    assert (ended.code, "is no UTF-8" in ended.message) == (64, True), ended


def test_what_the_catalogue_does_not_answer_in_time_is_not_asked_again(rig, monkeypatch):
    monkeypatch.setattr("headrace_runner.preview.session.STATEMENT_SECONDS", 1.0)
    monkeypatch.setattr("headrace_runner.preview.session.LOCK_SECONDS", 30.0)
    with psycopg.connect(rig.source) as connection:
        connection.execute("LOCK TABLE pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE")
        ended = rig.run(rig.spec("", ".", kind="Preview"))
    assert (ended.code, ended.message) == (
        64, "The server gave no answer within 1 s, which is all that a preview waits",
    )  # fmt: skip
    assert not any("trying again" in line for line in ended.log)


def test_nobody_waits_for_a_table_that_is_locked(rig):
    rig.on_source("CREATE TABLE free (id int PRIMARY KEY)", "CREATE TABLE held (id int PRIMARY KEY)")
    with psycopg.connect(rig.source) as connection:
        connection.execute("LOCK TABLE held")
        started = time.monotonic()
        found = {table["name"]: table for table in tables(rig)["tables"]}
        assert time.monotonic() - started < 5
    assert found["free"]["estimated_bytes"] > 0
    assert (found["held"]["estimated_bytes"], found["held"]["note"]) == (
        None, "Its size is not known: somebody has locked it",
    )  # fmt: skip
    assert found["held"]["key_columns"] == ["id"]


def test_an_index_that_is_locked_takes_the_sizes_with_it(rig):
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY)")
    done = threading.Event()

    def hold():
        with psycopg.connect(rig.source) as connection:
            # It takes its lock on the index alone.
            connection.execute("REINDEX INDEX rows_pkey")
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    while rig.on_source(LOCKED) == [(0,)]:
        time.sleep(0.05)
    try:
        table = only(rig)
    finally:
        done.set()
        holder.join()
    assert (table["estimated_bytes"], table["key_columns"]) == (None, ["id"])


def for_each(statement):
    """Runs it for each of many tables; a transaction has room for some hundred locks only."""
    return f"""
        DO $$ BEGIN FOR n IN 1..{MANY} LOOP
            EXECUTE format('{statement}', lpad(n::text, 5, '0'));
            IF n % 500 = 0 THEN COMMIT; END IF;
        END LOOP; END $$
    """


def test_many_tables_are_listed_fast_and_within_the_limits(rig):
    rig.on_source(for_each(f"CREATE TABLE many_%s ({COLUMNS})"))
    try:
        started = time.monotonic()
        result = tables(rig)
        took = time.monotonic() - started
    finally:
        rig.on_source(for_each("DROP TABLE many_%s"))
    assert took < SECONDS
    assert result["truncated"] is True
    assert [table["name"] for table in result["tables"]][:2] == ["many_00001", "many_00002"]
    assert 500 < len(result["tables"]) <= 2000
    assert len(json.dumps(result, ensure_ascii=False).encode()) <= 1024 * 1024
