"""What a mode promises, whatever the target: the same tests over every kind of target."""

import os
import signal

import pytest
from tests.integration.runner.conftest import execute

from headrace_runner.targets import TARGETS

ROWS = "SELECT id, v, n FROM rows"
RIGS = {"postgres": "table_rig", "elasticsearch": "index_rig"}
LATER = {"mode": "incremental", "incremental_key": "n"}
MADE = "CREATE TABLE rows (id int PRIMARY KEY, v text, n int NOT NULL)"
ELSEWHERE = "Starting over: the source leads to another host, port or database"


@pytest.fixture
def table_rig(rig):
    return rig


@pytest.fixture(params=TARGETS)
def rows(request):
    rig = request.getfixturevalue(RIGS[request.param])
    rig.on_source(
        MADE,
        "INSERT INTO rows SELECT n, md5(n::text), n FROM generate_series(1, 2000) AS n",
    )
    return rig


def test_every_kind_of_target_is_tested():
    assert set(RIGS) == set(TARGETS)


def test_a_full_run_into_nothing_brings_all_rows(rows):
    ended = rows.load(ROWS)
    assert (ended.rows_read, ended.rows_written, ended.batches) == (2000, 2000, 20)
    rows.assert_same(ROWS)


@pytest.mark.parametrize("batch_size", [1, 7, 3000])
def test_batches_of_any_size(rows, batch_size):
    query = f"{ROWS} WHERE id <= 50"
    assert rows.load(query, batch_size=batch_size).batches == -(-50 // batch_size)
    rows.assert_same(query)


def test_a_later_full_run_follows_every_change(rows):
    rows.load(ROWS)
    rows.on_source(
        "UPDATE rows SET v = 'changed' WHERE id % 100 = 0",
        "DELETE FROM rows WHERE id BETWEEN 500 AND 700 OR id IN (1, 2000)",
        "INSERT INTO rows VALUES (0, 'first', 0), (9999, 'last', 1)",
    )
    rows.load(ROWS)
    rows.assert_same(ROWS)


def test_without_prune_rows_stay(rows):
    rows.load(ROWS)
    rows.on_source("DELETE FROM rows WHERE id > 1000")
    rows.load(ROWS, prune=False)
    rows.on_source("INSERT INTO rows SELECT n, md5(n::text), n FROM generate_series(1001, 2000) AS n")
    rows.assert_same(ROWS)


def test_a_query_that_gives_nothing_empties_nothing_unless_it_may(rows):
    rows.load(ROWS)
    ended = rows.run(rows.spec(f"{ROWS} WHERE false"))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "The query gave no row" in ended.message
    rows.assert_same(ROWS)
    rows.load(f"{ROWS} WHERE false", allow_empty=True)
    rows.assert_same(f"{ROWS} WHERE false")


def test_a_query_that_gives_nothing_into_nothing(rows):
    ended = rows.load(f"{ROWS} WHERE false")
    assert (ended.rows_read, ended.rows_written) == (0, 0)
    rows.assert_same(f"{ROWS} WHERE false")


def test_an_incremental_run_brings_what_is_new_and_deletes_nothing(rows):
    assert rows.load(ROWS, **LATER).rows_written == 2000
    rows.on_source(
        "UPDATE rows SET v = 'changed', n = 3000 + id WHERE id <= 10", "INSERT INTO rows VALUES (0, 'x', 4000)"
    )
    ended = rows.load(ROWS, **LATER)
    # The last row comes again where a transaction was in progress, whoever's.
    assert 11 <= ended.rows_read <= 12
    rows.assert_same(ROWS)
    assert rows.load(ROWS, **LATER).rows_read <= 1
    rows.on_source("DELETE FROM rows WHERE id = 5")
    rows.load(ROWS, **LATER)
    rows.on_source("INSERT INTO rows VALUES (5, 'changed', 3005)")
    rows.assert_same(ROWS)


def test_the_later_of_two_rows_with_one_key_stays_in_an_incremental_run(rows):
    rows.on_source("CREATE TABLE history (id int, v text, n int)")
    rows.on_source(
        "INSERT INTO history SELECT n % 100, 'version ' || n, n FROM generate_series(1, 5000) AS n",
    )
    query = "SELECT id, v, n FROM history"
    rows.load(query, key_columns=("id",), batch_size=50, **LATER)
    rows.assert_same(f"{query} WHERE n > 4900")


def test_a_key_that_comes_twice_fails_a_full_run(rows):
    ended = rows.run(rows.spec(f"{ROWS} UNION ALL SELECT 150, 'twice', 1", key_columns=("id",)))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "two rows with the same key" in ended.message
    assert "150" in ended.message


def test_a_key_that_is_null_fails_a_run(rows):
    query = "SELECT nullif(id, 150) AS id, v, n FROM rows"
    ended = rows.run(rows.spec(query, key_columns=("id",)))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "null" in ended.message
    assert '"id"' in ended.message


@pytest.mark.parametrize("fields", [{}, LATER], ids=["full", "incremental"])
def test_pause_and_resume_read_each_row_once(rows, fields):
    spec = rows.spec(ROWS, max_rows_per_second=400, **fields)
    for _ in range(2):
        before = rows.checkpoint(spec).get("rows_read", 0)
        process = rows.spawn(spec)
        rows.wait_until_read(spec, before + 200)
        process.send_signal(signal.SIGTERM)
        ended = rows.wait(process, spec, seconds=20)
        assert (ended.code, ended.outcome) == (75, "STOPPED")
        assert ended.rows_read == rows.checkpoint(spec)["rows_read"]
    process = rows.spawn(spec)
    ended = rows.wait(process, spec)
    assert (ended.code, ended.outcome, ended.rows_read, ended.rows_written) == (0, "DONE", 2000, 2000)
    rows.assert_same(ROWS)


@pytest.mark.parametrize("fields", [{}, LATER], ids=["full", "incremental"])
def test_a_run_that_was_killed_goes_on_after_its_last_batch(rows, fields):
    spec = rows.spec(ROWS, max_rows_per_second=800, **fields)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 500)
    process.kill()
    process.wait(timeout=10)
    ended = rows.run(spec)
    assert (ended.code, ended.rows_read, ended.rows_written) == (0, 2000, 2000)
    assert any("Continuing after" in line for line in ended.log)
    rows.assert_same(ROWS)


def test_a_full_run_continues_a_failed_one_and_still_deletes(rows):
    rows.load(ROWS)
    rows.on_source("DELETE FROM rows WHERE id IN (3, 1999)")
    killed = rows.spec(ROWS, max_rows_per_second=800)
    process = rows.spawn(killed)
    rows.wait_until_read(killed, 700)
    process.kill()
    process.wait(timeout=10)
    ended = rows.load(ROWS)
    assert any("Continuing after" in line for line in ended.log)
    rows.assert_same(ROWS)


@pytest.fixture
def elsewhere(emptied, server):
    """Another database, with other rows under the same keys."""
    dsn = emptied(server, "elsewhere")
    execute(dsn, MADE, "INSERT INTO rows SELECT n, 'elsewhere', n FROM generate_series(1, 1500) AS n")
    return dsn


def test_a_full_run_does_not_go_on_with_a_failed_one_where_the_source_leads_elsewhere(rows, elsewhere):
    killed = rows.spec(ROWS, source="shop", max_rows_per_second=800)
    process = rows.spawn(killed)
    rows.wait_until_read(killed, 500)
    process.kill()
    process.wait(timeout=10)
    rows.source = elsewhere
    ended = rows.load(ROWS, source="shop")
    assert ELSEWHERE in ended.log
    assert ended.rows_read == 1500
    rows.assert_same(ROWS)


@pytest.mark.parametrize("source", ["", "shop"], ids=["the default one", "another"])
def test_an_incremental_run_starts_over_where_the_source_leads_elsewhere(rows, elsewhere, source):
    rows.on_source("DELETE FROM rows WHERE id > 1000")
    rows.load(ROWS, source=source, **LATER)
    rows.source = elsewhere
    ended = rows.load(ROWS, source=source, **LATER)
    assert ELSEWHERE in ended.log
    assert ended.rows_read == 1500
    rows.assert_same(ROWS)
    assert rows.load(ROWS, source=source, **LATER).rows_read <= 1


def test_a_run_that_is_done_says_so_again_and_writes_nothing(rows):
    spec = rows.spec(ROWS)
    first = rows.run(spec)
    rows.on_source("DELETE FROM rows WHERE id = 1")
    before = rows.checkpoint(spec)
    again = rows.run(spec)
    assert (again.code, again.outcome, again.rows_read) == (0, "DONE", first.rows_read)
    assert rows.checkpoint(spec) == before


def test_an_older_run_is_outrun(rows):
    rows.run(rows.spec(ROWS), epoch=500_000)
    ended = rows.run(rows.spec(ROWS), epoch=400_000)
    assert (ended.code, ended.message) == (64, "A later run of this pipeline has taken over")


def test_a_newer_pod_takes_over_and_the_older_one_ends(rows):
    spec = rows.spec(ROWS, max_rows_per_second=250)
    old = rows.spawn(spec, epoch=600_000)
    rows.wait_until_read(spec, 200)
    new = rows.spawn(spec, epoch=600_000)
    assert rows.wait(old, spec).code == 76
    ended = rows.wait(new, spec)
    assert (ended.code, ended.outcome, ended.rows_read, ended.rows_written) == (0, "DONE", 2000, 2000)
    rows.assert_same(ROWS)


def test_a_zombie_changes_nothing_when_it_wakes(rows):
    old = rows.spec(ROWS, max_rows_per_second=500)
    zombie = rows.spawn(old, epoch=700_000)
    rows.wait_until_read(old, 200)
    os.kill(zombie.pid, signal.SIGSTOP)
    rows.on_source("UPDATE rows SET v = 'new'")
    assert rows.run(rows.spec(ROWS, restart=True), epoch=700_001).code == 0
    os.kill(zombie.pid, signal.SIGCONT)
    ended = rows.wait(zombie, old)
    assert (ended.code, ended.outcome) == (64, "FAILED")
    rows.assert_same(ROWS)


def test_a_column_more_in_the_query_is_asked_for_or_made(rows):
    rows.load(ROWS)
    ended = rows.run(rows.spec("SELECT id, v, n, 1 AS extra FROM rows"))
    # A table's owner adds columns; an index takes them.
    assert ended.code in (0, 64)
    assert ended.code == 0 or 'no column "extra"' in ended.message


def test_reconcile_counts_both_sides(rows):
    rows.load(ROWS)
    rows.on_source("DELETE FROM rows WHERE id <= 3")
    ended = rows.run(rows.spec(ROWS, kind="Reconcile"))
    assert ended.result is not None
    assert ended.result["source_count"] == 1997
    assert (ended.result["target_count"], ended.result["difference"]) == (2000, -3)
    assert ended.result["status"] == "WARNING"
