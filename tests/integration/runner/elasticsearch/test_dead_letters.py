"""Rows that the index refuses: put aside while they may be, and brought in once they or the mapping are repaired."""

import pytest

QUERY = "SELECT id, v, n FROM rows"
MAPPING = {"properties": {"id": {"type": "integer"}, "v": {"type": "keyword"}, "n": {"type": "integer"}}}
BAD = ["17", "5000", "9999"]


@pytest.fixture
def rows(index_rig):
    index_rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text, n text)",
        "INSERT INTO rows SELECT n, md5(n::text), n::text FROM generate_series(1, 10000) AS n",
        f"UPDATE rows SET n = 'no number' WHERE id IN ({', '.join(BAD)})",
    )
    return index_rig


def load(rig, **fields):
    return rig.run(rig.spec(QUERY, mapping=MAPPING, **fields))


def test_three_bad_rows_among_ten_thousand(rows):
    ended = load(rows, max_bad_rows=3, batch_size=10_000)
    assert (ended.code, ended.rows_read, ended.rows_written) == (0, 10_000, 9_997)
    assert len(rows.documents()) == 9_997
    letters = rows.letters()
    assert sorted(letters) == sorted(BAD)
    assert all("[n] of type [integer]" in reason and "no number" in reason for reason in letters.values()), letters


def test_one_more_than_may_be_fails_the_run_and_the_first_three_are_named(rows):
    rows.on_source("UPDATE rows SET n = 'none' WHERE id = 10000")
    ended = load(rows, max_bad_rows=2)
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "maxBadRows is 2" in ended.message
    assert all(f"({key})" in ended.message for key in BAD), ended.message
    assert "(10000)" not in ended.message


def test_a_replay_after_a_repair_brings_them_in(rows):
    load(rows, max_bad_rows=3)
    rows.on_source("UPDATE rows SET n = '1' WHERE id = 17", "DELETE FROM rows WHERE id = 5000")
    ended = load(rows, kind="Replay", max_bad_rows=3)
    assert (ended.code, ended.outcome) == (0, "DONE")
    assert list(rows.letters()) == ["9999"]
    assert ended.rows_read == 2
    rows.on_source("UPDATE rows SET n = '2' WHERE id = 9999")
    load(rows, kind="Replay", max_bad_rows=3)
    assert rows.letters() == {}
    rows.assert_same(QUERY)


def test_a_replay_where_only_a_new_index_would_take_them_is_refused_and_a_run_builds_it(rows):
    load(rows, max_bad_rows=3)
    spec = rows.spec(QUERY, kind="Replay", mapping={"properties": {**MAPPING["properties"], "n": {"type": "keyword"}}})
    ended = rows.run(spec)
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "run the pipeline, which reads all rows" in ended.message
    assert len(rows.letters()) == 3
    rows.load(QUERY, mapping=spec.mapping)
    assert rows.letters() == {}
    rows.assert_same(QUERY)
