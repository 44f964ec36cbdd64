"""The statements that read the source."""

import pytest

from headrace_runner.projection import Field, Projection
from headrace_runner.protocols import Position
from headrace_runner.sources.postgres.select import Select, as_stream

KEYS = (Field(name="id", type_name="integer"), Field(name='a"b', type_name="text", is_text=True))
FULL = Projection(keys=KEYS, others=(Field(name="v", type_name=None),))
BY_TIME = Projection(keys=KEYS[:1], others=(), cursor="at", binary=False)
SELECT = Select(query="SELECT * FROM t -- all", byte_order='"C"', cursor_type="timestamp with time zone")
Q = "(SELECT * FROM t -- all\n) AS q"


def test_the_first_read_takes_everything_in_key_order():
    assert as_stream(FULL, SELECT.rows(FULL, Position())) == (
        f'COPY (SELECT q."id"::integer, q."a""b"::text, q."v" FROM {Q}'
        ' ORDER BY q."id"::integer, q."a""b"::text COLLATE "C") TO STDOUT (FORMAT BINARY)'
    )


def test_a_continued_read_takes_the_last_row_again_and_sees_null_keys():
    assert SELECT.rows(FULL, Position(key=("1", "x"))).split(" WHERE ")[1].split(" ORDER")[0] == (
        """((q."id"::integer, q."a""b"::text COLLATE "C")"""
        """ OPERATOR(pg_catalog.>=) (pg_catalog.current_setting('headrace.k0')::integer,"""
        """ pg_catalog.current_setting('headrace.k1')::text) OR q."id" IS NULL OR q."a""b" IS NULL)"""
    )


def test_a_type_that_somebody_made_keeps_its_own_operators():
    keys = (KEYS[0], Field(name="c", type_name="public.citext", is_text=True, is_builtin=False))
    statement = SELECT.rows(Projection(keys=keys, others=()), Position(key=("1", "x")))
    assert """COLLATE "C") >= (""" in statement
    select = Select(query="SELECT 1", byte_order='"C"', cursor_type="citext", cursor_is_builtin=False)
    statement = select.rows(BY_TIME, Position(key=("1",), value="x"), bounded=True)
    assert """q."at" <= pg_catalog.current_setting('headrace.horizon')""" in statement
    assert """(q."at", q."id"::integer) >= (""" in statement


def test_an_incremental_read_is_bounded_on_both_sides():
    assert as_stream(BY_TIME, SELECT.rows(BY_TIME, Position(key=("1",), value="2026-01-01"), bounded=True)) == (
        f'COPY (SELECT q."at"::text, q."id"::integer FROM {Q} WHERE q."at" IS NOT NULL'
        """ AND q."at" OPERATOR(pg_catalog.<=)"""
        """ pg_catalog.current_setting('headrace.horizon')::timestamp with time zone"""
        """ AND q."at" OPERATOR(pg_catalog.>=) pg_catalog.current_setting('headrace.value')::timestamp with time zone"""
        """ AND ((q."at", q."id"::integer) OPERATOR(pg_catalog.>=)"""
        """ (pg_catalog.current_setting('headrace.value')::timestamp with time zone,"""
        """ pg_catalog.current_setting('headrace.k0')::integer) OR q."id" IS NULL)"""
        """ ORDER BY q."at", q."id"::integer) TO STDOUT (FORMAT TEXT)"""
    )


@pytest.mark.parametrize(
    ("cursor_type", "value", "seconds"),
    [
        ("timestamp with time zone", "2026-01-01 10:07:03.123456+00", "300.000001"),
        ("timestamp with time zone", "2026-01-01 10:07:03+00", "301.000000"),
        ("timestamp(0) without time zone", "2026-01-01 10:07:00", "360.000000"),
        ("timestamp without time zone", "2026-01-01 10:00:00", "86700.000000"),
        ("date", "2026-01-01", "300.000000"),
        ("time without time zone", "10:07:03", None),
        ("bigint", "7", None),
    ],
)
def test_times_look_back_by_what_their_zeros_may_hide_too(cursor_type, value, seconds):
    select = Select(query="SELECT 1", byte_order='"C"', cursor_type=cursor_type, lookback_seconds=300.0)
    statement = select.rows(BY_TIME, Position(key=("1",), value=value, look_back=True))
    assert ("interval" in statement) is (seconds is not None)
    assert seconds is None or f"interval '{seconds} seconds'" in statement
    assert "headrace.k0" not in statement


@pytest.mark.parametrize("query", ["SELECT 1", "SELECT 1;", "SELECT 1 ; \n\t", "SELECT 1\n;;"])
def test_what_ends_a_statement_is_no_part_of_it(query):
    assert Select(query=query, byte_order='"C"').wrapped() == "(SELECT 1\n) AS q"
