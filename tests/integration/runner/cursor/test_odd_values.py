"""Cursor columns that do what a cursor should not: the run says so, and loses nothing that it can keep."""

import pytest

QUERY = "SELECT id, at FROM rows"
FIELDS = {"mode": "incremental", "incremental_key": "at"}


def fill(rig, column, values):
    rig.on_source(
        f"CREATE TABLE rows (id int PRIMARY KEY, at {column})",
        f"INSERT INTO rows SELECT n, {values} FROM generate_series(1, 10) AS n",
    )


@pytest.mark.parametrize(
    ("column", "values", "lower"),
    [
        ("timestamptz", "timestamptz '2026-03-01Z' + n * interval '1 day'", "'2026-02-01Z'"),
        ("bigint", "100 + n", "7"),
        ("text", "'b' || n", "'a'"),
        ("numeric", "100.5 + n", "99.5"),
    ],
)
def test_a_cursor_that_was_set_back_is_told_with_what_to_do(rig, column, values, lower):
    fill(rig, column, values)
    assert rig.load(QUERY, **FIELDS).notes == {}
    rig.on_source("TRUNCATE rows", f"INSERT INTO rows VALUES (1, {lower}), (11, {lower})")
    ended = rig.load(QUERY, **FIELDS)
    assert ended.rows_written == 0
    assert "below that of the last row read" in ended.notes["CursorBehind"]
    assert "restart" in ended.notes["CursorBehind"]
    assert any("below that of the last row read" in line for line in ended.log)
    rig.load(QUERY, **FIELDS, restart=True)
    assert rig.on_target("SELECT id FROM analytics.copy WHERE id = 11") == [(11,)]


def test_an_empty_source_says_nothing_of_its_cursor(rig):
    fill(rig, "bigint", "n")
    rig.load(QUERY, **FIELDS)
    rig.on_source("TRUNCATE rows")
    assert rig.load(QUERY, **FIELDS).notes == {}


@pytest.mark.parametrize(
    ("column", "values", "endless"),
    [
        ("timestamptz", "timestamptz '2026-03-01Z' + n * interval '1 day'", ["infinity"]),
        ("date", "date '2026-03-01' + n", ["infinity"]),
        ("double precision", "n", ["Infinity", "NaN"]),
        ("numeric", "n", ["NaN"]),
    ],
)
def test_a_value_that_nothing_can_follow_does_not_stop_the_cursor(rig, column, values, endless):
    fill(rig, column, values)
    for number, value in enumerate(endless, start=100):
        rig.on_source(f"INSERT INTO rows VALUES ({number}, '{value}')")
    ended = rig.load(QUERY, **FIELDS)
    assert (ended.rows_read, list(ended.notes)) == (10, ["CursorEndless"])
    assert endless[-1] in ended.notes["CursorEndless"]
    rig.on_source("INSERT INTO rows SELECT 11, max(at) FROM rows WHERE id <= 10")
    rig.load(QUERY, **FIELDS)
    rig.assert_same(f"{QUERY} WHERE id < 100")


def test_only_endless_values_are_not_read(rig):
    fill(rig, "timestamptz", "'infinity'")
    ended = rig.load(QUERY, **FIELDS)
    assert (ended.rows_read, list(ended.notes)) == (0, ["CursorEndless"])


def test_a_text_that_reads_infinity_is_a_text(rig):
    fill(rig, "text", "'infinity'")
    ended = rig.load(QUERY, **FIELDS)
    assert (ended.rows_read, ended.notes) == (10, {})


def test_minus_infinity_is_the_first_of_all(rig):
    fill(rig, "timestamptz", "CASE n WHEN 1 THEN '-infinity' ELSE timestamptz '2026-03-01Z' END")
    assert rig.load(QUERY, **FIELDS).notes == {}
    rig.assert_same(QUERY)


@pytest.mark.parametrize(
    ("column", "ahead", "told"),
    [
        ("timestamptz", "4 minutes", False),
        ("timestamptz", "10 minutes", True),
        ("timestamp", "13 hours", False),
        ("timestamp", "3 days", True),
        ("date", "1 day", False),
        ("date", "4 days", True),
    ],
)
def test_a_cursor_ahead_of_the_clock_is_told(rig, column, ahead, told):
    fill(rig, column, f"now() + interval '{ahead}'")
    assert list(rig.load(QUERY, **FIELDS).notes) == (["CursorAhead"] if told else [])
    rig.assert_same(QUERY)


def test_a_row_whose_null_cursor_is_set_later_is_read_then(rig):
    fill(rig, "timestamptz", "CASE WHEN n <= 5 THEN now() END")
    assert rig.load(QUERY, **FIELDS).rows_written == 5
    rig.on_source("UPDATE rows SET at = now() WHERE at IS NULL")
    assert rig.load(QUERY, **FIELDS).rows_written == 5
    rig.assert_same(QUERY)


def test_nothing_but_null_cursors_is_nothing_to_read(rig):
    fill(rig, "timestamptz", "NULL")
    ended = rig.load(QUERY, **FIELDS)
    assert (ended.rows_read, ended.notes) == (0, {})


@pytest.mark.parametrize("column", ["timestamptz(0)", "timestamp", "date", "bigint", "text", "numeric", "uuid"])
def test_rows_that_later_get_the_value_of_the_last_row_are_read(rig, column):
    """Their keys are below its key: a cursor that stands behind both column and key would not see them."""
    number = "lpad(n::text, 32, '0')::uuid" if column == "uuid" else f"n::text::{column}"
    value = number if column in ("bigint", "text", "numeric", "uuid") else "date_trunc('hour', now())"
    rig.on_source(
        f"CREATE TABLE rows (id int PRIMARY KEY, at {column}, v text)",
        f"INSERT INTO rows SELECT 100 + n, {value} FROM generate_series(1, 9) AS n",
    )
    rig.load("SELECT * FROM rows", **FIELDS)
    rig.on_source("INSERT INTO rows SELECT 1, at, 'new' FROM rows WHERE id = 109")
    # The last row changes too, and keeps its value.
    rig.on_source("UPDATE rows SET v = 'changed' WHERE id = 109")
    rig.load("SELECT * FROM rows", **FIELDS)
    rig.assert_same("SELECT * FROM rows")


@pytest.mark.parametrize(
    ("column", "one", "same"), [("numeric", "9.00", "9.0"), ("interval", "1 day", "24:00:00"), ("float8", "-0", "0")]
)
def test_values_that_are_equal_need_not_read_alike(rig, column, one, same):
    rig.on_source(
        f"CREATE TABLE rows (id int PRIMARY KEY, at {column})",
        f"INSERT INTO rows VALUES (101, '{one}'), (102, '{same}')",
    )
    rig.load("SELECT * FROM rows", **FIELDS)
    rig.on_source(f"INSERT INTO rows VALUES (1, '{same}'), (2, '{one}')")
    rig.load("SELECT * FROM rows", **FIELDS)
    rig.assert_same("SELECT * FROM rows")


@pytest.mark.parametrize("cursor", ["timestamptz", "timestamp", "date"])
def test_a_backdated_row_within_the_lookback_is_read(rig, cursor):
    """An application's clock set it before its transaction began: no waiting finds it."""
    fill(rig, cursor, "now()")
    rig.load(QUERY, **FIELDS)
    rig.on_source("INSERT INTO rows VALUES (1000, now() - interval '4 minutes')")
    rig.load(QUERY, **FIELDS)
    rig.assert_same(QUERY)
    assert rig.load(QUERY, **FIELDS).rows_written == 0


def test_an_old_cursor_is_not_read_again(rig):
    """Once the last row is older than the lookback, an idle run reads nothing."""
    fill(rig, "timestamptz", "now() - interval '2 seconds' - n * interval '1.000001 s'")
    fields = {**FIELDS, "lookback_seconds": 1.0}
    rig.load(QUERY, **fields)
    assert rig.load(QUERY, **fields).rows_read == 0


def test_a_paused_run_of_rows_with_one_value_goes_on_where_it_was(rig):
    """Rows of one old transaction have one now(): a run that reads them is not thrown back to the first of them."""
    fill(rig, "timestamptz", "timestamptz '2026-03-01 12:00:00.5Z'")
    rig.on_source("INSERT INTO rows SELECT n, timestamptz '2026-03-01 12:00:00.5Z' FROM generate_series(11, 2000) AS n")
    rig.on_source("INSERT INTO rows VALUES (3000, now())")
    rig.on_target(
        "CREATE SCHEMA analytics",
        "CREATE TABLE analytics.copy (id int PRIMARY KEY CONSTRAINT c CHECK (id <> 1500), at timestamptz)",
    )
    assert rig.run(rig.spec(QUERY, **FIELDS)).code == 64
    rig.on_target("ALTER TABLE analytics.copy DROP CONSTRAINT c")
    assert rig.load(QUERY, **FIELDS).rows_read == 601
    rig.assert_same(QUERY)
