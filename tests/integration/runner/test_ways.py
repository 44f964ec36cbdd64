"""Each way into the target is taken where it should, and each leaves the same rows and counts."""

import pytest

TARGET = ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)")


def test_a_row_with_a_null_in_its_key_leaves_like_others(rig):
    rig.on_source("CREATE TABLE rows AS SELECT 1 + n / 10 AS a, n % 10 AS b, 'v' AS v FROM generate_series(0, 49) AS n")
    rig.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (a int, b int, v text, UNIQUE (a, b))")
    query, fields = "SELECT a, b, v FROM rows", {"key_columns": ("a", "b")}
    rig.load(query, **fields)
    rig.on_target("INSERT INTO analytics.copy VALUES (2, NULL, 'gone'), (3, NULL, 'gone'), (0, NULL, 'gone')")
    assert rig.load(query, **fields).rows_written == 3
    rig.assert_same(query)


@pytest.mark.parametrize("batch_size", [2, 100])
def test_a_changed_row_may_refer_to_a_new_one(rig, batch_size):
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
    assert rig.load(query, batch_size=batch_size).rows_written == 4
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
