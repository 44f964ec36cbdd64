"""Operators that a search_path hides, or puts before those of Postgres: no row is compared by another order."""

import pytest
from psycopg.conninfo import make_conninfo

# What citext is, without a library: text without upper and lower case.
FOLDED = """
    CREATE SCHEMA folded;
    CREATE TYPE folded.word;
    CREATE FUNCTION folded.read(cstring) RETURNS folded.word LANGUAGE internal IMMUTABLE STRICT AS 'textin';
    CREATE FUNCTION folded.show(folded.word) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
    CREATE TYPE folded.word (INPUT = folded.read, OUTPUT = folded.show, LIKE = text, CATEGORY = 'S');
    CREATE CAST (folded.word AS text) WITHOUT FUNCTION AS IMPLICIT;
    CREATE CAST (text AS folded.word) WITHOUT FUNCTION AS ASSIGNMENT;
    CREATE FUNCTION folded.compare(folded.word, folded.word) RETURNS int LANGUAGE sql IMMUTABLE STRICT
        AS $$ SELECT bttextcmp(lower($1::text) COLLATE "C", lower($2::text) COLLATE "C") $$;
"""
OPERATOR = """
    CREATE FUNCTION folded.{name}(folded.word, folded.word) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
        AS $$ SELECT folded.compare($1, $2) {sign} 0 $$;
    CREATE OPERATOR folded.{sign} (LEFTARG = folded.word, RIGHTARG = folded.word, FUNCTION = folded.{name});
"""
ORDER = """
    CREATE OPERATOR CLASS folded.by_word DEFAULT FOR TYPE folded.word USING btree
        AS OPERATOR 1 folded.<, OPERATOR 2 folded.<=, OPERATOR 3 folded.=, OPERATOR 4 folded.>=, OPERATOR 5 folded.>,
        FUNCTION 1 folded.compare(folded.word, folded.word)
"""
SIGNS = {"lt": "<", "le": "<=", "eq": "=", "ge": ">=", "gt": ">"}
TYPE = (FOLDED, *(OPERATOR.format(name=name, sign=sign) for name, sign in SIGNS.items()), ORDER)
# By bytes all capitals come first, by words they take turns: B and a would be compared by another order than sorted.
LETTER = "CASE n % 2 WHEN 0 THEN chr(65 + n / 2) ELSE chr(97 + n / 2) END"
WORDS = f"SELECT {LETTER} || n, n FROM generate_series(0, 39) AS n"
FINDS_IT = "-c search_path=public,folded"


@pytest.fixture
def words(rig):
    """A key of a type whose schema nobody searches, on both sides."""
    for run in (rig.on_source, rig.on_target):
        run(*TYPE)
    rig.on_source("CREATE TABLE rows (k folded.word PRIMARY KEY, at int)", f"INSERT INTO rows {WORDS}")
    rig.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (k folded.word PRIMARY KEY, at int)")
    return rig


def searching(rig, *sides):
    """The rig with sessions that find the type's schema, on these sides."""
    found = {side: make_conninfo(getattr(rig, side), options=FINDS_IT) for side in sides}
    return type(rig)(**{"source": rig.source, "target": rig.target, "store": rig.store, **found})


def test_a_key_whose_operators_are_found_resumes(words):
    both = searching(words, "source", "target")
    ended = both.load("SELECT * FROM rows", batch_size=3, snapshot_seconds=0.0)
    assert ended.rows_read == 40
    words.assert_same("SELECT * FROM rows")
    assert both.load("SELECT * FROM rows", batch_size=3, snapshot_seconds=0.0).rows_written == 0


@pytest.mark.parametrize(("found", "hidden"), [("target", "source"), ("source", "target")])
def test_a_key_whose_operators_are_hidden_is_refused(words, found, hidden):
    rig = searching(words, found)
    ended = rig.run(rig.spec("SELECT * FROM rows", batch_size=3, snapshot_seconds=0.0))
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    assert f'Column "k" has the type folded.word, whose operators the {hidden} does not find' in ended.message
    ((role,),) = words.on_source("SELECT quote_ident(current_user)")
    assert f'ALTER ROLE {role} SET search_path = "$user", public, folded' in ended.message
    assert words.on_target("SELECT count(*) FROM analytics.copy") == [(0,)]


def test_a_domain_over_it_is_refused_too(words):
    words.on_source("CREATE DOMAIN label AS folded.word", "ALTER TABLE rows ALTER k TYPE label")
    rig = searching(words, "target")
    ended = rig.run(rig.spec("SELECT * FROM rows"))
    assert ended.code == 64
    assert 'Column "k" has the type folded.word' in ended.message


def test_a_cursor_whose_operators_are_hidden_is_refused(rig):
    rig.on_source(*TYPE, "CREATE TABLE rows (id int PRIMARY KEY, at folded.word)")
    rig.on_source("INSERT INTO rows VALUES (1, 'a'), (2, 'B')")
    fields = {"mode": "incremental", "incremental_key": "at", "key_columns": ("id",)}
    rig.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, at text)")
    ended = rig.run(rig.spec("SELECT id, at FROM rows", **fields))
    assert (ended.code, ended.rows_written) == (64, 0)
    assert 'Column "at" has the type folded.word, whose operators the source does not find' in ended.message
    found = searching(rig, "source")
    found.load("SELECT id, at FROM rows", **fields)
    rig.on_source("INSERT INTO rows VALUES (3, 'c')")
    found.load("SELECT id, at FROM rows", **fields)
    assert rig.on_target("SELECT id, at FROM analytics.copy ORDER BY id") == [(1, "a"), (2, "B"), (3, "c")]


NEVER = """
    CREATE FUNCTION never({type}, {type}) RETURNS boolean LANGUAGE sql AS 'SELECT false';
    CREATE OPERATOR >= (LEFTARG = {type}, RIGHTARG = {type}, FUNCTION = never);
    CREATE OPERATOR <= (LEFTARG = {type}, RIGHTARG = {type}, FUNCTION = never);
"""


def test_an_operator_that_somebody_made_on_the_source_loses_no_key(rig):
    rig.on_source(NEVER.format(type="varchar"), "CREATE TABLE rows (k varchar(9) PRIMARY KEY, v text)")
    rig.on_source("INSERT INTO rows SELECT 'k' || n, 'v' FROM generate_series(10, 49) AS n")
    rig.on_target("CREATE SCHEMA analytics")
    rig.on_target('CREATE TABLE analytics.copy (k varchar(9) COLLATE "C" PRIMARY KEY, v text)')
    rig.load("SELECT * FROM rows", batch_size=3, snapshot_seconds=0.0)
    rig.assert_same("SELECT * FROM rows")


def test_an_operator_that_somebody_made_on_the_source_loses_no_change(rig):
    fields = {"mode": "incremental", "incremental_key": "at", "batch_size": 3, "snapshot_seconds": 0.0}
    rig.on_source(NEVER.format(type="varchar"), "CREATE TABLE rows (id int PRIMARY KEY, at varchar(9))")
    rig.on_source("INSERT INTO rows SELECT n, 'c' || n FROM generate_series(10, 29) AS n")
    rig.load("SELECT * FROM rows", **fields)
    rig.on_source("INSERT INTO rows VALUES (30, 'c30')")
    rig.load("SELECT * FROM rows", **fields)
    rig.assert_same("SELECT * FROM rows")


@pytest.mark.timeout(60)  # one that always goes on at the same place never ends
def test_a_function_that_somebody_made_does_not_say_where_a_run_goes_on(rig):
    rig.on_source(
        "CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT $$9$$'",
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "INSERT INTO rows SELECT n, 'v' FROM generate_series(1, 30) AS n",
    )
    shadowed = type(rig)(make_conninfo(rig.source, options="-c search_path=public,pg_catalog"), rig.target, rig.store)
    shadowed.load("SELECT * FROM rows", batch_size=3, snapshot_seconds=0.0)
    rig.assert_same("SELECT * FROM rows")


def test_an_operator_that_somebody_made_on_the_target_makes_no_duplicate(rig):
    rig.on_source("CREATE TABLE rows (k varchar(9) PRIMARY KEY)", "INSERT INTO rows VALUES ('a'), ('b')")
    rig.on_target(
        "CREATE FUNCTION always(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = always)",
    )
    rig.load("SELECT * FROM rows", batch_size=1)
    rig.assert_same("SELECT * FROM rows")
