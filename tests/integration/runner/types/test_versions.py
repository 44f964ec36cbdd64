"""What a run promises holds on each version of PostgreSQL whose programs are on this machine."""

import pytest

QUERY = "SELECT * FROM rows"


@pytest.fixture(params=[13, 14, 15, 16, 17, 18])
def rows(request, server_of, rig_on):
    rig = rig_on(server_of(request.param))
    assert rig.on_target("SELECT current_setting('server_version_num')::int / 10000") == [(request.param,)]
    rig.on_source(
        "CREATE TABLE rows (k text, n int, v numeric, at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (k, n))",
        "INSERT INTO rows SELECT 'k' || i % 50, i, i / 2.0 FROM generate_series(1, 1000) AS i",
    )
    return rig


def test_a_full_run_writes_what_changed_and_deletes_what_is_gone(rows):
    rows.load(QUERY)
    rows.assert_same(QUERY)
    assert rows.load(QUERY).rows_written == 0
    rows.on_source(
        "UPDATE rows SET v = v::numeric(10,5) WHERE n % 10 = 0",
        "DELETE FROM rows WHERE n BETWEEN 401 AND 500 OR k = 'k7'",
        "INSERT INTO rows SELECT 'l', i, NULL FROM generate_series(1, 30) AS i",
    )
    assert rows.load(QUERY).rows_written == 90 + 118 + 30
    rows.assert_same(QUERY)


def test_an_incremental_run_reads_on_from_its_cursor(rows):
    fields = {"mode": "incremental", "incremental_key": "at", "lookback_seconds": 0.0}
    assert rows.load(QUERY, **fields).rows_written == 1000
    rows.on_source(
        "UPDATE rows SET v = -v, at = clock_timestamp() WHERE n <= 50", "INSERT INTO rows VALUES ('z', 1, 1)"
    )
    assert rows.load(QUERY, **fields).rows_written == 51
    rows.assert_same(QUERY)
    assert rows.load(QUERY, **fields).rows_written == 0


def test_a_run_that_failed_goes_on_after_its_last_batch(rows):
    rows.on_target("CREATE SCHEMA analytics")
    columns = "k text, n int CHECK (n < 1000), v numeric, at timestamptz, PRIMARY KEY (k, n)"
    rows.on_target(f"CREATE TABLE analytics.copy ({columns})")
    failed = rows.run(rows.spec(QUERY, batch_size=10))
    assert (failed.code, failed.outcome) == (64, "FAILED")
    assert 'violates check constraint "copy_n_check"' in failed.message
    rows.on_target("ALTER TABLE analytics.copy DROP CONSTRAINT copy_n_check")
    ended = rows.load(QUERY, batch_size=10)
    assert ended.rows_read == 1000 - failed.rows_read
    rows.assert_same(QUERY)


def test_a_table_without_a_key_is_replaced(rows):
    rows.on_source("ALTER TABLE rows DROP CONSTRAINT rows_pkey", "INSERT INTO rows SELECT * FROM rows WHERE n < 10")
    rows.load(QUERY)
    rows.assert_same(QUERY)
    rows.on_source("DELETE FROM rows WHERE n < 20")
    rows.load(QUERY)
    rows.assert_same(QUERY)
