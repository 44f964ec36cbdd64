"""Every type that has an order can be a key: read in it, resumed, updated and pruned."""

import pytest

# Sixty values of each, not in order. What other tests take as keys is not here.
KEYS = {
    '"char"': "chr(n + 40)",
    "name": "'n' || n",
    "bpchar": "'b' || n",
    "bit varying": "n::bit(8) || repeat('0', n % 3)",
    "money": "n::numeric::money - '30.5'::money",
    "timetz": "'12:00'::time + n * interval '1 min' || CASE n % 3 WHEN 0 THEN '+02' ELSE '-11:30' END",
    "macaddr": "'08:00:2b:01:02:' || to_hex(n + 16)",
    "macaddr8": "'08:00:2b:01:02:03:04:' || to_hex(n + 16)",
    "cidr": "'10.' || n || '.0.0/16'",
    "tid": "'(' || n || ',' || n % 7 || ')'",
    "xid8": "(n::numeric * 300000000000000000)::text",
    "pg_lsn": "to_hex(n * 7) || '/' || to_hex(n)",
    "oidvector": "n % 3 || ' ' || n",
    "tsvector": "repeat('w', n % 4) || ' x' || n || CASE n WHEN 7 THEN '' ELSE ':1A' END",
    "tsquery": "CASE n WHEN 7 THEN '' ELSE 'x' || n || ' & !y' END",
    "jsonb": "jsonb_build_object('a', n % 5, 'b', CASE n % 2 WHEN 0 THEN to_jsonb(n) ELSE to_jsonb('x' || n) END)",
    "int4range": "CASE n WHEN 7 THEN 'empty' ELSE '[' || n || CASE n % 2 WHEN 0 THEN ',)' ELSE ',99)' END END",
    "numrange": "'[' || n / 4.0 || ',' || n || '.00]'",
    "tstzrange": "'[2000-01-' || n % 28 + 1 || CASE n WHEN 0 THEN 'Z,infinity]' ELSE 'Z,' || 3000 + n || '-1-1Z]' END",
    "int4multirange": "'{[' || n || ',99),[' || n + 100 || ',)}'",
    "text[]": "ARRAY['a', NULL, chr(n + 60)]",
    "bytea[]": "ARRAY[ARRAY[decode(to_hex(n + 16), 'hex')], ARRAY['x']]::bytea[]",
    "numeric[]": "ARRAY[n / 7.0, 'NaN']",
    "regclass": "'t' || n",
    "pair": "'(' || n % 7 || ',\"x, ' || n || '\")'",
    "pair[]": "ARRAY['(' || n || ',)']",
    "label": "'l' || n",
    "floats": "'[-0,' || n || ')'",
}
OWN = ("pair", "pair[]", "label", "floats")
# Those of tests/integration/runner/test_keys.py.
ELSEWHERE = ["smallint", "integer", "bigint", "numeric", "real", "float8", "uuid", "text", "date", "timestamp"]
ELSEWHERE += ["timestamptz", "time", "interval", "bytea", "inet", "boolean", "bit", "oid", "anyenum", "anyarray"]
ELSEWHERE += ["anyrange", "anymultirange", "record"]
TYPES = (
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE DOMAIN label AS varchar(20)",
    "CREATE TYPE floats AS RANGE (subtype = float8)",
)
TABLES = "DO $$ BEGIN FOR n IN 0..59 LOOP EXECUTE format('CREATE TABLE t%s ()', n); END LOOP; END $$"
QUERY = "SELECT * FROM rows"
N = "generate_series(0, 59) AS m, LATERAL (SELECT m * 7 % 60 AS n) AS s"


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_every_type_resumes_and_prunes(rig, name):
    value = f"({KEYS[name]})::text::{name}" if "[]" not in name else f"({KEYS[name]})::{name}"
    rig.on_target("CREATE TABLE shifts_numbers (c int)", "CREATE SCHEMA analytics")
    for run, table in ((rig.on_source, "rows"), (rig.on_target, "analytics.copy")):
        run(*TYPES, TABLES if name == "regclass" else "SELECT 1", f"CREATE TABLE {table} (k {name} PRIMARY KEY, v int)")
    rig.on_source(f"INSERT INTO rows SELECT {value}, n FROM {N}")
    # Every other row is in the target, and some that are not in the source.
    rig.on_target(f"INSERT INTO analytics.copy SELECT {value}, -1 FROM {N} WHERE n % 2 = 0 ORDER BY n")
    rig.on_source("DELETE FROM rows WHERE v % 10 IN (3, 4)")
    ended = rig.load(QUERY, snapshot_seconds=0.0, batch_size=7)
    rig.assert_same(QUERY)
    assert (ended.rows_read, ended.rows_written) == (48, 48 + 6)
    rig.on_source("UPDATE rows SET v = -v WHERE v % 10 = 5")
    assert rig.load(QUERY, batch_size=7).rows_written == 6
    rig.assert_same(QUERY)


def test_no_type_with_an_order_is_forgotten(rig):
    known = [name for name in KEYS if name not in OWN] + ELSEWHERE
    names = ", ".join(f"$${name}$$::regtype" for name in known)
    assert (
        rig.on_target(f"""
        SELECT format_type(opcintype, -1) FROM pg_opclass
        WHERE opcdefault AND opcmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')
          AND opcintype NOT IN ({names}, 'varchar'::regtype)
    """)
        == []
    )
