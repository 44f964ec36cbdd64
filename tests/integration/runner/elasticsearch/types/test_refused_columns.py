"""Queries whose columns no index takes: the run ends before the first document, and no index is made."""

import urllib.error

import pytest

from headrace_runner.run import Exit

NUMBERS = ", ".join(f"n AS c{number}" for number in range(1000))
MANY = f"SELECT n AS id, {NUMBERS} FROM (SELECT 1 AS n) AS s"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT 1 AS id, 'x' AS _id", 'No document can have a field "_id"'),
        ("SELECT 1 AS id, 'x' AS _source", 'No document can have a field "_source"'),
        ("SELECT 1 AS id, 'x' AS _index", 'No document can have a field "_index"'),
        ("SELECT 1 AS id, 'x' AS \"a..b\"", 'No document can have a field "a..b"'),
        ("SELECT 1 AS id, 'x' AS \"id.b\"", 'the query also gives "id"'),
        (MANY, "The index would have 1001 fields, and may have 1000"),
    ],
)
def test_what_no_document_can_have_is_named(index_rig, query, words):
    ended = index_rig.run(index_rig.spec(query))
    assert (ended.code, ended.outcome, ended.rows_read) == (Exit.FAILED, "FAILED", 0)
    assert words in ended.message
    with pytest.raises(urllib.error.HTTPError, match="404"):
        index_rig.call("GET", f"/{index_rig.index}-000001")


def test_a_thousand_columns_are_taken(index_rig):
    query = MANY.replace(", n AS c999", "")
    assert index_rig.load(query).rows_written == 1
    index_rig.assert_same(query)


@pytest.mark.parametrize("name", ["_id", "_routing", "_version", "_doc_count", "_tier", "a..b", " ", "x" * 63, "_x"])
def test_what_is_refused_is_what_elasticsearch_refuses(index_rig, name):
    """Or would, had it all its modules: the local one has no data tiers."""
    ended = index_rig.run(index_rig.spec(f'SELECT 1 AS id, true AS "{name}"'))
    try:
        index_rig.call("PUT", f"/{index_rig.index}-probe", {"mappings": {"properties": {name: {"type": "boolean"}}}})
        is_taken = name != "_tier"
    except urllib.error.HTTPError:
        is_taken = False
    assert ended.code == (Exit.DONE if is_taken else Exit.FAILED), ended.message
