"""An incremental run reads what is above its cursor, whatever commits behind it."""

import random
import threading
import time

import psycopg
import pytest

QUERY = "SELECT id, v, at FROM events"
FIELDS = {"mode": "incremental", "incremental_key": "at"}


@pytest.fixture
def events(rig):
    rig.on_source(
        "CREATE TABLE events (id int PRIMARY KEY, v text, at timestamptz)",
        "INSERT INTO events SELECT n, 'v' || n, timestamptz '2026-01-01Z' + n / 3 * interval '1 min'"
        " FROM generate_series(1, 500) AS n",
    )
    return rig


def test_only_what_is_new_is_read(events):
    assert events.load(QUERY, **FIELDS).rows_written == 500
    events.assert_same(QUERY)
    assert events.load(QUERY, **FIELDS).rows_read == 0
    events.on_source(
        "UPDATE events SET v = 'new', at = now() WHERE id <= 7", "INSERT INTO events VALUES (999, 'x', now())"
    )
    ended = events.load(QUERY, **FIELDS)
    events.assert_same(QUERY)
    assert (ended.rows_read, ended.rows_written, ended.notes) == (8, 8, {})


def test_a_row_that_left_the_query_stays(events):
    events.load(QUERY, **FIELDS)
    events.on_source("DELETE FROM events WHERE id <= 10")
    events.load(QUERY, **FIELDS)
    assert events.on_target("SELECT count(*) FROM analytics.copy") == [(500,)]


def test_rows_without_a_cursor_value_are_not_read(events):
    events.on_source("UPDATE events SET at = NULL WHERE id <= 10")
    assert events.load(QUERY, **FIELDS).rows_read == 490
    events.assert_same(f"{QUERY} WHERE at IS NOT NULL")


def test_an_empty_source_is_no_fault(events):
    assert events.load(f"{QUERY} WHERE false", **FIELDS).rows_read == 0
    assert events.load(QUERY, **FIELDS).rows_read == 500


def test_the_target_need_not_have_the_cursor(events):
    events.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (v text, id bigint PRIMARY KEY)")
    events.load(QUERY, **FIELDS, snapshot_seconds=0.0, batch_size=7)
    events.assert_same("SELECT id, v FROM events")
    assert events.load(QUERY, **FIELDS).rows_read == 0


def test_the_state_has_key_and_value_of_the_last_row(events):
    spec = events.spec(QUERY, **FIELDS)
    events.run(spec)
    row = events.checkpoint(spec)
    assert (row["last_key"], row["last_value"], row["done"]) == (["500"], "2026-01-01 02:46:00+00", True)


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ({"restart": True}, 500),
        ({"incremental_key": "id"}, 500),
        ({"fingerprint": "another query"}, 0),
    ],
)
def test_what_starts_over_and_what_keeps_the_cursor(events, fields, rows):
    events.load(QUERY, **FIELDS)
    assert events.load(QUERY, **{**FIELDS, **fields}).rows_read == rows


def test_a_target_that_was_made_again_starts_over(events):
    events.load(QUERY, **FIELDS)
    events.on_target("DROP TABLE analytics.copy")
    assert events.load(QUERY, **FIELDS).rows_read == 500
    events.assert_same(QUERY)


def test_a_transaction_that_commits_behind_the_cursor_is_waited_for(events):
    events.on_source("CREATE SEQUENCE ids START 1000")
    query, fields = "SELECT id, v FROM events", {"mode": "incremental", "incremental_key": "id"}
    with psycopg.connect(events.source) as late, psycopg.connect(events.source, autocommit=True) as early:
        late.execute("INSERT INTO events VALUES (nextval('ids'), 'late')")
        early.execute("INSERT INTO events VALUES (nextval('ids'), 'early')")
        commit = threading.Timer(1.0, late.commit)
        commit.start()
        started = time.monotonic()
        ended = events.load(query, **fields)
        commit.join()
        assert time.monotonic() - started >= 0.9
    assert ended.rows_read == 502
    events.assert_same(query)


def test_a_transaction_that_has_not_written_yet_is_waited_for(events):
    events.on_source("CREATE SEQUENCE ids START 1000")
    query, fields = "SELECT id, v FROM events", {"mode": "incremental", "incremental_key": "id"}
    with psycopg.connect(events.source) as late, psycopg.connect(events.source, autocommit=True) as early:
        (late_id,) = late.execute("SELECT nextval('ids')").fetchone()
        early.execute("INSERT INTO events VALUES (nextval('ids'), 'early')")

        def finish():
            late.execute("INSERT INTO events VALUES (%s, 'late')", (late_id,))
            late.commit()

        commit = threading.Timer(1.0, finish)
        commit.start()
        events.load(query, **fields)
        commit.join()
    events.assert_same(query)


@pytest.mark.parametrize("prepared", [False, True])
def test_a_transaction_that_does_not_end_leaves_the_lookback_and_a_note(events, prepared):
    events.load(QUERY, **FIELDS)
    late = psycopg.connect(events.source)
    late.execute("INSERT INTO events VALUES (1001, 'late', now())")
    if prepared:
        late.execute("PREPARE TRANSACTION 'late'")
    events.on_source("INSERT INTO events VALUES (1002, 'early', now())")
    ended = events.load(QUERY, **FIELDS, wait_seconds=0.3)
    assert "did not end within 0.3 seconds" in ended.notes["LookbackOnly"]
    assert ended.rows_read == 1
    if prepared:
        events.on_source("COMMIT PREPARED 'late'")
    else:
        late.commit()
    late.close()
    # The late row lies behind the cursor and is found within the lookback; what was there is not written again.
    ended = events.load(QUERY, **FIELDS)
    assert (ended.rows_read, ended.rows_written, ended.notes) == (2, 1, {})
    events.assert_same(QUERY)
    assert events.load(QUERY, **FIELDS).rows_written == 0


def test_our_own_long_reads_are_not_waited_for(events):
    with psycopg.connect(events.source, application_name="headrace-read x") as reader:
        reader.execute("SELECT 1")
        started = time.monotonic()
        assert events.load(QUERY, **FIELDS).notes == {}
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("cursor", ["id", "at"])
def test_writers_that_commit_out_of_order_lose_nothing(events, cursor):
    """Loads while ten writers take numbers and their now(), write later, and commit in any order."""
    fields = {"mode": "incremental", "incremental_key": cursor, "lookback_seconds": 0.0}
    events.on_source("CREATE SEQUENCE ids START 1000")
    stop = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(events.source) as connection:
            while not stop.is_set():
                (number,) = connection.execute("SELECT nextval('ids')").fetchone()
                time.sleep(chance.random() * 0.03)
                connection.execute("INSERT INTO events VALUES (%s, 'x', now())", (number,))
                time.sleep(chance.random() * 0.03)
                if chance.random() < 0.2 and cursor == "id":
                    connection.execute(f"PREPARE TRANSACTION 'events {seed}'")
                    connection.rollback()
                    time.sleep(chance.random() * 0.03)
                    events.on_source(f"COMMIT PREPARED 'events {seed}'")
                elif chance.random() < 0.2:
                    connection.rollback()
                else:
                    connection.commit()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(10)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(10):
            assert events.load(QUERY, **fields).notes == {}
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    events.load(QUERY, **fields)
    events.assert_same(QUERY)


@pytest.mark.parametrize("cursor", ["date", "timestamp", "numeric", "text", "double precision", "uuid"])
def test_a_cursor_of_any_type(rig, cursor):
    value = {
        "date": "date '2026-01-01' + n / 3",
        "timestamp": "timestamp '2026-01-01' + n * interval '1 second 1 microsecond'",
        "numeric": "n / 8.0",
        "text": "lpad(n::text, 5, '0')",
        "double precision": "n / 3.0",
        "uuid": "lpad(n::text, 32, '0')::uuid",
    }[cursor]
    rig.on_source(f"CREATE TABLE events (id int PRIMARY KEY, at {cursor})")
    fill = f"INSERT INTO events SELECT n, {value} FROM generate_series(%s, %s) AS n"
    rig.on_source(fill % (1, 300))
    query = "SELECT id, at FROM events"
    rig.load(query, **FIELDS, snapshot_seconds=0.0, batch_size=37)
    rig.assert_same(query)
    # A number or a text may come again: rows that have the last one's are read once more.
    again = 0 if cursor in ("date", "timestamp") else 1
    assert rig.load(query, **FIELDS).rows_read == again
    rig.on_source(fill % (301, 350))
    ended = rig.load(query, **FIELDS)
    assert (ended.rows_read, ended.rows_written) == (50 + again, 50)
    rig.assert_same(query)


def test_a_run_that_dies_before_its_first_batch_still_looks_back(rig):
    rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, at timestamptz NOT NULL)")
    rig.on_source("INSERT INTO rows SELECT n, now() - n * interval '1 second' FROM generate_series(1, 50) AS n")
    fields = {"mode": "incremental", "incremental_key": "at"}
    query = "SELECT * FROM rows"
    rig.load(query, **fields)
    rig.on_source("INSERT INTO rows VALUES (1000, now() - interval '20 seconds')")
    rig.on_target("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$; END'")
    rig.on_target("CREATE TRIGGER t BEFORE INSERT ON analytics.copy FOR EACH ROW EXECUTE FUNCTION refuse()")
    assert rig.run(rig.spec(query, **fields)).code == 64
    rig.on_target("DROP TRIGGER t ON analytics.copy")
    rig.load(query, **fields)
    rig.assert_same(query)


def test_a_transaction_that_is_prepared_while_it_is_waited_for_has_not_ended(events):
    events.load(QUERY, **FIELDS)
    with psycopg.connect(events.source) as late:
        late.execute("INSERT INTO events VALUES (2000, 'late', now())")
        events.on_source("INSERT INTO events VALUES (2001, 'x', now())")
        timer = threading.Timer(1.0, lambda: late.execute("PREPARE TRANSACTION 'late'"))
        timer.start()
        spec = events.spec(QUERY, **FIELDS)
        process = events.spawn(spec)
        time.sleep(2.5)
        assert process.poll() is None
        timer.join()
    events.on_source("COMMIT PREPARED 'late'")
    assert events.wait(process, spec).code == 0
    events.assert_same(QUERY)


def test_a_cursor_that_is_no_time_has_no_lookback_and_says_so(events):
    with psycopg.connect(events.source) as late:
        late.execute("SELECT txid_current()")
        ended = events.load(QUERY, mode="incremental", incremental_key="id", wait_seconds=0.1)
    assert ended.notes["LookbackOnly"].startswith("Rows that commit after their id was set may be missed")


def test_a_null_key_beside_the_last_row_is_seen(rig):
    fields = {"mode": "incremental", "incremental_key": "at", "key_columns": ("id",)}
    rig.on_source(
        "CREATE TABLE rows (id int, at int)", "INSERT INTO rows SELECT n, 5 FROM generate_series(1, 200) AS n"
    )
    rig.load("SELECT * FROM rows", **fields)
    rig.on_source("INSERT INTO rows VALUES (NULL, 5)")
    ended = rig.run(rig.spec("SELECT * FROM rows", **fields))
    assert ended.code == 64
    assert "null" in ended.message
