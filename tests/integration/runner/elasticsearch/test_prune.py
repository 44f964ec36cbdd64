"""Documents that left the query: by versions, along both sides in key order, and marked as deleted."""

import pytest
from tests.integration.runner.memory import peak_of

ROWS = "SELECT id, v, n FROM rows"
BY_VERSION = {"version_column": "n"}
MOST_MEMORY = 90_000_000
"""Bytes, for an index of any size; at 2,000,000 documents too."""


@pytest.fixture
def rows(index_rig):
    index_rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text, n int NOT NULL)",
        "INSERT INTO rows SELECT n, md5(n::text), n FROM generate_series(1, 3000) AS n",
    )
    return index_rig


@pytest.fixture(params=({}, BY_VERSION), ids=["drawn versions", "a version column"])
def how(request):
    return request.param


def test_what_left_the_query_is_deleted(rows, how):
    rows.load(ROWS, **how)
    rows.on_source("DELETE FROM rows WHERE id % 7 = 0 OR id IN (1, 3000) OR id BETWEEN 1000 AND 1500")
    ended = rows.load(ROWS, **how)
    left = rows.on_source("SELECT count(*) FROM rows")[0][0]
    assert ended.rows_read == left
    # With a version column what is unchanged is not written again.
    assert ended.rows_written == 3000 - left + (0 if how else left)
    rows.assert_same(ROWS)


def test_what_somebody_else_put_there_goes_too(rows, how):
    rows.load(ROWS, **how)
    for document_id in ("0", "zzz", "x|y"):
        rows.call("PUT", f"/{rows.index}/_doc/{document_id}", {"id": 5, "v": "theirs"})
    rows.load(ROWS, **how)
    rows.assert_same(ROWS)


@pytest.mark.parametrize(
    "key",
    [
        "('00000000-0000-4000-8000-' || lpad(to_hex(n * 7919 % 3000), 12, '0'))::uuid",
        "chr(65 + n % 50) || 'ß' || n",
        "chr(128512 + n % 40) || chr(65504 + n % 20) || n",
        "-n::bigint * 1000000007",
    ],
)
def test_keys_of_both_sides_are_in_one_order(rows, key):
    rows.on_source("CREATE TABLE keys (id int, live boolean)", "INSERT INTO keys SELECT id, true FROM rows")
    query = f"SELECT {key} AS id, 5 AS version FROM keys AS k (n, live) WHERE live"
    rows.load(query, version_column="version")
    rows.on_source("UPDATE keys SET live = id % 3 <> 0")
    rows.load(query, version_column="version")
    rows.assert_same(query)


def test_keys_of_two_columns(rows):
    query = "SELECT id % 10 AS id, 'a|b\\' || id AS part, n FROM rows"
    how = {"key_columns": ("id", "part"), "version_column": "n"}
    rows.load(query, **how)
    rows.on_source("DELETE FROM rows WHERE id % 4 = 0")
    rows.load(query, **how)
    documents = rows.documents()
    assert len(documents) == 2250
    assert {it["n"] for it in documents.values()} == {n for (n,) in rows.on_source("SELECT n FROM rows")}


def test_a_key_that_the_index_orders_otherwise_is_refused_before_the_first_document(rows):
    query = "SELECT id::numeric AS id, v, n FROM rows"
    ended = rows.run(rows.spec(query, **BY_VERSION))
    assert (ended.code, ended.outcome, ended.rows_read) == (64, "FAILED", 0)
    assert '"id" is a numeric' in ended.message
    assert rows.load(query, prune=False, **BY_VERSION).rows_written == 3000


def test_a_query_that_gives_nothing_empties_no_index_unless_it_may(rows, how):
    rows.load(ROWS, **how)
    nothing = f"{ROWS} WHERE false"
    ended = rows.run(rows.spec(nothing, **how))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "The query gave no row" in ended.message
    rows.assert_same(ROWS)
    rows.load(nothing, allow_empty=True, **how)
    assert rows.documents() == {}


def test_a_document_whose_row_was_refused_stays_as_it_was(rows):
    mapping = {"properties": {"id": {"type": "integer"}, "v": {"type": "keyword"}, "n": {"type": "integer"}}}
    query = "SELECT id, v, CASE WHEN v = 'bad' THEN 'none' ELSE n::text END AS n FROM rows"
    rows.load(query, mapping=mapping)
    rows.on_source("UPDATE rows SET v = 'bad' WHERE id = 1234", "DELETE FROM rows WHERE id = 1235")
    rows.load(query, mapping=mapping, max_bad_rows=1)
    documents = rows.documents()
    assert list(rows.letters()) == ["1234"]
    assert documents["1234"]["n"] == "1234"
    assert "1235" not in documents


@pytest.mark.parametrize(
    ("column", "gone"), [("false", "true"), ("NULL::timestamptz", "now()")], ids=["a boolean", "a time"]
)
@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_row_that_is_marked_as_deleted_has_no_document(rows, column, gone, mode):
    rows.on_source(f"ALTER TABLE rows ADD gone {'boolean' if column == 'false' else 'timestamptz'}")
    rows.on_source(f"UPDATE rows SET gone = {column}")
    query = "SELECT id, v, n, gone FROM rows"
    fields = {"soft_delete_column": "gone", "mode": mode, "incremental_key": "n" if mode == "incremental" else None}
    rows.load(query, **fields)
    assert len(rows.documents()) == 3000
    rows.on_source(f"UPDATE rows SET gone = {gone}, n = 4000 + id WHERE id IN (3, 4)")
    rows.load(query, **fields)
    documents = rows.documents()
    assert len(documents) == 2998
    assert not {"3", "4"} & set(documents)
    assert {"gone"} & set(documents["5"]) == set() or not documents["5"]["gone"]
    rows.on_source(f"UPDATE rows SET gone = {column}, n = 8000 WHERE id = 3")
    rows.load(query, **fields)
    assert "3" in rows.documents()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "how"), [(200_000, {}), (100_000, BY_VERSION)], ids=["drawn versions", "a version column"]
)
def test_memory_does_not_grow_with_the_index(rows, size, how):
    rows.on_source(f"INSERT INTO rows SELECT n, md5(n::text), n FROM generate_series(3001, {size}) AS n")
    rows.load(ROWS, batch_size=5000, **how)
    rows.on_source("DELETE FROM rows WHERE id % 2 = 0")
    spec = rows.spec(ROWS, batch_size=5000, **how)
    process = rows.spawn(spec)
    peak = peak_of(process)
    ended = rows.wait(process, spec, seconds=200)
    assert (ended.code, ended.rows_read) == (0, size / 2)
    assert rows.call("GET", f"/{rows.index}/_count")["count"] == size / 2
    assert peak <= MOST_MEMORY, f"{peak:,}"
