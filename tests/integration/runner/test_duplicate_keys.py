"""A key that the query gives twice fails the run, which names it; nothing of its batch is written."""

import pytest

TARGET = ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)")
MADE = "SELECT n, 'v' FROM generate_series(1, {rows}) AS n"
WORDS = "The query gives two rows with the same key (id = {key})"
ROWS = "SELECT id, v FROM rows"
WAYS = {
    "into an empty table": (),
    "over all rows, unchanged": ("INSERT INTO analytics.copy SELECT n, 'v' FROM generate_series(1, 60000) AS n",),
    "over all rows, changed": ("INSERT INTO analytics.copy SELECT n, 'old' FROM generate_series(1, 60000) AS n",),
    "over some rows": ("INSERT INTO analytics.copy SELECT n, 'old' FROM generate_series(1, 60000, 3) AS n",),
    "by staging": (
        "CREATE FUNCTION analytics.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER pass BEFORE INSERT ON analytics.copy FOR EACH ROW EXECUTE FUNCTION analytics.pass()",
    ),
}
MODES = {
    "full": {},
    "one statement a batch": {"snapshot_seconds": 0.0},
    "without prune": {"prune": False},
    "incremental": {"mode": "incremental", "incremental_key": "id"},
}


def make_rows(rig, rows, *more):
    rig.on_source("CREATE TABLE rows (id int, v text)", f"INSERT INTO rows {MADE.format(rows=rows)}", *more)
    rig.on_source("CREATE INDEX ON rows (id)")


def assert_refused(ended, key, *, batch_size):
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    assert ended.message == WORDS.format(key=key)
    # Whole batches before the one that holds the key.
    assert ended.rows_read % batch_size == 0
    assert ended.rows_read <= key


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", [150, 200], ids=["in a batch", "across two batches"])
def test_a_key_that_comes_twice(rig, key, way, mode):
    make_rows(rig, 300, f"INSERT INTO rows VALUES ({key}, 'another')")
    rig.on_target(*TARGET, *WAYS[way])
    ended = rig.run(rig.spec(ROWS, **MODES[mode]))
    assert_refused(ended, key, batch_size=100)
    if key == 150:
        # Neither of the two.
        assert rig.on_target("SELECT count(*) FROM analytics.copy WHERE v = 'another'") == [(0,)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("first", ["v", "another"])
def test_a_key_that_comes_twice_and_one_of_the_two_is_the_row_that_is_there(rig, first, mode):
    second = "another" if first == "v" else "v"
    make_rows(
        rig, 300, "DELETE FROM rows WHERE id = 150", f"INSERT INTO rows VALUES (150, '{first}'), (150, '{second}')"
    )
    rig.on_target(*TARGET, *WAYS["over all rows, unchanged"])
    assert_refused(rig.run(rig.spec(ROWS, **MODES[mode])), 150, batch_size=100)
    assert rig.on_target("SELECT v FROM analytics.copy WHERE id = 150") == [("v",)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", WAYS)
def test_the_same_row_twice(rig, way, mode):
    make_rows(rig, 300, "INSERT INTO rows VALUES (150, 'v')")
    rig.on_target(*TARGET, *WAYS[way])
    assert_refused(rig.run(rig.spec(ROWS, **MODES[mode])), 150, batch_size=100)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", [1000, 20000])
def test_a_key_that_comes_twice_across_two_groups_of_batches(rig, key, way):
    make_rows(rig, 30_000, f"INSERT INTO rows VALUES ({key}, 'another')")
    rig.on_target(*TARGET, *WAYS[way])
    assert_refused(rig.run(rig.spec(ROWS, batch_size=1000)), key, batch_size=1000)


@pytest.mark.parametrize("mode", MODES)
def test_a_key_that_comes_again_after_a_resume(rig, mode):
    make_rows(rig, 300)
    rig.on_target(*TARGET, "ALTER TABLE analytics.copy ADD CONSTRAINT no_250 CHECK (id <> 250)")
    spec = rig.spec(ROWS, **MODES[mode])
    assert rig.run(spec).rows_read == 200
    rig.on_target("ALTER TABLE analytics.copy DROP CONSTRAINT no_250")
    rig.on_source("INSERT INTO rows VALUES (200, 'another')")
    ended = rig.run(spec)
    assert (ended.code, ended.message, ended.rows_read) == (64, WORDS.format(key=200), 200)
    assert rig.on_target("SELECT count(*), max(id) FROM analytics.copy WHERE v = 'v'") == [(200, 200)]


EQUAL = {
    "numbers that differ in digits": ("numeric", "1.0", "1.00", 0),
    "zeros of both signs": ("double precision", "0", "-0", 0),
    "times in two zones": ("timestamptz", "2024-01-01 00:00Z", "2024-01-01 02:00+02", 0),
    "intervals": ("interval", "1 day", "24:00", 0),
    "blanks after a char": ("char(5)", "a", "a  ", 0),
    "citext": ("citext", "A", "a", 1),
    "a nondeterministic collation": ("text COLLATE nocase", "A", "a", 1),
    "case, with rows between": ("text COLLATE nocase", "A", "a", 300),
    "citext, with rows between": ("citext", "A", "a", 300),
    "accents": ("text COLLATE noaccent", "é", "e", 300),
}
EXTRAS = (
    "CREATE EXTENSION citext",
    "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "CREATE COLLATION noaccent (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
)


@pytest.mark.debian_postgres
@pytest.mark.parametrize("batch_size", [1, 100])
@pytest.mark.parametrize("before", [False, True], ids=["empty", "with one of them"])
@pytest.mark.parametrize("case", EQUAL)
def test_keys_that_are_equal_and_look_different(debian_rig, case, before, batch_size):
    rig = debian_rig
    declaration, one, other, between = EQUAL[case]
    base = declaration.split(" COLLATE")[0]
    rig.on_source(*EXTRAS, f"CREATE TABLE rows (id {base}, v text)")
    rig.on_source(f"INSERT INTO rows VALUES ('{one}', 'one'), ('{other}', 'other')")
    if between:
        rig.on_source(f"INSERT INTO rows SELECT 'K' || n, 'v' FROM generate_series(1, {between}) AS n")
    rig.on_target(
        *EXTRAS, "CREATE SCHEMA analytics", f"CREATE TABLE analytics.copy (id {declaration} PRIMARY KEY, v text)"
    )
    if before:
        rig.on_target(f"INSERT INTO analytics.copy VALUES ('{one}', 'one')")
    ended = rig.run(rig.spec(ROWS, batch_size=batch_size))
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    assert "two rows with the same key (id = " in ended.message


def test_equal_keys_whose_cursors_differ_are_one_row_that_changed(rig):
    rig.on_source("CREATE TABLE rows (id int, at int, v text)", "INSERT INTO rows VALUES (1, 1, 'old'), (1, 2, 'new')")
    rig.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, at int, v text)")
    ended = rig.run(rig.spec("SELECT * FROM rows", mode="incremental", incremental_key="at"))
    assert (ended.code, ended.message) == (64, "The query gives two rows with the same key (id = 1)")
