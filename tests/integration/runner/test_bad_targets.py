"""What a target's own rules refuse, and what of a query or a target is odd but works."""

import pytest

ROWS = "SELECT id, v FROM rows"
SOURCE = (
    "CREATE TABLE rows (id int PRIMARY KEY, v text, n int)",
    "INSERT INTO rows SELECT n, 'v', n FROM generate_series(1, 300) AS n",
)
COPY = ("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (id int PRIMARY KEY, v text)")
RAISES = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
    AS $$BEGIN RAISE EXCEPTION 'no % today', NEW.id; END$$
"""

REFUSED = {
    "another unique index": (
        ("CREATE UNIQUE INDEX ON analytics.copy (v)",),
        ROWS,
        'rows with keys from (1) to (100): duplicate key value violates unique constraint "copy_v_idx"',
    ),
    "a foreign key": (
        (
            "CREATE TABLE analytics.words (v text PRIMARY KEY)",
            "ALTER TABLE analytics.copy ADD FOREIGN KEY (v) REFERENCES analytics.words",
        ),
        ROWS,
        'Key (v)=(v) is not present in table "words"',
    ),
    "a deferred foreign key": (
        (
            "CREATE TABLE analytics.words (v text PRIMARY KEY)",
            "ALTER TABLE analytics.copy ADD FOREIGN KEY (v) REFERENCES analytics.words INITIALLY DEFERRED",
        ),
        ROWS,
        'rows with keys from (1) to (100): insert or update on table "copy" violates foreign key constraint',
    ),
    "a row to delete that another table needs": (
        (
            "INSERT INTO analytics.copy VALUES (150, 'v'), (900, 'v')",
            "CREATE TABLE analytics.parts (id int REFERENCES analytics.copy)",
            "INSERT INTO analytics.parts VALUES (900)",
        ),
        ROWS,
        'Key (id)=(900) is still referenced from table "parts"',
    ),
    "a column that must not be null and that the query lacks": (
        ("ALTER TABLE analytics.copy ADD w int NOT NULL",),
        ROWS,
        'null value in column "w" of relation "copy" violates not-null constraint',
    ),
    "a null where none may be": (
        ("ALTER TABLE analytics.copy ALTER v SET NOT NULL",),
        "SELECT id, nullif(id, 150)::text AS v FROM rows",
        'rows with keys from (101) to (200): null value in column "v"',
    ),
    "a trigger that raises": (
        (RAISES, "CREATE TRIGGER t BEFORE INSERT ON analytics.copy FOR EACH ROW EXECUTE FUNCTION refuse()"),
        ROWS,
        "rows with keys from (1) to (100): no 1 today",
    ),
    "a domain's check": (
        ("CREATE DOMAIN short AS text CHECK (VALUE <> '150')", "ALTER TABLE analytics.copy ALTER v TYPE short"),
        "SELECT id, id::text AS v FROM rows",
        'value for domain short violates check constraint "short_check"',
    ),
    "too many digits": (
        ("ALTER TABLE analytics.copy ADD n numeric(5,2)",),
        "SELECT id, v, n * 10000.0 AS n FROM rows",
        "numeric field overflow (column n)",
    ),
    "a number that is too large": (
        COPY[2:],
        "SELECT id * 100000000::bigint AS id, v FROM rows",
        "integer out of range",
    ),
    "no number": (
        ("ALTER TABLE analytics.copy ADD n int",),
        "SELECT id, v, 'NaN'::numeric AS n FROM rows",
        "cannot convert NaN to integer",
    ),
    "a text that is no number": (
        ("ALTER TABLE analytics.copy ADD n int",),
        "SELECT id, v, v AS n FROM rows",
        'invalid input syntax for type integer: "v"',
    ),
}


@pytest.mark.parametrize("batch_size", [100, 10_000_000], ids=["batches", "one batch"])
@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_the_target_refuses(rig, case, batch_size):
    statements, query, words = REFUSED[case]
    rig.on_source(*SOURCE)
    rig.on_target(*COPY, *statements, "SELECT 1")
    before = rig.on_target("SELECT count(*) FROM analytics.copy")[0][0]
    ended = rig.run(rig.spec(query, batch_size=batch_size))
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    if batch_size == 100:
        assert words in ended.message
    # What was committed is there, what was refused is not.
    assert ended.rows_read % 100 == 0
    assert rig.on_target("SELECT count(*) FROM analytics.copy")[0][0] >= max(before, ended.rows_read)


ALLOWED = {
    "a batch of ten million": (COPY, ROWS, {"batch_size": 10_000_000}),
    "batches of one row": (COPY, ROWS, {"batch_size": 1}),
    "negative keys": (COPY, "SELECT -id AS id, v FROM rows", {}),
    "a column that fills itself": (
        (*COPY, "ALTER TABLE analytics.copy ADD w int NOT NULL DEFAULT 3"),
        ROWS,
        {},
    ),
    "a generated column that the query leaves out": (
        (*COPY, "ALTER TABLE analytics.copy ADD w int GENERATED ALWAYS AS (id + 1) STORED"),
        ROWS,
        {},
    ),
    "an unlogged table": ((*COPY, "ALTER TABLE analytics.copy SET UNLOGGED"), ROWS, {}),
    "a table that another one inherits": (
        (
            *COPY,
            "CREATE TABLE analytics.child () INHERITS (analytics.copy)",
            "INSERT INTO analytics.child VALUES (5000, 'gone')",
        ),
        ROWS,
        {},
    ),
    "a unique value that moves to another row": (
        (
            *COPY,
            "INSERT INTO analytics.copy VALUES (0, '7')",
            "CREATE UNIQUE INDEX ON analytics.copy (v)",
        ),
        "SELECT id, id::text AS v FROM rows",
        {"batch_size": 1000},
    ),
    "a semicolon": (COPY, f"{ROWS} ; ", {}),
    "a comment at the end": (COPY, f"{ROWS} -- all of them", {}),
    "an order and a limit of its own": (COPY, f"{ROWS} ORDER BY v, id DESC LIMIT 10", {}),
    "upper case": (COPY, "SELECT ID, V FROM ROWS", {}),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_is_odd_and_works(rig, case):
    statements, query, fields = ALLOWED[case]
    rig.on_source(*SOURCE)
    rig.on_target(*statements)
    rig.load(query, **fields)
    rig.assert_same(query.rstrip("; "), "(SELECT id, v FROM analytics.copy) AS c")
    assert rig.load(query, **fields).rows_written == 0


CURSORS = {
    "json": ("'{}'::json", "could not identify an ordering operator for type json"),
    "point": ("point(1, id)", "could not identify an ordering operator for type point"),
    "xid": ("xmin", "could not identify an ordering operator for type xid"),
}


@pytest.mark.parametrize("case", CURSORS)
def test_a_cursor_without_an_order(rig, case):
    value, words = CURSORS[case]
    rig.on_source(*SOURCE)
    rig.on_target(*COPY)
    query = f"SELECT id, v, {value} AS at FROM rows"
    ended = rig.run(rig.spec(query, mode="incremental", incremental_key="at"))
    assert (ended.code, ended.rows_written) == (64, 0), ended
    assert words in ended.message


NAMES = {
    "an index": ("analytics.copy_pkey", 'relation "copy_pkey" already exists'),
    "a sequence": ("analytics.numbers", 'The target "analytics.numbers" is a sequence'),
    "a type": ("analytics.kind", 'type "kind" already exists'),
    "the checkpoint table": ("headrace.pipeline_checkpoints", 'The query gives no column "installation"'),
    "a system schema": ("pg_catalog.mine", "may not create it"),
    "a reserved schema": ("pg_mine.copy", 'unacceptable schema name "pg_mine"'),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_that_is_taken_or_reserved(rig, case):
    table, words = NAMES[case]
    rig.on_source(*SOURCE)
    rig.on_target(*COPY, "CREATE SEQUENCE analytics.numbers", "CREATE TYPE analytics.kind AS ENUM ('a')")
    ended = rig.run(rig.spec(ROWS, table))
    assert (ended.code, ended.rows_written) == (64, 0), ended
    assert words in ended.message
