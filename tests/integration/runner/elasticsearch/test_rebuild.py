"""Whole runs that need a new index: a changed mapping, a changed key, or because somebody asked for it."""

import pytest
from tests.integration.runner.elasticsearch.faultproxy import FaultProxy

ROWS = "SELECT id, v, n FROM rows"
OTHER_TYPE = "SELECT id, n AS v, n FROM rows"


@pytest.fixture
def rows(index_rig):
    index_rig.on_source(
        "CREATE TABLE rows (id int PRIMARY KEY, v text, n int NOT NULL)",
        "INSERT INTO rows SELECT n, md5(n::text), n FROM generate_series(1, 1000) AS n",
    )
    return index_rig


def generations(rig):
    found = rig.call("GET", f"/_cat/indices/{rig.index}-0*?format=json&h=index&expand_wildcards=all")
    return sorted(it["index"].removeprefix(rig.index) for it in found)


def shown(rig):
    return [name.removeprefix(rig.index) for name in rig.call("GET", f"/_alias/{rig.index}")]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        pytest.param(OTHER_TYPE, {}, id="a column of another type"),
        pytest.param(ROWS, {"key_columns": ("n",)}, id="another key"),
        pytest.param(ROWS, {"version_column": "n"}, id="a version column"),
        pytest.param(ROWS, {"mapping": {"properties": {"v": {"type": "keyword"}}}}, id="a mapping of one's own"),
        pytest.param(ROWS, {"kind": "Rebuild"}, id="asked for"),
    ],
)
def test_a_new_index_takes_the_place_of_the_old_one(rows, query, fields):
    rows.load(ROWS)
    ended = rows.load(query, **fields)
    assert (ended.rows_read, ended.rows_written) == (1000, 1000)
    assert shown(rows) == ["-000002"]
    assert generations(rows) == ["-000001", "-000002"]
    assert len(rows.documents()) == 1000
    if "key_columns" not in fields:
        rows.assert_same(query)


def test_a_rebuild_of_an_incremental_pipeline_reads_all_and_drops_what_is_gone(rows):
    later = {"mode": "incremental", "incremental_key": "n"}
    rows.load(ROWS, **later)
    rows.on_source("DELETE FROM rows WHERE id <= 10")
    # The last row may be read again: others may have been written beside it.
    assert rows.load(ROWS, **later).rows_read <= 1
    assert len(rows.documents()) == 1000
    assert rows.load(ROWS, kind="Rebuild", **later).rows_read == 990
    rows.assert_same(ROWS)
    rows.on_source("INSERT INTO rows VALUES (2000, 'new', 2000)")
    assert rows.load(ROWS, **later).rows_read <= 2
    rows.assert_same(ROWS)


@pytest.mark.parametrize("query", [ROWS, OTHER_TYPE], ids=["asked for", "another type"])
def test_a_rebuild_that_was_killed_goes_on_in_the_index_it_had_begun(rows, query):
    rows.load(ROWS)
    spec = rows.spec(query, kind="Rebuild" if query is ROWS else "Load", max_rows_per_second=800)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 300, seconds=60)
    process.kill()
    process.wait(timeout=10)
    assert shown(rows) == ["-000001"]
    rows.assert_same(ROWS)
    ended = rows.run(spec)
    assert (ended.code, ended.rows_read, ended.rows_written) == (0, 1000, 1000)
    assert any("Continuing after" in line for line in ended.log)
    assert generations(rows) == ["-000001", "-000002"]
    assert shown(rows) == ["-000002"]
    rows.assert_same(query)


@pytest.mark.parametrize("moment", ["PUT /{index}-000002/_settings", "POST /{index}-000002.write/_bulk"])
def test_a_half_built_index_that_a_dead_runner_had_asked_to_delete_is_made_again(rows, moment):
    """Elasticsearch carries out what it was asked for when whoever asked is gone: after the next one has looked."""
    rows.load(ROWS)
    spec = rows.spec(ROWS, kind="Rebuild", max_rows_per_second=800)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 300, seconds=60)
    process.kill()
    process.wait(timeout=10)
    asked = []

    def delete_late(what):
        if not asked and what.startswith("before " + moment.format(index=rows.index)):
            asked.append(rows.call("DELETE", f"/{rows.index}-000002"))

    proxy = FaultProxy(rows.url)
    proxy.listener = delete_late
    try:
        ended = rows.wait(rows.spawn(spec, HEADRACE_ELASTICSEARCH_URL=proxy.url), spec, seconds=60)
    finally:
        proxy.close()
    assert (asked, ended.code, ended.outcome) == ([{"acknowledged": True}], 0, "DONE"), ended
    rows.assert_same(ROWS)
    assert len(rows.documents()) == 1000


def test_a_rebuild_that_failed_leaves_readers_what_they_had_and_the_next_run_writes_that(rows):
    rows.load(ROWS)
    bad = "SELECT id, v, CASE WHEN id < 900 THEN n::text ELSE 'none' END AS n FROM rows"
    mapping = {"properties": {"id": {"type": "integer"}, "v": {"type": "keyword"}, "n": {"type": "integer"}}}
    ended = rows.run(rows.spec(bad, kind="Rebuild", mapping=mapping))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert shown(rows) == ["-000001"]
    rows.assert_same(ROWS)
    rows.on_source("DELETE FROM rows WHERE id = 7")
    rows.load(ROWS)
    assert generations(rows) == ["-000001"]
    rows.assert_same(ROWS)


def test_documents_that_were_deleted_softly_are_counted_out(rows):
    query = "SELECT id, v, n, id % 10 = 0 AS gone FROM rows"
    rows.load(query, soft_delete_column="gone")
    assert len(rows.documents()) == 900
    rows.load(query, soft_delete_column="gone", kind="Rebuild")
    assert shown(rows) == ["-000002"]
    assert len(rows.documents()) == 900
