"""A target without a key: the contents are swapped in one transaction."""

import pytest

QUERY = "SELECT n, v FROM rows"


@pytest.fixture
def rows(rig):
    rig.on_source(
        "CREATE TABLE rows (n int, v text)",
        "INSERT INTO rows SELECT n / 2, 'v' || n / 2 FROM generate_series(1, 1000) AS n",
    )
    return rig


def test_rows_that_are_twice_stay_twice(rows):
    ended = rows.load(QUERY)
    rows.assert_same(QUERY)
    assert (ended.rows_read, ended.rows_written, set(ended.notes)) == (1000, 1000, {"NoKey"})


def test_a_later_run_replaces_everything(rows):
    rows.load(QUERY)
    rows.on_source("DELETE FROM rows WHERE n > 100", "UPDATE rows SET v = 'x' WHERE n < 10")
    rows.load(QUERY)
    rows.assert_same(QUERY)


def test_readers_see_all_or_nothing(rows):
    rows.load(QUERY)
    spec = rows.spec(QUERY, max_rows_per_second=500)
    rows.on_source("DELETE FROM rows WHERE n > 200")
    process = rows.spawn(spec)
    seen = set()
    while process.poll() is None:
        seen.add(rows.on_target("SELECT count(*) FROM analytics.copy")[0][0])
    rows.wait(process, spec)
    rows.assert_same(QUERY)
    assert seen <= {1000, rows.on_source("SELECT count(*) FROM rows")[0][0]}


def test_a_query_that_gives_nothing_does_not_empty_the_target(rows):
    rows.load(QUERY)
    assert rows.run(rows.spec(f"{QUERY} WHERE false")).code == 64
    assert rows.on_target("SELECT count(*) FROM analytics.copy") == [(1000,)]
    assert rows.load(f"{QUERY} WHERE false", allow_empty=True).rows_written == 1000
