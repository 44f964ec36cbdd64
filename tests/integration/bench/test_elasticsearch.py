"""Loads of Elasticsearch are measured on a node of the benchmark's own, and a wrong index is no result."""

import pytest
from tests.conftest import need_elasticsearch

from headrace_bench import documents
from headrace_bench.benchmark import Wish, begin
from headrace_bench.data import WrongTargetError
from headrace_bench.documents import TABLE
from headrace_bench.elasticsearch import NAMES, PEER, rigged
from headrace_bench.place import made
from headrace_bench.rounds import measure

ROWS = 500
INDEX = "bodies"


@pytest.fixture(scope="module")
def place():
    need_elasticsearch()
    with made(4 * ROWS, None) as place:
        yield place


@pytest.fixture(scope="module")
def rig(place):
    with rigged(place, ROWS, lambda _: True, print) as rig:
        yield rig


@pytest.fixture
def posted(place, rig):
    """An index that holds what it should."""
    (case,) = [case for case in rig.cases() if case.name == "elasticsearch-three"]
    case.prepare(place)
    case.run(place)
    return rig.node


def test_every_case_leaves_a_right_index(place, rig, tmp_path):
    report = begin("elasticsearch", Wish(0, ROWS, 1, (), tmp_path), place, rig)
    measure(place, rig.cases(), report, say=lambda _: None, save=lambda: None)
    assert report.failures == {}
    assert [line.name for line in report.lines] == [name for name in NAMES if name != PEER]
    assert [line.name for line in report.lines if line.rows == 4 * ROWS] == ["elasticsearch-large"]


def test_documents_have_the_size_that_the_documentation_tells(rig):
    assert rig.document_bytes == pytest.approx(482, abs=6)


def test_what_was_posted_is_what_the_source_holds(posted, rig):
    documents.verify(posted, INDEX, rig.bodies[TABLE].expected)


def less(node, document):
    node.call("DELETE", f"/{INDEX}/_doc/{document['_id']}")


def other_value(node, document):
    node.call("PUT", f"/{INDEX}/_doc/{document['_id']}", document["_source"] | {"amount": -1})


def other_id(node, document):
    less(node, document)
    node.call("PUT", f"/{INDEX}/_doc/another", document["_source"])


@pytest.mark.parametrize("harm", [less, other_value, other_id])
def test_a_wrong_index_is_no_result(posted, rig, harm):
    (document,) = posted.call("GET", f"/{INDEX}/_search?size=1")["hits"]["hits"]
    harm(posted, document)
    with pytest.raises(WrongTargetError):
        documents.verify(posted, INDEX, rig.bodies[TABLE].expected)
