"""An index that was filled from elsewhere: where only newer documents get in, what is there can't be written over."""

import pytest
from tests.integration.runner.elasticsearch.library import LONG, Library
from tests.integration.runner.elasticsearch.test_rebuild import generations, shown
from tests.integration.runner.stream.running import Running

from headrace.errors import PermanentError
from headrace.runspec import Mode, RunKind
from headrace_runner.targets.elasticsearch.target import QUERY_CHANGED

MADE = "CREATE TABLE rows (id int PRIMARY KEY, v text, n int NOT NULL)"
FILLED = "INSERT INTO rows SELECT n, '{}', n FROM generate_series(1, {}) AS n"
ROWS = "SELECT id, v, n FROM rows"
LOUD = "SELECT id, upper(v) AS v, n FROM rows"
VERSIONED = {"version_column": "n"}
INCREMENT = {"mode": "incremental", "incremental_key": "n", "lookback_seconds": 0}
AGAIN = "UPDATE rows SET n = n WHERE id = 1"
RESTORED = "UPDATE rows SET v = 'earlier' WHERE id <= 10"


@pytest.fixture
def rows(index_rig):
    index_rig.on_source(MADE, FILLED.format("here", 300))
    return index_rig


@pytest.fixture
def elsewhere(rows, emptied, server):
    """Lets the source lead to another database, whose rows have the same keys and versions."""
    there = emptied(server, "elsewhere")

    def move():
        rows.source = there
        rows.on_source(MADE, FILLED.format("there", 200))

    return move


@pytest.mark.parametrize("fields", [{}, {**INCREMENT, "kind": "Rebuild"}], ids=["full", "a rebuild"])
def test_the_rows_of_another_host_take_the_place_of_those_that_were_there(rows, elsewhere, fields):
    rows.load(ROWS, **VERSIONED, **fields)
    elsewhere()
    rows.load(ROWS, **VERSIONED, **fields)
    rows.assert_same(ROWS)
    assert (shown(rows), generations(rows)) == (["-000002"], ["-000001", "-000002"])
    again = rows.load(ROWS, **VERSIONED, **{**fields, "kind": "Load"})
    assert (again.rows_written, again.notes, shown(rows)) == (0, {}, ["-000002"])


def test_an_increment_from_another_host_is_refused_until_a_restart_goes_on_in_the_same_index(rows, elsewhere):
    rows.load(ROWS, **VERSIONED, **INCREMENT)
    elsewhere()
    rows.on_source("UPDATE rows SET n = 1000 WHERE id = 7")
    ended = rows.run(rows.spec(ROWS, **VERSIONED, **INCREMENT))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert "or a run with restart: true goes on in this one" in ended.message
    assert (generations(rows), rows.documents()["7"]["v"]) == (["-000001"], "here")
    again = rows.load(ROWS, **VERSIONED, **INCREMENT, restart=True)
    assert (again.rows_read, generations(rows)) == (200, ["-000001"])
    kept = rows.documents()
    assert (len(kept), kept["7"]["v"], kept["8"]["v"], kept["300"]["v"]) == (300, "there", "here", "here")
    rows.on_source("UPDATE rows SET n = 1001 WHERE id = 8")
    rows.load(ROWS, **VERSIONED, **INCREMENT)
    assert rows.documents()["8"]["v"] == "there"


@pytest.mark.parametrize(
    ("changes", "query", "meanwhile"),
    [({"source": "second"}, ROWS, RESTORED), ({}, LOUD, AGAIN), ({"restart": True}, ROWS, RESTORED)],
    ids=["another source", "another query", "a restart after the source was restored"],
)
def test_a_full_run_leaves_nothing_of_what_was_read_before(rows, changes, query, meanwhile):
    rows.load(ROWS, **VERSIONED)
    rows.on_source(meanwhile)
    rows.load(query, **VERSIONED, **changes)
    rows.assert_same(query)
    assert shown(rows) == ["-000002"]


def test_with_drawn_versions_the_index_stays(rows, elsewhere):
    rows.load(ROWS)
    elsewhere()
    rows.load(LOUD)
    rows.assert_same(LOUD)
    assert generations(rows) == ["-000001"]


def test_an_increment_of_another_query_goes_into_the_same_index_and_a_full_run_makes_it_anew(rows):
    rows.load(ROWS, **VERSIONED, **INCREMENT)
    rows.on_source("UPDATE rows SET n = 1000 WHERE id = 7")
    rows.load(LOUD, **VERSIONED, **INCREMENT)
    assert generations(rows) == ["-000001"]
    assert rows.documents()["7"]["v"] == "HERE"
    rows.load(ROWS, **VERSIONED)
    rows.assert_same(ROWS)
    assert shown(rows) == ["-000002"]


def test_a_run_that_was_killed_goes_on_in_the_new_index(rows, elsewhere):
    rows.load(ROWS, **VERSIONED)
    elsewhere()
    spec = rows.spec(ROWS, max_rows_per_second=100, **VERSIONED)
    process = rows.spawn(spec)
    rows.wait_until_read(spec, 100, seconds=60)
    process.kill()
    process.wait(timeout=10)
    assert shown(rows) == ["-000001"]
    ended = rows.run(spec)
    assert (ended.code, ended.rows_read, any("Continuing after" in line for line in ended.log)) == (0, 200, True)
    rows.assert_same(ROWS)
    assert shown(rows) == ["-000002"]


def test_a_stream_from_another_host_is_refused_until_a_restart_goes_on_in_the_same_index(rows, elsewhere):
    rows.load(ROWS, **VERSIONED, **INCREMENT)
    elsewhere()
    rows.on_source("UPDATE rows SET n = 1000 WHERE id = 7")
    fields = {"mode": "streaming", "incremental_key": "n", **VERSIONED}
    ended = rows.run(rows.spec(ROWS, **fields))
    assert (ended.code, ended.outcome) == (64, "FAILED")
    stream = Running(rows, ROWS, **fields, restart=True)
    try:
        stream.until(lambda: rows.documents()["7"]["v"] == "there")
        assert (len(rows.documents()), generations(rows)) == (300, ["-000001"])
        assert any("Starting over: the source leads to another host" in line for line in stream.stop().log)
    finally:
        stream.close()


def test_an_index_of_an_older_version_is_gone_on_with_and_then_knows_what_was_read(rows, elsewhere):
    rows.load(ROWS, **VERSIONED)
    index = f"{rows.index}-000001"
    meta = rows.call("GET", f"/{index}/_mapping")[index]["mappings"]["_meta"]
    del meta["headrace"]["origin"]
    rows.call("PUT", f"/{index}/_mapping", {"_meta": meta})
    rows.load(ROWS, **VERSIONED)
    assert generations(rows) == ["-000001"]
    elsewhere()
    rows.load(ROWS, **VERSIONED)
    rows.assert_same(ROWS)


@pytest.fixture
def library(elasticsearch):
    made = Library(elasticsearch)
    yield made
    made.delete_all()


def test_an_index_that_headrace_did_not_make_is_refused_until_a_rebuild_replaces_it(library):
    library.make(mappings=LONG)
    library.run(rule="v")
    library.run(rule="v")
    other = {"source": "second"}
    with pytest.raises(PermanentError, match="was not made by Headrace: start a rebuild, which replaces it"):
        library.run(library.spec(**other), rule="v")
    assert library.run(library.spec(**other, kind="Rebuild"), rule="v").name == f"{library.name}-000001"
    assert not library.run(library.spec(**other), rule="v").is_building


def test_only_a_load_goes_on_in_the_index_of_another_source_because_it_was_asked_to_start_over(library):
    library.run(rule="v")
    other = {"source": "second", "mode": Mode.INCREMENTAL, "restart": True}
    with pytest.raises(PermanentError, match='is now "second"'):
        library.open(library.spec(**other, kind=RunKind.REPLAY), rule="v")
    assert not library.run(library.spec(**other), rule="v").is_building
    assert library.headrace("-000001")["origin"]["source"] == "second"


def test_an_index_that_somebody_else_made_takes_another_query_with_a_note(rows):
    mapping = {"properties": {"id": {"type": "long"}, "v": {"type": "keyword"}, "n": {"type": "long"}}}
    rows.call("PUT", f"/{rows.index}", {"mappings": mapping})
    assert rows.load(ROWS, **VERSIONED).notes == {}
    rows.on_source("UPDATE rows SET n = 1000 WHERE id = 7")
    assert "a rebuild would replace it" in rows.load(LOUD, **VERSIONED).notes[QUERY_CHANGED]
    assert (rows.documents()["7"]["v"], rows.documents()["8"]["v"]) == ("HERE", "here")
    assert rows.load(LOUD, **VERSIONED).notes == {}


BAD = "SELECT id, CASE WHEN id <= 5 THEN 'none' ELSE n::text END AS v, n FROM rows"
REFUSING = {"max_bad_rows": 5, "mapping": {"properties": {"v": {"type": "integer"}}}}


class TestReplay:
    """Rows that were put aside, when the pipeline reads elsewhere."""

    @pytest.fixture
    def refused(self, rows):
        rows.load(BAD, **REFUSING)
        assert len(rows.letters()) == 5
        return rows

    def test_the_rows_of_another_host_are_not_sent_in_their_place(self, refused, elsewhere):
        elsewhere()
        self._assert_refused(refused, "the source leads to another host, port or database")

    def test_nor_those_of_another_source(self, refused):
        self._assert_refused(refused, 'the source was the default one and is now "second"', source="second")

    def test_a_run_of_another_source_drops_them(self, refused):
        spec = refused.spec("SELECT id, n AS v, n FROM rows", source="second", **INCREMENT, **REFUSING)
        assert refused.run(spec).code == 0
        assert refused.letters() == {}

    def test_a_run_of_another_key_drops_them(self, refused):
        query = "SELECT n AS other, n AS v, n FROM rows"
        spec = refused.spec(query, key_columns=("other",), **INCREMENT, **REFUSING)
        assert refused.run(spec).code == 0
        assert refused.letters() == {}

    def test_a_run_of_the_same_rows_that_starts_over_keeps_them(self, refused):
        spec = refused.spec(BAD, restart=True, prune=False, **REFUSING)
        assert refused.run(spec).code == 0
        assert len(refused.letters()) == 5

    def _assert_refused(self, rows, why, **fields):
        before = rows.documents()
        ended = rows.run(rows.spec("SELECT id, n AS v, n FROM rows", kind="Replay", **fields, **REFUSING))
        assert (ended.code, ended.outcome) == (64, "FAILED")
        assert f"not those that would be read: {why}. Run the pipeline first" in ended.message
        assert (len(rows.letters()), rows.documents()) == (5, before)
