"""Two sides have equal contents when, and only when, they hold the same rows."""

import psycopg
import pytest

from headrace_local.demo import contents


@pytest.fixture
def dsn(database):
    with psycopg.connect(database) as connection:
        connection.execute(
            "CREATE TABLE a (id int, name text, n numeric); CREATE TABLE b (n numeric, name text, id int);"
            "INSERT INTO a VALUES (1, 'x', 1.0), (2, NULL, 2), (2, NULL, 2);"
            "INSERT INTO b VALUES (2, NULL, 2), (1.0, 'x', 1), (2, NULL, 2)"
        )
    return database


def test_order_of_rows_and_columns_does_not_count(dsn):
    assert contents.of_table(dsn, "public.a") == contents.of_table(dsn, "public.b")
    assert contents.of_table(dsn, "public.a").rows == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE b SET name = '' WHERE id = 2",
        "UPDATE b SET n = 1.00 WHERE id = 1",
        "DELETE FROM b WHERE id = 1",
        "INSERT INTO b SELECT * FROM b LIMIT 1",
        "UPDATE b SET id = 3, n = 3 WHERE ctid = (SELECT max(ctid) FROM b)",
    ],
)
def test_any_difference_counts(dsn, change):
    with psycopg.connect(dsn) as connection:
        connection.execute(change)
    assert contents.of_table(dsn, "public.a") != contents.of_table(dsn, "public.b")


def test_a_query_may_end_in_a_comment(dsn):
    assert contents.of_query(dsn, "SELECT * FROM a -- all") == contents.of_table(dsn, "public.a")


def test_chosen_columns_are_compared_alone(dsn):
    some = contents.of_query(dsn, "SELECT *, 7 AS more FROM a", ("id", "name", "n"))
    assert some == contents.of_query(dsn, "SELECT * FROM b", ("id", "name", "n"))


def test_a_table_that_is_missing_holds_nothing(dsn):
    assert contents.of_table(dsn, "nowhere.at all").rows == 0
    assert contents.of_table(dsn, "public.none").rows == 0
