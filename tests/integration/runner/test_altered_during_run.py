"""Somebody changes the target table while a run writes to it: an error or a correct result, never a silent loss."""

import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

GATE = 4711
QUERY = f"SELECT id, v, n FROM rows WHERE id < 250 OR pg_advisory_lock_shared({GATE}) IS NOT NULL"
ALL = "SELECT id, v, n FROM rows"
SOURCE = (
    "CREATE TABLE rows (id int PRIMARY KEY, v text NOT NULL, n int NOT NULL)",
    # Wide: the server sends what it has only when its buffer is full.
    "INSERT INTO rows SELECT n, repeat(md5(n::text), 20), n FROM generate_series(1, 500) AS n",
)
TARGET = (
    "CREATE SCHEMA analytics",
    "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text NOT NULL DEFAULT '', n int)",
)
INCREMENTAL = {"mode": "incremental", "incremental_key": "id"}


@pytest.fixture
def rows(rig):
    """The rig with its source and a target that is made."""
    rig.on_source(*SOURCE)
    rig.on_target(*TARGET)
    return rig


@contextmanager
def running(rig, spec, *, reads_on=True):
    """A run beside what is done here; gives a list in which its end is found afterwards.

    Unless it reads on, it comes no further than to the gate meanwhile.
    """
    ended = []
    with psycopg.connect(rig.source, autocommit=True) as gate:
        if not reads_on:
            gate.execute(f"SELECT pg_advisory_lock({GATE})")
        thread = threading.Thread(target=lambda: ended.append(rig.run(spec)))
        thread.start()
        yield ended
    thread.join(timeout=60)
    assert ended, "the run did not end"


def run_and_alter(rig, statements):
    """Runs until some batches are committed, alters the target, and lets the run go on."""
    # By the index, row after row: a sort would wait at the gate before the first one.
    streaming = make_conninfo(rig.source, options="-c enable_sort=off -c enable_seqscan=off -c enable_bitmapscan=off")
    rig = type(rig)(streaming, rig.target, rig.store)
    spec = rig.spec(QUERY, fingerprint=ALL)
    with running(rig, spec, reads_on=False) as ended:
        rig.wait_until_read(spec, 100)
        rig.on_target(*statements)
    return ended[0]


def run_slowly_and_alter(rig, statements):
    """An incremental run: it asks for the greatest value first, and would wait for a gate there."""
    spec = rig.spec(ALL, max_rows_per_second=300, **INCREMENTAL)
    with running(rig, spec) as ended:
        rig.wait_until_read(spec, 100)
        rig.on_target(*statements)
    return ended[0]


NOTE = """
    CREATE FUNCTION analytics.note() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN INSERT INTO analytics.log VALUES (NEW.id); RETURN NEW; END'
"""
CORRECT = {
    "nothing": ("SELECT 1",),
    "truncated": ("TRUNCATE analytics.copy",),
    "rewritten": ("VACUUM FULL analytics.copy",),
    "a column more": ("ALTER TABLE analytics.copy ADD more int DEFAULT 7",),
    "a column dropped and added again": (
        "ALTER TABLE analytics.copy DROP n",
        "ALTER TABLE analytics.copy ADD n int",
    ),
    "a column renamed, and another added in its place": (
        "ALTER TABLE analytics.copy RENAME n TO old",
        "ALTER TABLE analytics.copy ADD n int",
    ),
    "a wider type": ("ALTER TABLE analytics.copy ALTER n TYPE bigint",),
    "a type of as many bytes": ("ALTER TABLE analytics.copy ALTER n TYPE real",),
    "a key of a wider type": ("ALTER TABLE analytics.copy ALTER id TYPE bigint",),
    "a key of another order": ("ALTER TABLE analytics.copy ALTER id TYPE text",),
    "replaced by another table": (
        "ALTER TABLE analytics.copy RENAME TO old",
        "CREATE TABLE analytics.copy (LIKE analytics.old INCLUDING ALL)",
    ),
    "dropped and made again": (
        "DROP TABLE analytics.copy",
        "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text NOT NULL, n int)",
    ),
    "an index more": ("CREATE INDEX ON analytics.copy (n)",),
    "a trigger": (
        "CREATE TABLE analytics.log (id int)",
        NOTE,
        "CREATE TRIGGER note AFTER INSERT ON analytics.copy FOR EACH ROW EXECUTE FUNCTION analytics.note()",
    ),
    "a partition of another table": (
        "CREATE TABLE analytics.whole (id int, v text NOT NULL, n int) PARTITION BY RANGE (id)",
        "ALTER TABLE analytics.whole ATTACH PARTITION analytics.copy FOR VALUES FROM (0) TO (10000)",
    ),
    "logged no more": ("ALTER TABLE analytics.copy SET UNLOGGED",),
    "another owner": ("ALTER TABLE analytics.copy OWNER TO pg_database_owner",),
}


def same(rig):
    columns = "id::text, v, n::text"
    rig.assert_same(f"SELECT {columns} FROM rows", f"(SELECT {columns} FROM analytics.copy) AS c")


@pytest.mark.parametrize("before", [False, True], ids=["empty", "with rows"])
@pytest.mark.parametrize("case", CORRECT)
def test_a_full_run_goes_on_or_starts_over(rows, case, before):
    if before:
        rows.on_target("INSERT INTO analytics.copy SELECT n, 'old', 0 FROM generate_series(1, 600) AS n")
    ended = run_and_alter(rows, CORRECT[case])
    assert ended.code == 0, ended
    same(rows)


ERRORS = {
    "a column dropped": (("ALTER TABLE analytics.copy DROP n",), 'The target has no column "n", which the query gives'),
    "a column renamed": (
        ("ALTER TABLE analytics.copy RENAME n TO other",),
        'The target has no column "n", which the query gives',
    ),
    "a type without a cast": (
        ("ALTER TABLE analytics.copy DROP n", "ALTER TABLE analytics.copy ADD n point"),
        'Column "n" does not fit the target: cannot cast type integer to point',
    ),
    "dropped": (("DROP TABLE analytics.copy",), 'relation "analytics.copy" does not exist'),
    "renamed": (("ALTER TABLE analytics.copy RENAME TO other",), 'relation "analytics.copy" does not exist'),
    "moved": (
        ("CREATE SCHEMA elsewhere", "ALTER TABLE analytics.copy SET SCHEMA elsewhere"),
        'relation "analytics.copy" does not exist',
    ),
    "a view in its place": (
        ("ALTER TABLE analytics.copy RENAME TO other", "CREATE VIEW analytics.copy AS SELECT * FROM analytics.other"),
        'The target "analytics.copy" is a view: only tables can be written to',
    ),
    "a constraint": (
        ("ALTER TABLE analytics.copy ADD CHECK (id <> 300)",),
        'rows with keys from (201) to (300): new row for relation "copy" violates check constraint "copy_id_check"',
    ),
    "a partition that takes no such rows": (
        (
            "CREATE TABLE analytics.whole (id int, v text NOT NULL, n int) PARTITION BY RANGE (id)",
            "ALTER TABLE analytics.whole ATTACH PARTITION analytics.copy FOR VALUES FROM (0) TO (300)",
        ),
        'rows with keys from (201) to (300): new row for relation "copy" violates partition constraint',
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_run_that_cannot_go_on_says_what_became_of_the_target(rows, case):
    statements, words = ERRORS[case]
    ended = run_and_alter(rows, statements)
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    assert words in ended.message


@pytest.mark.parametrize("case", ["no key any more", "a rule"])
def test_what_changes_no_row_is_found_by_the_next_run(rows, case):
    statement, words = {
        "no key any more": ("ALTER TABLE analytics.copy DROP CONSTRAINT copy_pkey", "no unique index"),
        "a rule": ("CREATE RULE r AS ON INSERT TO analytics.copy DO INSTEAD NOTHING", "has rules"),
    }[case]
    ended = run_and_alter(rows, (statement,))
    if ended.code == 0:
        same(rows)
    ended = rows.run(rows.spec(ALL, key_columns=("id",)))
    assert ended.code == 64
    assert words in ended.message


def test_a_run_that_goes_on_sees_that_its_target_was_emptied_before_its_first_batch(rows):
    rows.on_target("ALTER TABLE analytics.copy ADD CONSTRAINT c CHECK (id <> 250)")
    assert rows.run(rows.spec(ALL)).rows_written == 200
    rows.on_target("ALTER TABLE analytics.copy DROP CONSTRAINT c")
    # Nothing is read before the gate is open.
    spec = rows.spec(f"{ALL} WHERE pg_advisory_lock_shared({GATE}) IS NOT NULL", fingerprint=ALL)
    with running(rows, spec, reads_on=False) as ended:
        until = time.monotonic() + 20
        while not rows.checkpoint(spec):
            assert time.monotonic() < until
            time.sleep(0.01)
        rows.on_target("TRUNCATE analytics.copy")
    assert ended[0].code == 0, ended
    same(rows)


@pytest.mark.parametrize("case", ["a wider type", "a type of as many bytes", "dropped and made again", "rewritten"])
def test_an_incremental_run_goes_on_or_starts_over(rows, case):
    ended = run_slowly_and_alter(rows, CORRECT[case])
    assert ended.code == 0, ended
    same(rows)


def test_an_incremental_run_whose_target_is_emptied_says_that_rows_are_gone(rows):
    ended = run_slowly_and_alter(rows, CORRECT["truncated"])
    words = "The target table was emptied (TRUNCATE) during the run: rows up to the cursor are gone from it"
    assert (ended.code, ended.message) == (64, f"{words}; a restart writes them again")
    rows.load(ALL, restart=True, **INCREMENTAL)
    same(rows)
