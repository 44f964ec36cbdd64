"""A pipeline that reads the table that it writes: prune would delete what it is about to read."""

import pytest

ROWS = (
    "CREATE TABLE rows (id int PRIMARY KEY, v text, n int)",
    "INSERT INTO rows SELECT n, 'v', n FROM generate_series(1, 300) AS n",
)
REFUSED = (
    "The query reads the table that the run writes, and rows that it leaves out would be deleted from it: "
    "choose another target_table, or set prune to false"
)
QUERIES = {
    "a filter": "SELECT id, v, n FROM rows WHERE id > 100",
    "a join": "SELECT r.* FROM rows AS r JOIN generate_series(1, 5) AS g ON g = r.id",
    "a view": "SELECT * FROM few",
}


@pytest.fixture
def own(rig):
    """Source and target are one database."""
    rig.on_target(*ROWS, "CREATE VIEW few AS SELECT * FROM rows WHERE id < 10")
    return type(rig)(rig.target, rig.target, rig.store)


@pytest.mark.parametrize("case", QUERIES)
def test_one_that_prunes_is_refused(own, case):
    ended = own.run(own.spec(QUERIES[case], "public.rows"))
    assert (ended.code, ended.message) == (64, REFUSED)
    assert own.on_target("SELECT count(*) FROM rows") == [(300,)]


def test_one_without_a_key_is_refused(own):
    own.on_target("ALTER TABLE rows DROP CONSTRAINT rows_pkey")
    ended = own.run(own.spec(QUERIES["a filter"], "public.rows"))
    assert (ended.code, ended.message) == (64, REFUSED)


def test_one_that_deletes_nothing_changes_rows_in_place(own):
    query = "SELECT id, upper(v) AS v, n FROM rows WHERE id > 100"
    assert own.load(query, "public.rows", prune=False).rows_written == 200
    assert own.on_target("SELECT v, count(*) FROM rows GROUP BY v ORDER BY v") == [("V", 200), ("v", 100)]


def test_another_table_of_the_same_database_is_none_of_its_business(own):
    own.load(QUERIES["a filter"], "public.copy", key_columns=("id",))
    assert own.on_target("SELECT count(*) FROM copy") == [(200,)]


def test_a_table_of_the_same_name_in_another_database_is_another(rig):
    rig.on_source(*ROWS)
    rig.on_target(*ROWS)
    assert rig.load(QUERIES["a filter"], "public.rows").rows_written == 100
    rig.assert_same(QUERIES["a filter"], "public.rows")


PARTS = {
    "partitions": (
        "CREATE TABLE rows (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE part PARTITION OF rows FOR VALUES FROM (MINVALUE) TO (MAXVALUE) PARTITION BY RANGE (id)",
        "CREATE TABLE leaf PARTITION OF part FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
    ),
    "inheritance": (
        "CREATE TABLE rows (id int PRIMARY KEY, v text)",
        "CREATE TABLE part (PRIMARY KEY (id)) INHERITS (rows)",
        "CREATE TABLE leaf (PRIMARY KEY (id)) INHERITS (part)",
    ),
}


@pytest.mark.parametrize("query", ["SELECT * FROM rows", "SELECT id, upper(v) AS v FROM ONLY rows"])
@pytest.mark.parametrize("case", PARTS)
def test_a_part_of_the_table_is_the_table(rig, case, query):
    rig.on_target(*PARTS[case], "INSERT INTO leaf SELECT n, 'v' FROM generate_series(1, 300) AS n")
    own = type(rig)(rig.target, rig.target, rig.store)
    ended = own.run(own.spec(query, "public.leaf", key_columns=("id",)))
    assert (ended.code, ended.message) == (64, REFUSED)


def test_the_table_is_more_than_its_part(rig):
    rig.on_target(*PARTS["partitions"], "INSERT INTO rows SELECT n, 'v' FROM generate_series(1, 300) AS n")
    own = type(rig)(rig.target, rig.target, rig.store)
    ended = own.run(own.spec('SELECT * FROM "public"."leaf" WHERE id > 9', "public.rows", key_columns=("id",)))
    assert (ended.code, ended.message) == (64, REFUSED)
    assert own.on_target("SELECT count(*) FROM rows") == [(300,)]


def test_another_part_of_the_same_table_is_another(rig):
    rig.on_target(
        "CREATE TABLE rows (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k)",
        "CREATE TABLE one PARTITION OF rows FOR VALUES IN (1)",
        "CREATE TABLE two PARTITION OF rows FOR VALUES IN (2)",
        "INSERT INTO rows SELECT n, 1 FROM generate_series(1, 300) AS n",
    )
    own = type(rig)(rig.target, rig.target, rig.store)
    own.load("SELECT id, 2 AS k FROM one", "public.two")
    assert own.on_target("SELECT count(*) FROM two") == [(300,)]


SAME = "source and target are the same table"
THE_SAME = {
    "a source_table": {"source_table": "public.rows"},
    "a source_table that deletes nothing": {"source_table": "public.rows", "prune": False},
    "an incremental one": {"mode": "incremental", "incremental_key": "id"},
    "a query of its columns that deletes nothing": {"prune": False},
}


@pytest.mark.parametrize("case", THE_SAME)
def test_a_table_is_never_copied_into_itself(own, case):
    ended = own.run(own.spec('SELECT * FROM "public"."rows"', "public.rows", **THE_SAME[case]))
    assert (ended.code, ended.message, ended.rows_read) == (64, SAME, 0)
    assert own.on_target("SELECT count(*) FROM rows") == [(300,)]
