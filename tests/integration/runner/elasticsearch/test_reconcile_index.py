"""A reconcile of an index: key by key where both sides order them alike, else by their numbers."""

import pytest

ROWS = "SELECT id, v, n FROM rows"


@pytest.fixture
def rows(index_rig):
    index_rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text, n int NOT NULL)",
        "INSERT INTO rows SELECT n, md5(n::text), n FROM generate_series(1, 3000) AS n",
    )
    return index_rig


def reconcile(rig, query=ROWS, **fields):
    ended = rig.run(rig.spec(query, kind="Reconcile", **fields))
    assert (ended.code, ended.outcome) == (0, "DONE"), ended
    return ended.result


def test_equal_sides(rows):
    rows.load(ROWS)
    assert reconcile(rows) == {
        "source_count": 3000,
        "target_count": 3000,
        "difference": 0,
        "status": "OK",
        "missing": 0,
        "extra": 0,
        "missing_keys": [],
        "extra_keys": [],
    }


def test_as_many_rows_may_be_other_ones(rows):
    rows.load(ROWS)
    rows.on_source("UPDATE rows SET id = id + 5000 WHERE id % 100 = 0")
    result = reconcile(rows)
    assert (result["difference"], result["status"]) == (0, "WARNING")
    assert (result["missing"], result["extra"]) == (30, 30)
    assert result["missing_keys"] == [str(5000 + n) for n in range(100, 1100, 100)]
    assert result["extra_keys"] == [str(n) for n in range(100, 1100, 100)]


def test_what_is_in_the_index_under_another_id_is_no_row_of_ours(rows):
    rows.load(ROWS)
    rows.call("PUT", f"/{rows.index}/_doc/theirs", {"id": 7})
    rows.call("PUT", f"/{rows.index}/_doc/8?refresh=true", {"v": "a document without its key"})
    result = reconcile(rows)
    assert (result["missing"], result["extra"], result["difference"]) == (1, 2, -1)
    assert result["missing_keys"] == ["8"]
    assert sorted(result["extra_keys"]) == ["8", "theirs"]


def test_rows_that_are_marked_as_deleted_are_not_missed(rows):
    query = "SELECT id, v, n, id % 10 = 0 AS gone FROM rows  -- all of them"
    rows.load(query, soft_delete_column="gone")
    result = reconcile(rows, query, soft_delete_column="gone")
    assert (result["source_count"], result["target_count"], result["status"]) == (2700, 2700, "OK")


def test_of_keys_in_another_order_only_the_numbers_are_compared(rows):
    query = "SELECT id::numeric AS id, v, n FROM rows"
    rows.load(query)
    rows.on_source("DELETE FROM rows WHERE id = 1")
    result = reconcile(rows, query)
    assert (result["difference"], result["status"]) == (-1, "WARNING")
    assert "missing" not in result
    assert result["note"] == (
        'Only the counts were compared: column "id" is a numeric, which Elasticsearch orders otherwise'
    )


def test_without_an_index(rows):
    result = reconcile(rows)
    assert (result["source_count"], result["target_count"], result["status"]) == (3000, 0, "WARNING")
    assert rows.call("GET", f"/_cat/indices/{rows.index}*?format=json") == []


def test_a_load_beside_it_goes_on(rows):
    rows.load(ROWS)
    spec = rows.spec(ROWS, max_rows_per_second=1500)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 300)
    assert reconcile(rows)["status"] == "OK"
    ended = rows.wait(process, spec)
    assert (ended.code, ended.rows_read) == (0, 3000)
