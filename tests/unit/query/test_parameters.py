"""Parameters are bound as values where they are parameters, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidError
from headrace.query.parameters import bind, literal, parameter_names

NOT_PARAMETERS = {
    "in a string": "SELECT '%(a)s' AS id",
    "in an escape string": r"SELECT E'\'%(a)s' AS id",
    "in dollar quotes": "SELECT $$%(a)s$$ AS id",
    "in tagged dollar quotes": "SELECT $q$ $$ %(a)s $q$ AS id",
    "in a line comment": "SELECT 1 AS id -- %(a)s",
    "in a block comment": "SELECT 1 AS id /* %(a)s /* %(a)s */ */",
    "in a quoted name": 'SELECT 1 AS "%(a)s"',
    "modulo of a parenthesis": "SELECT 7 %(a) AS id FROM t",
    "modulo with an alias": "SELECT 7 %(a) s FROM t",
    "spaces inside": "SELECT 7 % (a)s FROM t",
    "another type": "SELECT %(a)d AS id",
    "per cent alone": "SELECT 7 % 2 AS id WHERE 'x' LIKE '%s'",
    "doubled per cent": "SELECT 7 %% 2 AS id",
}


@pytest.mark.parametrize("query", NOT_PARAMETERS.values(), ids=NOT_PARAMETERS.keys())
def test_what_is_no_parameter_stays_as_it_is(query):
    assert parameter_names(query) == set()
    assert bind(query, {"a": 1}) == query


def test_each_occurrence_is_bound_and_the_rest_stays():
    query = "SELECT id, '%(day)s' AS \"50%\" FROM f WHERE d >= %(day)s AND d < %(day)s::date + %(n)s -- %(n)s"
    assert parameter_names(query) == {"day", "n"}
    assert bind(query, {"day": "2026-01-01", "n": 3, "unused": 1}) == (
        "SELECT id, '%(day)s' AS \"50%\" FROM f WHERE d >= '2026-01-01' AND d < '2026-01-01'::date + (3) -- %(n)s"
    )


def test_a_missing_parameter_is_named():
    with pytest.raises(InvalidError, match="'end_date'") as caught:
        bind("SELECT 1 AS id WHERE %(start_date)s < %(end_date)s", {"start_date": "x"})
    assert caught.value.field == "end_date"


def test_a_value_is_not_read_again_for_parameters():
    assert bind("SELECT %(a)s AS id, %(b)s AS x", {"a": "%(b)s", "b": "y"}) == "SELECT '%(b)s' AS id, 'y' AS x"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (False, "FALSE"),
        (-1, "(-1)"),
        (1.5, "(1.5)"),
        ("it's", "'it''s'"),
        ("\\", "'\\'"),
        ("'; DROP TABLE f; --", "'''; DROP TABLE f; --'"),
        ([1, "a"], "'[1, \"a\"]'"),
        ({"a": "é"}, '\'{"a": "é"}\''),
    ],
)
def test_json_values_become_literals(value, expected):
    assert literal("a", value) == expected


def test_a_nul_character_is_refused_by_name():
    with pytest.raises(InvalidError) as caught:
        bind("SELECT %(a)s AS id", {"a": "x\x00"})
    assert caught.value.field == "a"


@pytest.mark.parametrize(
    ("query", "bound"),
    [
        ("SELECT 1 AS id;", "SELECT 1 AS id "),
        ("SELECT 1 AS id ;; -- done", "SELECT 1 AS id    -- done"),
        ("SELECT ';' AS id", "SELECT ';' AS id"),
    ],
)
def test_semicolons_at_the_end_go_because_the_query_will_be_wrapped(query, bound):
    assert bind(query, {}) == bound


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60))
def test_a_text_literal_is_one_string_token(text):
    from headrace.query.tokens import tokenize

    tokens = tokenize(f"SELECT {literal('a', text)} AS id")
    assert [t.text for t in tokens][1:] == [text, "AS", "id"]
