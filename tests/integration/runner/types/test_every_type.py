"""Every type that PostgreSQL ships passes, and so does an update of nothing but it, also one that `=` does not see."""

import psycopg
import pytest

# Each value is loaded, then replaced by the next one; null comes before the first and after the last.
SHIPPED = {
    "boolean": ("t", "f"),
    "bytea": (r"\x", r"\x00", r"\x0001ff5c09"),
    '"char"': ("a", "A", "", "~"),
    "name": ("a", "A", "ä b"),
    "smallint": ("-32768", "32767"),
    "integer": ("-2147483648", "2147483647"),
    "bigint": ("-9223372036854775808", "9223372036854775807"),
    "real": ("0", "-0", "NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38"),
    "double precision": ("0", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "0.1", "0.10000000000000002"),
    "numeric": ("1.0", "1.00", "1", "NaN", "0", "0.000", "-12345678901234567890.000000000012345678900", "1e400"),
    "numeric(8,3)": ("1.0", "-99999.999", "NaN"),
    "money": ("1.00", "-92233720368547758.08"),
    "text": ("", "a", "A", "ä", "a\u0308", "\t\\\n\r\x01\x7f 'q' \"", "\\N", "\\.", "NULL", "€🐘"),
    "character varying": ("a ", "a", ""),
    "character varying(3)": ("äöü", "a  ", "a"),
    "character(3)": ("a", "A", "äöü", ""),
    "bpchar": ("a", "a ", ""),
    "date": ("infinity", "-infinity", "4713-01-01 BC", "0044-03-15 BC", "0001-01-01", "5874897-12-31"),
    "timestamp": ("infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"),
    "timestamptz": ("infinity", "-infinity", "4713-01-01 00:00:00Z BC", "0001-12-31 23:00:00-15:59", "2000-01-01Z"),
    "timestamp(1)": ("2000-01-01 00:00:00.1", "2000-01-01 00:00:00.2"),
    "timestamp(0) with time zone": ("2000-01-01 00:00:00Z", "2000-01-01 00:00:01Z"),
    "time": ("00:00:00", "24:00:00", "23:59:59.999999"),
    "timetz": ("12:00:00+02", "10:00:00+00", "24:00:00-15:59:59"),
    "interval": ("24:00:00", "1 day", "30 days", "1 mon", "-1 mon +2 days -03:04:05.678901", "178000000 years"),
    "interval day to second(2)": ("24:00:00.12", "1 day 00:00:00.12"),
    "bit(5)": ("10101", "00000"),
    "bit varying": ("", "0", "00", "1010101010101010101"),
    "bit varying(7)": ("1", "10"),
    "json": ('{"a":1}', '{"a": 1}', '{"a":1,"a":2}', "null", '"\\u00e4\\n"', "[1.0]", "[1.00]"),
    "jsonb": ('{"a": 1.0}', '{"a": 1.00}', "[]", "null", '"\\u00e4\\n"', "1e1000"),
    "jsonpath": ("$.a[*]", "strict $.a[*]", "$.* ? (@ > 1.0)", "$.* ? (@ > 1.00)"),
    "uuid": ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "xml": ("<a/>", "<a></a>", "text <b/> more", "", '<?xml version="1.0" standalone="yes"?><a>ä</a>'),
    "inet": ("10.0.0.1", "10.0.0.1/24", "::1", "fe80::1/10"),
    "cidr": ("10.0.0.0/8", "10.0.0.0/9", "2001:db8::/32"),
    "macaddr": ("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"),
    "macaddr8": ("08:00:2b:01:02:03:04:05", "ff:ff:ff:ff:ff:ff:ff:ff"),
    "point": ("(0,0)", "(-0,0)", "(1e-9,0)", "(NaN,Infinity)"),
    "line": ("{1,-1,0}", "{2,-2,0}", "{0,-1,-0}"),
    "lseg": ("[(0,0),(1,1)]", "[(-0,0),(1,1)]", "[(1,1),(0,0)]"),
    "box": ("(1,1),(0,0)", "(1,1),(-0,0)", "(1,1),(1e-9,0)"),
    "path": ("((0,0),(1,1))", "[(0,0),(1,1)]", "[(-0,0),(1,1)]"),
    "polygon": ("((0,0),(1,1),(1,0))", "((1,1),(1,0),(0,0))", "((-0,0),(1,1),(1,0))"),
    "circle": ("<(0,0),1>", "<(-0,0),1>", "<(0,0),1.0000000001>"),
    "tsvector": ("'a':1A 'b':2", "'a':1 'b':2", "'a' 'b'", "'ä''\\\\':1,16383C", ""),
    "oid": ("0", "4294967295"),
    "xid": ("0", "4294967295"),
    "xid8": ("0", "18446744073709551615"),
    "cid": ("0", "4294967295"),
    "tid": ("(0,0)", "(4294967295,65535)"),
    "pg_lsn": ("0/0", "FFFFFFFF/FFFFFFFF"),
    "pg_snapshot": ("10:20:10,14,15", "10:20:"),
    "txid_snapshot": ("10:20:10,14,15", "10:20:"),
    "refcursor": ("a", "A"),
    "int4range": ("[1,5)", "empty", "(,)", "[-2147483648,)"),
    "int8range": ("[1,5)", "empty", "(,1)"),
    "numrange": ("[1.0,2)", "[1.00,2)", "(1.00,2)", "[NaN,NaN]"),
    "tsrange": ("[2000-01-01,infinity)", "[2000-01-01,infinity]", "[2000-01-01,)", "empty"),
    "tstzrange": ("[2000-01-01Z,infinity)", "[2000-01-01Z,infinity]", "(0044-03-15Z BC,)"),
    "daterange": ("[2000-01-01,infinity)", "[2000-01-01,infinity]", "(,)"),
    "int4multirange": ("{[1,3),[5,7)}", "{}", "{(,)}"),
    "int8multirange": ("{[1,3),[5,7)}", "{}"),
    "nummultirange": ("{[1.0,2)}", "{[1.00,2)}", "{}"),
    "tsmultirange": ("{[2000-01-01,infinity)}", "{[2000-01-01,infinity]}"),
    "tstzmultirange": ("{[2000-01-01Z,infinity)}", "{[2000-01-01Z,)}"),
    "datemultirange": ("{[2000-01-01,infinity)}", "{[2000-01-01,infinity]}"),
}
NEWER_VALUES = {14: {"numeric": ("Infinity", "-Infinity")}, 17: {"interval": ("infinity", "-infinity")}}
# These must pass as text: their bytes are numbers of objects, which differ in another database, or do not come back.
AS_TEXT = {
    "regclass": ("pg_class", "moods", "-"),
    "regtype": ("mood", "integer", "mood[]"),
    "regnamespace": ('"Odd.schema"', "pg_catalog"),
    "regproc": ("now", "feel"),
    "regprocedure": ("feel(mood)", "abs(integer)"),
    "regoper": ("||/", "|/"),
    "regoperator": ("+(integer,integer)", "<>(mood,mood)"),
    "regconfig": ("simple", "shout"),
    "regdictionary": ("simple", "loud"),
    "regrole": ("postgres", "pg_monitor"),
    "regcollation": ('"C"', '"POSIX"'),
    "regdatabase": ("postgres", "template1"),
    "aclitem": ("postgres=r/postgres", "postgres=r*/postgres", "=r/postgres"),
    "int2vector": ("1 2", "", "1"),
    "oidvector": ("1 2", "", "4294967295"),
    "tsquery": ("'a' & 'b'", "'b' & 'a'", "'a' <2> !'b':*A", ""),
    "pg_am": ("(2,heap,heap_tableam_handler,t)", "(2,heap,now,t)", "(,,,)"),
    "information_schema.cardinal_number": ("0", "1"),
    "information_schema.character_data": ("a", "A"),
    "information_schema.sql_identifier": ("a", "A"),
    "information_schema.time_stamp": ("2000-01-01Z", "2000-01-02Z"),
    "information_schema.yes_or_no": ("YES", "NO"),
    "mood": ("sad", 'so-so, "ok" (%)\'\\'),
    '"Odd.schema"."Type (1,2)""%"': ("A", "a"),
    "pair": ("(1.0,a)", "(1.00,a)", "(1.00,A)", '(,"")', "(,)", '(1,"a\\\\ ""b\n,)")'),
    "nest": ('("(1.0,a)","{""(1.0,a)""}",pg_class)', '("(1.0,a)","{""(1.00,a)""}",moods)', "(,{},)"),
    "price": ("1.00", "NaN"),
    "label": ("sad", 'so-so, "ok" (%)\'\\'),
    "words": ("{a,NULL}", "[0:1]={a,NULL}", "{}"),
    "couple": ("(1.0,a)", "(1.00,a)"),
    "floats": ("[0,1)", "[-0,1)", "empty"),
}
OWN_TYPES = (
    'CREATE SCHEMA "Odd.schema"',
    """CREATE TYPE "Odd.schema"."Type (1,2)""%" AS ENUM ('a', 'A')""",
    "CREATE TYPE mood AS ENUM ('sad', 'so-so, \"ok\" (%)''\\')",
    "CREATE TABLE moods (mood mood)",
    "CREATE FUNCTION feel(mood) RETURNS mood LANGUAGE sql AS 'SELECT $1'",
    """CREATE FUNCTION differs(mood, mood) RETURNS boolean LANGUAGE sql AS 'SELECT $1::text <> $2::text';
       CREATE OPERATOR <> (LEFTARG = mood, RIGHTARG = mood, FUNCTION = differs)""",
    "CREATE TEXT SEARCH CONFIGURATION shout (COPY = simple)",
    "CREATE TEXT SEARCH DICTIONARY loud (TEMPLATE = simple)",
    "CREATE TYPE pair AS (a numeric, b text)",
    "CREATE TYPE nest AS (p pair, q pair[], r regclass)",
    "CREATE DOMAIN price AS numeric(10,2) CHECK (VALUE > 0)",
    "CREATE DOMAIN label AS mood",
    "CREATE DOMAIN words AS text[]",
    "CREATE DOMAIN couple AS pair CHECK ((VALUE).a > 0)",
    "CREATE TYPE floats AS RANGE (subtype = float8)",
)
# Of the wheel and of Debian's PostgreSQL; each where it is.
EXTENSIONS = {
    "citext": {"citext": ("a", "A", "ä")},
    "hstore": {"hstore": ("a=>1", "a=>NULL", '"a b"=>"\\"\\\\"', "")},
    "ltree": {"ltree": ("a.b", "a.B", ""), "lquery": ("a.*", "a.b"), "ltxtquery": ("a & b", "b & a")},
    "cube": {"cube": ("(0,1)", "(-0,1)", "(0,1),(2,3)")},
    "seg": {"seg": ("1.0", "1.00", "~1.0", "1 .. 2")},
    "intarray": {"query_int": ("1&2", "2&1")},
    "isn": {"isbn": ("0-393-04002-X", "0-306-40615-2")},
    "lo": {"lo": ("1", "2")},
    "vector": {"vector(3)": ("[1,2,0]", "[1,2,-0]"), "sparsevec(5)": ("{1:1,3:2}/5", "{1:1}/5")},
}
NO_VALUE = "has no input: only the server makes such values, and none of them means anything elsewhere"
EXCEPTIONS = {
    "gtsvector": NO_VALUE,
    "pg_node_tree": NO_VALUE,
    "pg_ndistinct": NO_VALUE,
    "pg_dependencies": NO_VALUE,
    "pg_mcv_list": NO_VALUE,
    "pg_brin_bloom_summary": NO_VALUE,
    "pg_brin_minmax_multi_summary": NO_VALUE,
}
# Types of the kinds base and domain have arrays.
KIND = """
    CREATE OR REPLACE FUNCTION kind_of(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE format('SELECT %L::%s', value, type);
        RETURN (SELECT CASE WHEN typarray = 0 THEN 'single' WHEN typtype = 'd' THEN 'domain' ELSE 'base' END
                FROM pg_type WHERE oid = to_regtype(type));
    EXCEPTION WHEN undefined_object OR feature_not_supported THEN RETURN 'unknown';
    END $$
"""
QUERY = 'SELECT * FROM "rows"'


@pytest.fixture(params=["wheel", pytest.param("debian", marks=pytest.mark.debian_postgres)])
def own_types(request):
    """A rig whose databases know the same types under different numbers."""
    rig = request.getfixturevalue("rig" if request.param == "wheel" else "debian_rig")
    return with_own_types(rig)


def with_own_types(rig):
    rig.on_target("CREATE TABLE shifts_numbers (c int)")
    for run in (rig.on_source, rig.on_target):
        run(*OWN_TYPES)
    extensions = "SELECT name FROM pg_available_extensions"
    for (name,) in rig.on_source(extensions):
        if name in EXTENSIONS and (name,) in rig.on_target(extensions):
            rig.on_source(f"CREATE EXTENSION {name}")
            rig.on_target(f"CREATE EXTENSION {name}")
    return rig


@pytest.mark.parametrize("there", [False, True], ids=["into a table that is made", "into a table that is there"])
@pytest.mark.parametrize("as_text", [False, True], ids=["as bytes", "as text"])
def test_a_value_of_every_type_is_loaded_and_updated(own_types, as_text, there):
    moves_every_type(own_types, as_text=as_text, there=there)


@pytest.mark.parametrize("up", [True, False], ids=["up, as bytes", "down, as text"])
@pytest.mark.parametrize("version", [13, 14, 15, 16, 17])
def test_another_version_of_postgres_takes_every_type(rig_on, server_of, version, up):
    """From it to the newest one and back: bytes are the same in both directions."""
    servers = (server_of(version), server_of(18))
    rig = with_own_types(rig_on(*(servers if up else reversed(servers))))
    moves_every_type(rig, as_text=not up, there=up)


def test_no_type_is_forgotten(own_types):
    known = [name + suffix for name in (*SHIPPED, *AS_TEXT, *EXCEPTIONS) for suffix in ("", "[]")]
    listed = own_types.on_target(
        """CREATE FUNCTION is_column(type text) RETURNS boolean LANGUAGE plpgsql AS $$
           BEGIN
               EXECUTE format('CREATE TABLE probe (c %s)', type);
               DROP TABLE probe;
               RETURN true;
           EXCEPTION WHEN invalid_table_definition THEN RETURN false;
           END $$""",
        f"""SELECT format_type(t.oid, -1) FROM pg_type AS t LEFT JOIN pg_type AS e ON e.oid = t.typelem
            WHERE t.oid < 16384 AND t.typtype <> 'p'
              -- All rows of system tables are like that of pg_am.
              AND 'c' NOT IN (t.typtype, coalesce(e.typtype, 'b'))
              AND t.oid <> ALL (SELECT to_regtype(name) FROM unnest({array(known)}) AS name
                                WHERE to_regtype(name) IS NOT NULL)
              AND is_column(format_type(t.oid, -1))""",
    )
    assert listed == []


def moves_every_type(rig, *, as_text, there):
    types = columns_of(rig, SHIPPED | (AS_TEXT if as_text else {}), arrays_of_domains=as_text)
    if as_text:
        types |= columns_of(rig, {name: values for types in EXTENSIONS.values() for name, values in types.items()})
    make_rows(rig, types)
    if there:
        columns = [f"{quoted(name)} {name}" for name in reversed(types)]
        rig.on_target("CREATE SCHEMA analytics")
        rig.on_target(f'CREATE TABLE analytics.copy ({", ".join(columns)}, id text COLLATE "C" PRIMARY KEY, o int)')
    loaded = rig.load(QUERY)
    assert any(("as text" if as_text else "in binary form") in line for line in loaded.log)
    assert differences(rig, types) == []
    names = ", ".join(map(quoted, types))
    rig.on_source(f'UPDATE "rows" SET ({names}) = (SELECT {names} FROM later WHERE later.id = "rows".id)')
    updated = rig.load(QUERY)
    assert differences(rig, types) == []
    assert (updated.rows_read, updated.rows_written) == (loaded.rows_read, loaded.rows_read)
    assert rig.load(QUERY).rows_written == 0


def columns_of(rig, types, *, arrays_of_domains=True):
    """What both servers know of these types, with their arrays: a type's name to expressions for its values."""
    version = min(int(run("SHOW server_version_num")[0][0]) // 10000 for run in (rig.on_source, rig.on_target))
    kinds = [kinds_of(run, types) for run in (rig.on_source, rig.on_target)]
    found = {}
    for name, values in types.items():
        newer = [NEWER_VALUES[since].get(name, ()) for since in NEWER_VALUES if since <= version]
        both = {kind[name] for kind in kinds}
        if "unknown" not in both:
            found[name] = [f"{literal(value)}::{name}" for value in (*values, *sum(newer, ()))]
        if both == {"base"} or (both == {"domain"} and arrays_of_domains):
            found[f"{name}[]"] = arrays(name, *found[name][:2])
    return found


def kinds_of(run, types):
    first = [values[0] for values in types.values()]
    return dict(run(KIND, f"SELECT t, kind_of(t, v) FROM unnest({array(types)}, {array(first)}) AS s(t, v)"))


def arrays(name, first, second):
    return [
        f"array_fill({first}, ARRAY[1])",
        f"array_fill({second}, ARRAY[1])",
        f"array_fill({second}, ARRAY[2, 1], ARRAY[5, -1])",
        f"'{{}}'::{name}[]",
        f"array_fill(NULL::{name}, ARRAY[2, 1])",
    ]


def make_rows(rig, types):
    """In `rows` each row has one value of one type, but for one that has a value of each; `later` has the next ones."""
    columns = ", ".join(f"{quoted(name)} {name}" for name in types)
    for number, table in enumerate(["rows", "later"]):
        inserts = [
            f'INSERT INTO "{table}" (id, {quoted(name)}) VALUES ({literal(f"{name} {step}")}, {pair[number]})'
            for name, values in types.items()
            for step, pair in enumerate(zip(["NULL", *values], [*values, "NULL"], strict=True))
        ]
        all_of_them = ", ".join(values[number] for values in types.values())
        rig.on_source(
            f'CREATE TABLE "{table}" (id text COLLATE "C" PRIMARY KEY, {columns})',
            "; ".join(inserts),
            f"INSERT INTO \"{table}\" VALUES ('all', {all_of_them})",
        )


def differences(rig, types):
    """Where source and target differ: the row, the type and both values, as the servers print them."""
    names = list(types)
    source, target = (
        cells(dsn, names, table) for dsn, table in ((rig.source, '"rows"'), (rig.target, "analytics.copy"))
    )
    assert source.keys() == target.keys()
    return [
        (row, name, ours, theirs)
        for row in source
        for name, ours, theirs in zip(names, source[row], target[row], strict=True)
        if ours != theirs
    ]


def cells(dsn, names, table):
    statement = f"COPY (SELECT id, {', '.join(map(quoted, names))} FROM {table}) TO STDOUT"
    with psycopg.connect(dsn) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        with connection.cursor().copy(statement.encode()) as copy:
            lines = b"".join(map(bytes, copy)).decode().split("\n")
    rows = (line.split("\t") for line in lines[:-1])
    return {row[0]: row[1:] for row in rows}


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def literal(value):
    return "'" + value.replace("'", "''") + "'"


def array(values):
    return f"ARRAY[{', '.join(map(literal, values))}]"
