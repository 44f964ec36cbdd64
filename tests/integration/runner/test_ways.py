"""Each way into the target is taken where it should, and each leaves the same rows and counts."""

import time

import psycopg
import pytest

ROWS = "SELECT id, v FROM rows"
TARGET = ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)")


def test_a_row_with_a_null_in_its_key_leaves_like_others(rig):
    rig.on_source("CREATE TABLE rows AS SELECT 1 + n / 10 AS a, n % 10 AS b, 'v' AS v FROM generate_series(0, 49) AS n")
    rig.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (a int, b int, v text, UNIQUE (a, b))")
    query, fields = "SELECT a, b, v FROM rows", {"key_columns": ("a", "b")}
    rig.load(query, **fields)
    rig.on_target("INSERT INTO analytics.copy VALUES (2, NULL, 'gone'), (3, NULL, 'gone'), (0, NULL, 'gone')")
    assert rig.load(query, **fields).rows_written == 3
    rig.assert_same(query)


@pytest.mark.parametrize("prune", [True, False])
@pytest.mark.parametrize("batch_size", [2, 100])
def test_a_changed_row_may_refer_to_a_new_one(rig, batch_size, prune):
    rig.on_source("CREATE TABLE rows AS SELECT n AS id, 1 AS parent FROM generate_series(1, 40) AS n")
    rig.on_target(
        "CREATE SCHEMA analytics",
        "CREATE TABLE analytics.copy (id int PRIMARY KEY, parent int REFERENCES analytics.copy)",
    )
    query = "SELECT id, parent FROM rows"
    rig.load(query, batch_size=batch_size)
    rig.on_source("DELETE FROM rows WHERE id = 6", "UPDATE rows SET parent = 6 WHERE id = 5")
    rig.on_source("INSERT INTO rows VALUES (6, 1)", "UPDATE rows SET id = 60 WHERE id = 40")
    rig.on_target("DELETE FROM analytics.copy WHERE id = 6")
    ended = rig.load(query, batch_size=batch_size, prune=prune)
    assert ended.rows_written == (4 if prune else 3)
    rig.on_target("DELETE FROM analytics.copy WHERE id = 40")
    rig.assert_same(query)


@pytest.mark.parametrize("kind", ["int", "numeric"])
def test_a_row_that_others_refer_to_leaves_together_with_their_reference(rig, kind):
    """Also when they refer to a new row from then on."""
    rig.on_source(f"CREATE TABLE rows AS SELECT n::{kind} AS id, 1::{kind} AS parent FROM generate_series(1, 40) AS n")
    rig.on_source("UPDATE rows SET parent = 7 WHERE id > 30")
    rig.on_target(
        "CREATE SCHEMA analytics",
        f"CREATE TABLE analytics.copy (id {kind} PRIMARY KEY, parent {kind} REFERENCES analytics.copy)",
    )
    query = "SELECT id, parent FROM rows"
    rig.load(query)
    rig.on_source("DELETE FROM rows WHERE id = 7", "UPDATE rows SET parent = id % 2 * 42 + 8 WHERE parent = 7")
    rig.on_source("INSERT INTO rows VALUES (50, 1)")
    assert rig.load(query).rows_written == 12
    rig.assert_same(query)


@pytest.mark.parametrize("batch_size", [3, 100])
@pytest.mark.parametrize("action", ["CASCADE", "SET NULL"])
def test_a_row_that_left_takes_none_along_that_is_to_stay(rig, action, batch_size):
    """Row 20 refers to another parent now, and rows 4 and 30 below it did not change."""
    rig.on_source("CREATE TABLE rows AS SELECT n AS id, 1 AS parent FROM generate_series(1, 40) AS n")
    rig.on_source("UPDATE rows SET parent = 7 WHERE id IN (2, 20)", "UPDATE rows SET parent = 20 WHERE id IN (4, 30)")
    rig.on_target(
        "CREATE SCHEMA analytics",
        "CREATE TABLE analytics.copy (id int PRIMARY KEY, parent int)",
        "INSERT INTO analytics.copy SELECT n, 1 FROM generate_series(1, 40) AS n",
        f"ALTER TABLE analytics.copy ADD FOREIGN KEY (parent) REFERENCES analytics.copy ON DELETE {action}",
    )
    query = "SELECT id, parent FROM rows"
    rig.load(query)
    rig.on_source("DELETE FROM rows WHERE id = 7", "UPDATE rows SET parent = 8 WHERE parent = 7")
    rig.load(query, batch_size=batch_size)
    rig.assert_same(query)


def test_a_swap_that_is_refused_stages_nothing_twice(rig):
    """The trigger refuses the first swap, as a check might that somebody drops a moment later."""
    rig.on_source("CREATE TABLE rows AS SELECT n AS id FROM generate_series(1, 1000) AS n")
    rig.on_target(
        "CREATE SCHEMA analytics",
        "CREATE TABLE analytics.copy (id int)",
        "CREATE SEQUENCE analytics.tries",
        "CREATE FUNCTION analytics.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('analytics.tries') = 1 THEN RAISE 'not now'; END IF; RETURN NULL; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON analytics.copy FOR EACH STATEMENT EXECUTE FUNCTION analytics.refuse()",
    )
    ended = rig.run(rig.spec("SELECT id FROM rows", batch_size=10))
    assert (ended.code, ended.rows_read, ended.rows_written) == (0, 1000, 1000), ended
    rig.assert_same("SELECT id FROM rows")


def test_a_prune_that_is_refused_at_the_end_says_why(rig):
    rig.on_source("CREATE TABLE rows AS SELECT n::text AS id FROM generate_series(1, 1000) AS n")
    rig.on_target(
        "CREATE SCHEMA analytics",
        "CREATE COLLATION other (locale = 'C.UTF-8')",
        "CREATE TABLE analytics.copy (id text COLLATE other PRIMARY KEY)",
        "CREATE TABLE analytics.more (id text COLLATE other REFERENCES analytics.copy)",
        "INSERT INTO analytics.copy VALUES ('x')",
        "INSERT INTO analytics.more VALUES ('x')",
    )
    ended = rig.run(rig.spec("SELECT id FROM rows", batch_size=10))
    assert "more_id_fkey" in ended.message


def changes(rig):
    """Rows inserted, updated and deleted in the target so far, once the sessions that did it have said so."""
    query = "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'copy'"
    writers = "SELECT pid FROM pg_stat_activity WHERE application_name ~ 'write' AND datname = current_database()"
    deadline = time.monotonic() + 10
    while rig.on_target(writers) and time.monotonic() < deadline:
        time.sleep(0.01)
    return rig.on_target(query)[0]


OLD = "INSERT INTO analytics.copy SELECT n, {value} FROM generate_series(1, 1000) AS n"
SITUATIONS = {
    "an empty target is copied into": ((), (1000, 0, 0)),
    "what is the same is left alone": ((OLD.format(value="'v'"),), (0, 0, 0)),
    "what changed is updated": ((OLD.format(value="CASE WHEN n % 10 > 0 THEN 'v' ELSE 'old' END"),), (0, 100, 0)),
    "what is new is copied": ((OLD.format(value="'v'"), "DELETE FROM analytics.copy WHERE id % 2 = 0"), (500, 0, 0)),
    "what left is deleted": (
        (OLD.format(value="'v'"), "INSERT INTO analytics.copy SELECT -n, 'v' FROM generate_series(1, 100) AS n"),
        (0, 0, 100),
    ),
    "a range that changed is replaced": ((OLD.format(value="'old'"),), (1000, 0, 1000)),
    "under a trigger rows are updated in place": (
        (
            OLD.format(value="'old'"),
            "CREATE FUNCTION analytics.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER pass BEFORE DELETE ON analytics.copy FOR EACH ROW EXECUTE FUNCTION analytics.pass()",
        ),
        (0, 1000, 0),
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_way_that_is_taken(rig, situation):
    prepare, expected = SITUATIONS[situation]
    rig.on_source("CREATE TABLE rows AS SELECT n AS id, 'v' AS v FROM generate_series(1, 1000) AS n")
    rig.on_target(*TARGET, *prepare)
    before = changes(rig)
    ended = rig.load(ROWS)
    rig.assert_same(ROWS)
    assert tuple(now - then for now, then in zip(changes(rig), before, strict=True)) == expected
    # A row that is replaced counts as one that is written.
    assert (ended.rows_read, ended.rows_written) == (1000, max(expected))


MOVES = {
    "from a row that left to a new one": ("DELETE FROM rows WHERE id = 7", "INSERT INTO rows VALUES (54, 'n7')"),
    "from a row that changed to a new one": (
        "UPDATE rows SET v = 'other' WHERE id = 55",
        "INSERT INTO rows VALUES (-1, 'n55')",
    ),
    "from a row that left to an earlier one": (
        "DELETE FROM rows WHERE id = 77",
        "UPDATE rows SET v = 'n77' WHERE id = 5",
    ),
    "from each row to the next": ("UPDATE rows SET v = 'n' || id + 1",),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_value_that_is_unique_moves(rig, move):
    rig.on_source("CREATE TABLE rows AS SELECT n AS id, 'n' || n AS v FROM generate_series(1, 90) AS n WHERE n <> 54")
    rig.on_target(*TARGET, "CREATE UNIQUE INDEX ON analytics.copy (v)")
    rig.load(ROWS)
    rig.on_source(*MOVES[move])
    rig.load(ROWS)
    rig.assert_same(ROWS)


def test_unique_values_change_places_under_a_deferred_constraint(rig):
    rig.on_source("CREATE TABLE rows AS SELECT n AS id, 'n' || n AS v FROM generate_series(1, 1000) AS n")
    rig.on_target(*TARGET, "ALTER TABLE analytics.copy ADD UNIQUE (v) DEFERRABLE INITIALLY DEFERRED")
    rig.load(ROWS)
    rig.on_source("UPDATE rows SET v = 'n' || CASE id WHEN 3 THEN 7 ELSE 3 END WHERE id IN (3, 7)")
    assert rig.load(ROWS).rows_written == 2
    rig.assert_same(ROWS)


def test_a_constraint_that_only_the_commit_finds_violated_loses_no_good_batch(rig):
    rig.on_source("CREATE TABLE rows AS SELECT n AS id, 'n' || n AS v FROM generate_series(1, 1000) AS n")
    rig.on_source("UPDATE rows SET v = 'n1' WHERE id = 650")
    rig.on_target(*TARGET, "ALTER TABLE analytics.copy ADD UNIQUE (v) DEFERRABLE INITIALLY DEFERRED")
    ended = rig.run(rig.spec(ROWS))
    assert (ended.code, ended.rows_read, ended.rows_written, ended.batches) == (64, 600, 600, 6), ended
    assert rig.on_target("SELECT count(*), max(id) FROM analytics.copy") == [(600, 600)]


@pytest.mark.parametrize(
    "old", ["", "INSERT INTO analytics.copy SELECT n, 'old' FROM generate_series(2, 1000, 3) AS n"]
)
def test_rows_that_a_trigger_leaves_out_are_read_and_not_written(rig, old):
    rig.on_source("CREATE TABLE rows AS SELECT n AS id, 'v' AS v FROM generate_series(1, 1000) AS n")
    rig.on_target(
        *TARGET,
        old or "SELECT",
        "CREATE FUNCTION analytics.few() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF NEW.id % 10 = 0 THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER few BEFORE INSERT OR UPDATE ON analytics.copy FOR EACH ROW EXECUTE FUNCTION analytics.few()",
    )
    ended = rig.load(ROWS)
    assert (ended.rows_read, ended.rows_written, ended.batches) == (1000, 900, 10)
    assert rig.on_target("SELECT count(*) FROM analytics.copy WHERE v = 'v'") == [(900,)]
    assert rig.load(ROWS).rows_written == 0


ANOTHER_WRITER = {
    "some rows changed": "INSERT INTO rows SELECT n, 'v' FROM generate_series(100, 999) AS n",
    "most rows changed": "INSERT INTO rows SELECT n, 'new' FROM generate_series(100, 999) AS n",
}


@pytest.mark.parametrize("situation", ANOTHER_WRITER)
def test_another_writer_who_commits_in_the_middle_of_a_group(rig, situation):
    """The run waits for its row locks, and then goes by what the other one left."""
    rig.on_source(
        "CREATE TABLE rows (id int, v text)",
        ANOTHER_WRITER[situation],
        "INSERT INTO rows VALUES (5, 'new'), (6, 'new'), (1000, 'new')",
    )
    rig.on_target(
        *TARGET, "INSERT INTO analytics.copy SELECT n, 'v' FROM generate_series(5, 999) AS n WHERE n NOT IN (8, 9)"
    )
    rig.on_source("DELETE FROM rows WHERE id BETWEEN 7 AND 99")
    spec = rig.spec(ROWS, batch_size=1000)
    with psycopg.connect(rig.target) as other:
        other.execute("UPDATE analytics.copy SET v = 'theirs' WHERE id IN (5, 7)")
        other.execute("DELETE FROM analytics.copy WHERE id IN (6, 50)")
        other.execute("INSERT INTO analytics.copy VALUES (1000, 'theirs'), (8, 'theirs')")
        process = rig.spawn(spec)
        waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        deadline = time.monotonic() + 20
        while not rig.on_target(waits):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    ended = rig.wait(process, spec)
    assert (ended.code, ended.rows_read) == (0, 903), ended
    # Of what the other one added in the range while the run was at work, the next run knows.
    rig.load(ROWS)
    rig.assert_same(ROWS)
