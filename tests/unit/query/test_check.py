"""What is plainly not one SELECT is refused; everything else is left to the source."""

import pytest

from headrace.errors import InvalidError
from headrace.query.check import check_query

ACCEPTED = {
    "plain": "SELECT id FROM content.film_work",
    "lower case": "select 1 as id",
    "semicolon at the end": "SELECT 1 AS id;",
    "several semicolons at the end": "SELECT 1 AS id ; ;\n",
    "comment at the end": "SELECT 1 AS id -- a comment",
    "comment after the semicolon": "SELECT 1 AS id; -- done",
    "comment first": "/* films /* nested */ */ SELECT 1 AS id",
    "with": "WITH f AS (SELECT 1 AS id) SELECT * FROM f",
    "recursive with": "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n+1 FROM t WHERE n < 5) SELECT n FROM t",
    "materialized with": "WITH f AS NOT MATERIALIZED (SELECT 1 AS id) SELECT * FROM f",
    "parentheses": "(SELECT 1 AS id) UNION (SELECT 2)",
    "semicolon in a string": "SELECT ';' AS id",
    "semicolon in dollar quotes": "SELECT $x$;DELETE FROM t;$x$ AS id",
    "semicolon in a quoted name": 'SELECT 1 AS "a;b"',
    "escape string": r"SELECT E'it\'s; fine' AS id",
    "per cent": "SELECT 100 % 7 AS id, '50%' AS share WHERE 'x' LIKE '%x%'",
    "a column named update": 'SELECT id, "update", f.delete FROM f',
    "a column named update, bare": "SELECT id, update FROM f",
    "unknown syntax": "SELECT id FROM f TABLESAMPLE BERNOULLI (1) REPEATABLE (7)",
    "syntax error": "SELECT FROM WHERE",
    "unknown table": "SELECT id FROM nowhere.at_all",
    "other scripts": "SELECT 1 AS \"ключ\", '映画' AS title",
    "into as a quoted name": 'SELECT "into" FROM f',
}

REFUSED = {
    "nothing": (None, "required"),
    "empty": ("", "required"),
    "blank": (" \n\t", "required"),
    "only a semicolon": (";", "required"),
    "only a comment": ("-- SELECT 1", "required"),
    "two statements": ("SELECT 1 AS id; SELECT 2", "one statement"),
    "a write behind a semicolon": ("SELECT 1 AS id; DELETE FROM f", "one statement"),
    "delete": ("DELETE FROM content.film_work", "must be a SELECT, not DELETE"),
    "update": ("UPDATE f SET a = 1", "must be a SELECT, not UPDATE"),
    "insert": ("INSERT INTO f SELECT 1", "must be a SELECT, not INSERT"),
    "drop": ("DROP TABLE f", "must be a SELECT, not DROP"),
    "copy": ("COPY f TO STDOUT", "must be a SELECT, not COPY"),
    "explain": ("EXPLAIN ANALYZE SELECT 1", "must be a SELECT"),
    "values": ("VALUES (1)", "must be a SELECT"),
    "table": ("TABLE f", "must be a SELECT"),
    "delete in a with": ("WITH d AS (DELETE FROM f RETURNING *) SELECT * FROM d", "must only read: it holds DELETE"),
    "insert in a with": (
        "WITH d AS MATERIALIZED (INSERT INTO f VALUES (1) RETURNING *) SELECT * FROM d",
        "must only read: it holds INSERT",
    ),
    "update behind a with": ("WITH d AS (SELECT 1) UPDATE f SET a = 1", "must only read: it holds UPDATE"),
    "merge behind a with": ("WITH d AS (SELECT 1) MERGE INTO f USING d ON true WHEN MATCHED THEN DELETE", "MERGE"),
    "select into": ("SELECT 1 AS id INTO f", "SELECT INTO"),
    "open string": ("SELECT 'x", "does not end"),
    "open comment": ("SELECT 1 /* x", "does not end"),
    "open parenthesis": ("SELECT (1 AS id", "does not close"),
    "closing parenthesis": ("SELECT 1) AS id FROM (SELECT 2", "does not open"),
    "nul": ("SELECT 1 AS \x00id", "NUL"),
    "words": ("give me all films", "must be a SELECT"),
}


@pytest.mark.parametrize("query", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_one_select_is_accepted(query):
    assert check_query(query) is None


@pytest.mark.parametrize(("query", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_refused_with_a_reason(query, says):
    with pytest.raises(InvalidError, match=says) as caught:
        check_query(query)
    assert caught.value.field == "source_query"
