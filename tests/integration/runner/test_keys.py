"""Keys of all kinds: read in order, resumed, pruned and compared the same way on both sides."""

import pytest

KEYS = {
    "integer": ("integer", "n * 7 - 2000"),
    "bigint": ("bigint", "n * 10000000000 - 100"),
    "smallint": ("smallint", "n - 300"),
    "numeric": ("numeric", "(n - 200) / 8.0"),
    "numeric with digits": ("numeric(12,2)", "(n - 200) / 10.0"),
    "double precision": ("double precision", "(n - 200) / 3.0"),
    "real": ("real", "(n - 200) / 3.0"),
    "uuid": ("uuid", "md5(n::text)::uuid"),
    "text": ("text", "CASE n % 4 WHEN 0 THEN 'ä' WHEN 1 THEN 'Z' WHEN 2 THEN 'a_' ELSE '-' END || n"),
    "text with quotes and backslashes": ("text", "chr(39) || chr(92) || chr(9) || '%s' || n || chr(10)"),
    "varchar": ("varchar(40)", "'Ümläut ' || n"),
    "char": ("character(12)", "'k' || n"),
    "date": ("date", "date '1899-12-31' + n"),
    "timestamp": ("timestamp", "timestamp '1999-12-31 23:59:59.999999' + n * interval '1 hour 1 microsecond'"),
    "timestamptz": ("timestamptz", "timestamptz '1999-12-31 23:59:59.999999Z' + n * interval '1 hour 1 microsecond'"),
    "timestamptz of seconds": ("timestamptz(0)", "timestamptz '1999-12-31 23:59:59Z' + n * interval '1 hour'"),
    "time": ("time", "time '00:00:00.5' + n * interval '1 second'"),
    "interval": ("interval", "n * interval '1 day 1 second'"),
    "bytea": ("bytea", "decode(md5(n::text), 'hex')"),
    "inet": ("inet", "inet '10.0.0.0' + n"),
    "boolean and integer": ("boolean, k2 integer", "n % 2 = 0, n"),
    "integer and text": ("integer, k2 text", "n / 10, 'Ab' || n"),
    "text and timestamptz": ("text, k2 timestamptz", "'t' || n / 10, timestamptz '2000-01-01Z' + n * interval '1 day'"),
    "bit": ("bit(16)", "n::bit(16)"),
    "oid": ("oid", "(4294960000 + n)::oid"),
    "array": ("integer[]", "ARRAY[n / 10, n]"),
    "domain": ("positive", "n + 1"),
    "enum and integer": ("mood, k2 integer", "(ARRAY['sad', 'ok', 'happy'])[n % 3 + 1]::mood, n"),
}
TYPES = ("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)", "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_of_any_type_resumes_and_prunes(rig, kind):
    resumes_and_prunes(rig, *KEYS[kind])


@pytest.mark.debian_postgres
def test_a_citext_key_resumes_and_prunes(debian_rig):
    values = "CASE n % 2 WHEN 0 THEN 'A' ELSE 'b' END || n"
    resumes_and_prunes(debian_rig, "citext", values, "CREATE EXTENSION citext")


def resumes_and_prunes(rig, declaration, values, *extensions):
    key = ("k1", "k2") if "k2" in declaration else ("k1",)
    columns = f"k1 {declaration}, v text, PRIMARY KEY ({', '.join(key)})"
    types = (*TYPES, *extensions)
    rig.on_source(
        *types,
        f"CREATE TABLE rows ({columns})",
        f"INSERT INTO rows SELECT {values}, 'v' || n FROM generate_series(0, 599) AS n",
    )
    rig.on_target(*types, "CREATE SCHEMA analytics", f"CREATE TABLE analytics.copy ({columns})")
    query = "SELECT * FROM rows"
    # Every other row is in the target, and some that are not in the source.
    rig.on_target(f"INSERT INTO analytics.copy SELECT {values}, 'old' FROM generate_series(1, 599, 2) AS n")
    rig.on_source("DELETE FROM rows WHERE v LIKE '%3'")
    ended = rig.load(query, snapshot_seconds=0.0, batch_size=37)
    rig.assert_same(query)
    assert ended.rows_read == 540
    assert rig.load(query).rows_written == 0


def test_a_key_column_order_of_the_users_follows_the_index(rig):
    rig.on_source("CREATE TABLE rows (a int, b text, PRIMARY KEY (a, b))", "INSERT INTO rows VALUES (1, 'x'), (2, 'y')")
    rig.load("SELECT a, b FROM rows", key_columns=("a", "b"))
    assert rig.load("SELECT b, a FROM rows", key_columns=("b", "a")).rows_written == 0
    rig.assert_same("SELECT b, a FROM rows")


@pytest.mark.parametrize("declaration", ["mood", "pair", "mood[]", "positive"])
def test_types_with_other_oids_pass(rig, declaration):
    types = (*TYPES, "CREATE TYPE pair AS (a int, b text)")
    value = {"mood": "'ok'", "pair": "'(1,\"x\\\\\\\\ , y\")'", "mood[]": "'{ok,sad}'", "positive": "5"}[declaration]
    rig.on_source(*types, f"CREATE TABLE rows (id int PRIMARY KEY, v {declaration}, t text)")
    rig.on_source(f"INSERT INTO rows SELECT n, {value}, E'a\\tb\\\\\\n' || n FROM generate_series(1, 250) AS n")
    rig.on_target("CREATE TABLE shift_oids ()", *types, "CREATE SCHEMA analytics")
    rig.on_target(f"CREATE TABLE analytics.copy (id int PRIMARY KEY, v {declaration}, t text)")
    rig.load("SELECT * FROM rows", snapshot_seconds=0.0)
    rig.assert_same("SELECT * FROM rows")
    assert rig.load("SELECT * FROM rows").rows_written == 0


def test_an_unknown_type_becomes_text_in_a_table_that_is_made(rig):
    rig.on_source(*TYPES, "CREATE TABLE rows (id int PRIMARY KEY, v mood)", "INSERT INTO rows VALUES (1, 'ok')")
    ended = rig.load("SELECT * FROM rows")
    assert ended.notes == {"CreatedAsText": "The target does not know the types of v: made as text columns"}
    assert rig.on_target("SELECT id, v FROM analytics.copy") == [(1, "ok")]


def test_a_text_key_is_made_to_order_by_bytes(rig):
    rig.on_source("CREATE TABLE rows (id varchar(20) PRIMARY KEY, v text)", "INSERT INTO rows VALUES ('a', 'b')")
    rig.load("SELECT * FROM rows")
    query = (
        "SELECT attname, attcollation::regcollation::text FROM pg_attribute WHERE attrelid = 'analytics.copy'::regclass"
    )
    assert rig.on_target(f"{query} AND attnum > 0 ORDER BY 1") == [("id", '"C"'), ("v", '"default"')]


def test_an_identity_key_keeps_its_numbers(rig):
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows VALUES (7, 'a'), (9, 'b')")
    rig.on_target("CREATE SCHEMA analytics")
    rig.on_target("CREATE TABLE analytics.copy (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)")
    rig.load("SELECT * FROM rows")
    rig.assert_same("SELECT * FROM rows")


def test_a_partitioned_target(rig):
    rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, 'v' FROM generate_series(1, 500) n",
    )
    rig.on_target(
        "CREATE SCHEMA analytics",
        "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE analytics.low PARTITION OF analytics.copy FOR VALUES FROM (MINVALUE) TO (250)",
        "CREATE TABLE analytics.high PARTITION OF analytics.copy FOR VALUES FROM (250) TO (MAXVALUE)",
    )
    rig.load("SELECT * FROM rows")
    rig.assert_same("SELECT * FROM rows")
    rig.on_source("DELETE FROM rows WHERE id % 3 = 0")
    rig.load("SELECT * FROM rows")
    rig.assert_same("SELECT * FROM rows")


def test_an_operator_that_somebody_made_does_not_decide_what_is_equal(rig):
    # There is none for two varchars in pg_catalog: one in public would be found first.
    rig.on_source(
        "CREATE TABLE rows (k varchar(9) PRIMARY KEY, v text)", "INSERT INTO rows VALUES ('a', '1'), ('b', '2')"
    )
    rig.on_target(
        "CREATE FUNCTION never(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
        "CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = never)",
        "CREATE OPERATOR > (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = never)",
        "CREATE OPERATOR <= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = never)",
        "CREATE SCHEMA analytics",
        'CREATE TABLE analytics.copy (k varchar(9) COLLATE "C" PRIMARY KEY, v text)',
        "INSERT INTO analytics.copy VALUES ('b', 'old'), ('c', 'left')",
    )
    assert rig.load("SELECT * FROM rows", batch_size=1).rows_written == 3
    rig.assert_same("SELECT * FROM rows")
    assert rig.load("SELECT * FROM rows").rows_written == 0
