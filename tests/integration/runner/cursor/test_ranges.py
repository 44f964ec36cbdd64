"""A read that goes on in the middle costs the source what is left to read, where an index can give it that."""

import time

import psycopg
import pytest

ROWS = 20_000
CUT = 18_000
BOUND_SECONDS = 10
ONE = ("a bigint PRIMARY KEY, v text", "n, 'v' || n")
TWO = ("a bigint, b int, v text, PRIMARY KEY (a, b)", "n, 1, 'v' || n")
NULLABLE = ("a bigint UNIQUE, v text", "n, 'v' || n")
QUERY = "SELECT * FROM rows"
FIELDS = {"batch_size": 1000, "fingerprint": "the same", "key_columns": ("a",)}


def entries_read(dsn):
    """How often an index of the table was used, and how many of its entries were read."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        query = "SELECT sum(idx_scan), sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'rows'"
        return connection.execute(query).fetchone()


def entries_read_since(dsn, before):
    deadline = time.monotonic() + BOUND_SECONDS
    while (after := entries_read(dsn))[0] == before[0]:
        assert time.monotonic() < deadline, "no index was used"
        time.sleep(0.05)
    return after[1] - before[1]


def cut(rig, table):
    """A full run that its target refused near the end, and now would take."""
    columns, values = table
    rig.on_source(
        f"CREATE TABLE rows ({columns})",
        f"INSERT INTO rows SELECT {values} FROM generate_series(1, {ROWS}) AS n",
        "VACUUM ANALYZE rows",
    )
    columns = columns.replace("UNIQUE", "PRIMARY KEY")
    rig.on_target(
        "CREATE SCHEMA analytics", f"CREATE TABLE analytics.copy ({columns}, CONSTRAINT c CHECK (a <= {CUT}))"
    )
    assert rig.run(rig.spec(QUERY, **FIELDS)).code == 64
    rig.on_target("ALTER TABLE analytics.copy DROP CONSTRAINT c")


@pytest.mark.parametrize("table", [ONE, TWO, NULLABLE], ids=["one column", "two", "a column that may be null"])
def test_a_full_run_that_continues_reads_the_rest_of_the_index(rig, table, monkeypatch):
    if table is TWO:
        monkeypatch.setitem(FIELDS, "key_columns", ("a", "b"))
    cut(rig, table)
    before = entries_read(rig.source)
    assert rig.load(QUERY, **FIELDS).rows_read == ROWS - CUT
    rig.assert_same(QUERY)
    assert entries_read_since(rig.source, before) <= 2 * (ROWS - CUT)


def test_it_sees_a_null_key_all_the_same(rig):
    cut(rig, NULLABLE)
    rig.on_source("INSERT INTO rows VALUES (NULL, 'x')")
    ended = rig.run(rig.spec(QUERY, **FIELDS))
    assert (ended.code, "null" in ended.message) == (64, True), ended


def test_an_incremental_run_reads_no_more_of_the_index_than_is_new(rig):
    fields = {"mode": "incremental", "incremental_key": "at", "batch_size": 1000}
    value = "timestamptz '2026-01-01 00:00:00.123456Z' + n * interval '1 s'"
    fill = f"INSERT INTO rows SELECT n, {value} FROM generate_series(%s, %s) AS n"
    rig.on_source(
        "CREATE TABLE rows (id int, at timestamptz)",
        "CREATE INDEX ON rows (at)",
        fill % (1, ROWS),
        "VACUUM ANALYZE rows",
    )
    rig.load(QUERY, **fields, key_columns=("id",))
    rig.on_source(fill % (ROWS + 1, ROWS + 100))
    before = entries_read(rig.source)
    assert rig.load(QUERY, **fields, key_columns=("id",)).rows_read == 100
    # The new ones, the last one of before, and the greatest.
    assert entries_read_since(rig.source, before) <= 110
