"""The senders before a real Elasticsearch, whatever happens on the way: what is acknowledged is in the index."""

import json
import threading
import time
from array import array

import pytest
from tests.integration.runner.elasticsearch.faultproxy import HTML, LOST, NO_FAULT, Fault, FaultProxy

from headrace.errors import FencedError, PermanentError, TransientError
from headrace.search.endpoint import Endpoint
from headrace.search.settings import ElasticsearchSettings
from headrace_runner.protocols import Batch
from headrace_runner.rows import Rows
from headrace_runner.targets.elasticsearch.bodies import rows_of
from headrace_runner.targets.elasticsearch.senders import Senders
from headrace_runner.targets.elasticsearch.transport import Connection

MAPPING = {
    "dynamic": "strict",
    "properties": {"n": {"type": "long"}, "s": {"type": "keyword", "index": False, "doc_values": False}},
}
REJECTED = b'{"error":{"type":"es_rejected_execution_exception","reason":"rejected"},"status":429}'
UNAVAILABLE = b'{"error":{"type":"cluster_block_exception","reason":"state not recovered"},"status":503}'


def line(number, version, document=None, action="index"):
    """What the source sends for one row."""
    described = {"_id": str(number), "version": version, "version_type": "external"}
    text = {"n": number} if document is None else document
    return json.dumps({action: described}).encode(), b"" if action == "delete" else json.dumps(text).encode()


def batch(*lines):
    return Batch(rows=rows_of(lines), first=None, last=None, previous=None, final=False)


def batches(documents, size=500, version=1):
    numbers = range(documents)
    return [
        batch(*(line(number, version) for number in numbers[start : start + size]))
        for start in range(0, documents, size)
    ]


class Index:
    """An index of one test, and senders to it."""

    def __init__(self, elasticsearch):
        self.server = elasticsearch
        self.name = elasticsearch.fresh_index()
        self.proxy = FaultProxy(elasticsearch.url)
        self.checks = 0
        self._opened = []
        self.call("PUT", "", {"settings": {"number_of_replicas": 0}, "mappings": MAPPING})

    def call(self, method, path, body=None):
        status, content = self.server.request(method, f"/{self.name}{path}", body)
        assert status < 400, content
        return content

    def senders(self, url=None, **options):
        endpoint = Endpoint.from_settings(ElasticsearchSettings(url=url or self.proxy.url))
        options = {"index": self.name, "check": self.check, "patience_seconds": 20, **options}
        self._opened.append(Senders(lambda: Connection(endpoint, answer_seconds=10), **options))
        return self._opened[-1]

    def check(self):
        self.checks += 1

    def numbers(self):
        """The documents that are in, by id."""
        self.call("POST", "/_refresh")
        content = self.call("POST", "/_search", {"size": 10_000, "query": {"match_all": {}}, "version": True})
        return {int(hit["_id"]): (hit["_version"], hit["_source"]["n"]) for hit in content["hits"]["hits"]}

    def close(self):
        for senders in self._opened:
            senders.close()
        self.proxy.close()
        self.server.request("DELETE", f"/{self.name}")


@pytest.fixture
def index(elasticsearch):
    made = Index(elasticsearch)
    yield made
    made.close()


def sent(senders, all_batches):
    """All that is acknowledged when all is flushed."""
    done = []
    for one in all_batches:
        senders.put(one)
        done += senders.done()
    senders.flush()
    return done + senders.done()


def whole(documents, version=1):
    return {number: (version, number) for number in range(documents)}


def written(done):
    return sum(one.written for one in done)


def test_documents_are_in_when_they_are_acknowledged(index):
    done = sent(index.senders(), batches(7000, size=700))
    assert [len(one.batch.rows) for one in done] == [700] * 10
    assert written(done) == 7000
    assert index.numbers() == whole(7000)


def test_bodies_hold_5000_documents_at_most_and_gather_small_batches(index):
    index.proxy.fault = lambda seen: Fault(delay=0.3)
    assert written(sent(index.senders(), [*batches(12_000, size=12_000), *batches(900, size=10, version=2)])) == 12_900
    assert max(seen.documents for seen in index.proxy.seen) == 5000
    assert len(index.proxy.seen) < 10
    assert max(seen.under_way for seen in index.proxy.seen) == 2


def test_bodies_hold_5_mb_at_most_but_for_a_document_that_is_greater(index):
    texts = [{"n": n, "s": "x" * size} for n, size in enumerate([100, 6_000_000, 100, 3_000_000, 3_000_000])]
    assert written(sent(index.senders(), [batch(*(line(text["n"], 1, text) for text in texts))])) == 5
    assert sorted(len(seen.body) // 1_000_000 for seen in index.proxy.seen) == [0, 3, 3, 6]


def test_the_fence_is_asked_before_each_body(index):
    def fence():
        if len(index.proxy.seen) >= 3:
            raise FencedError("somebody else's")

    senders = index.senders(check=fence, count=1)
    with pytest.raises(FencedError):
        sent(senders, batches(20_000, size=1000))
    assert len(index.proxy.seen) == 3


def test_memory_is_bounded_while_nothing_is_answered(index):
    passing = threading.Event()

    def wait(seen):
        passing.wait(20)
        return NO_FAULT

    index.proxy.fault = wait
    senders, put = index.senders(), []

    def put_all():
        for one in batches(40_000, size=1000):
            senders.put(one)
            put.append(one)

    thread = threading.Thread(target=put_all)
    thread.start()
    before = -1
    while before != len(put):
        before = len(put)
        time.sleep(0.5)
    # One body with each sender, which may be small, and one more for each.
    assert len(put) <= 21
    passing.set()
    thread.join(timeout=60)
    senders.flush()
    assert written(senders.done()) == 40_000


FAULTS = {
    "every fifth answer is lost": lambda seen: LOST if seen.number % 5 == 3 else NO_FAULT,
    "every third answer is cut": lambda seen: Fault(part=0.5) if seen.number % 3 == 1 else NO_FAULT,
    "a proxy's page, 502": lambda seen: Fault(answer=(502, HTML)) if seen.number % 3 == 1 else NO_FAULT,
    "a proxy's page, 200": lambda seen: Fault(answer=(200, HTML)) if seen.number % 3 == 1 else NO_FAULT,
    "an empty answer, 200": lambda seen: Fault(answer=(200, b"")) if seen.number % 3 == 1 else NO_FAULT,
    "another answer's JSON": lambda seen: Fault(answer=(200, b'{"took":3}')) if seen.number % 3 == 1 else NO_FAULT,
    "429 for a whole body": lambda seen: Fault(answer=(429, REJECTED)) if seen.number % 4 == 1 else NO_FAULT,
    "503 for a whole body": lambda seen: Fault(answer=(503, UNAVAILABLE)) if seen.number % 4 == 1 else NO_FAULT,
    "connections end after each answer": lambda seen: Fault(closes=True),
    "answers take their time": lambda seen: Fault(delay=0.05 * (seen.number % 5)),
    "items are missing": lambda seen: Fault(
        answer=(200, b'{"errors":true,"items":[{"index":{"status":201}}]}') if seen.number % 3 == 1 else None
    ),
}


@pytest.mark.parametrize("wants_status", [False, True], ids=["drawn", "column"])
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_or_doubled_whatever_happens_on_the_way(index, fault, wants_status):
    index.proxy.fault = FAULTS[fault]
    done = sent(index.senders(wants_status=wants_status), batches(6000, size=200))
    assert sum(len(one.batch.rows) for one in done) == 6000
    assert sum(one.written + one.unchanged for one in done) == 6000
    assert not any(one.bad for one in done)
    assert index.numbers() == whole(6000)


@pytest.mark.parametrize("status", [429, 503])
def test_only_items_that_were_refused_are_sent_again(index, status):
    """The server's own answer, in which some items were rejected instead of carried out."""
    rejected = set()

    def fault(seen):
        if "status" not in seen.path or seen.number > 1:
            return NO_FAULT
        lines = seen.body.split(b"\n")[:-1]
        pairs = list(zip(lines[::2], lines[1::2], strict=True))
        rejected.update(json.loads(action)["index"]["_id"] for action, _ in pairs[::7])
        taken = [b"%b\n%b\n" % pair for number, pair in enumerate(pairs) if number % 7]
        index.server.request("POST", f"/{index.name}/_bulk", b"".join(taken))
        refusal = {"status": status, "error": {"type": "es_rejected_execution_exception"}}
        items = [{"index": {"status": 201} if number % 7 else refusal} for number in range(len(pairs))]
        return Fault(answer=(200, json.dumps({"errors": True, "items": items}).encode()))

    index.proxy.fault = fault
    (done,) = sent(index.senders(wants_status=True, count=1), batches(100, size=100))
    assert (done.written, done.unchanged) == (100, 0)
    first, second = index.proxy.seen
    assert (first.documents, second.documents) == (100, 15)
    assert {json.loads(text)["index"]["_id"] for text in second.body.split(b"\n")[:-1:2]} == rejected
    assert index.numbers() == whole(100)


def test_after_a_refusal_bodies_are_smaller_and_one_at_a_time(index):
    index.proxy.fault = lambda seen: Fault(answer=(429, REJECTED)) if seen.number <= 2 else Fault(delay=0.02)
    assert written(sent(index.senders(), batches(30_000, size=5000))) == 30_000
    later = index.proxy.seen[3:]
    assert later[0].documents <= 2500
    assert later[0].under_way == later[1].under_way == 1
    assert max(seen.documents for seen in later) > later[0].documents


def test_a_server_that_refuses_for_long_ends_the_attempt_and_what_was_acknowledged_is_told(index):
    senders = index.senders(patience_seconds=1)
    first, second, *_, last = batches(6000, size=1000)
    for one in (first, second):
        senders.put(one)
    senders.flush()
    index.proxy.fault = lambda seen: Fault(answer=(429, REJECTED))
    began = time.monotonic()
    senders.put(last)
    with pytest.raises(TransientError, match="more to do than it can take"):
        senders.flush()
    assert time.monotonic() - began < 15
    assert len(senders.done()) == 2
    with pytest.raises(TransientError):
        senders.done()


def test_a_server_that_is_away_for_a_while_is_waited_for(index):
    index.proxy.fault = lambda seen: Fault(answer=(503, b"")) if time.monotonic() < until else NO_FAULT
    until = time.monotonic() + 2
    assert written(sent(index.senders(patience_seconds=15), batches(1000))) == 1000
    assert index.numbers() == whole(1000)


def test_nobody_listens(index):
    index.proxy.close()
    senders = index.senders(patience_seconds=0.5)
    senders.put(batches(10)[0])
    with pytest.raises(TransientError, match="nothing listens at the configured address"):
        senders.flush()


def test_bad_documents_are_told_with_their_reasons_and_all_others_are_in(index):
    lines = [line(number, 1, {"n": "x"} if number % 1000 == 7 else None) for number in range(3000)]
    lines.append(line(3000, 1, {"other": 1}))
    (done,) = sent(index.senders(), [batch(*lines)])
    bad = {row.document_id: row for row in done.bad}
    assert (done.written, sorted(bad)) == (2997, ["1007", "2007", "3000", "7"])
    assert "failed to parse field [n] of type [long]" in bad["7"].reason
    assert 'For input string: "x"' in bad["7"].reason
    assert bad["7"].document == b'{"n": "x"}'
    assert (bad["7"].error_type, bad["3000"].error_type) == (
        "document_parsing_exception",
        "strict_dynamic_mapping_exception",
    )
    assert len(index.numbers()) == 2997


def test_a_document_that_makes_the_server_refuse_the_whole_body_is_found(index):
    lines = [line(number, 1) for number in range(50)]
    lines[17] = (lines[17][0].replace(b'"17"', b'"%b"' % (b"1" * 513)), lines[17][1])
    lines[31] = line(31, -5)
    (done,) = sent(index.senders(), [batch(*lines)])
    reasons = {row.document_id[:3]: row.reason for row in done.bad}
    assert (done.written, sorted(reasons)) == (48, ["111", "31"])
    assert "too long" in reasons["111"]
    assert "illegal version value" in reasons["31"]
    assert len(index.numbers()) == 48


def test_a_document_that_is_greater_than_the_server_takes_is_bad_and_the_rest_is_in(index):
    lines = [line(0, 1), line(1, 1, {"n": 1, "s": "x" * (101 << 20)}), line(2, 1)]
    (done,) = sent(index.senders(url=index.server.url), [batch(*lines)])
    assert [(row.document_id, row.error_type) for row in done.bad] == [("1", "content_too_long_exception")]
    assert "http.max_content_length" in done.bad[0].reason
    assert "105906" in done.bad[0].reason
    assert index.numbers().keys() == {0, 2}


def test_bodies_shrink_to_what_a_proxy_takes(index):
    index.proxy.fault = lambda seen: Fault(answer=(413, HTML)) if len(seen.body) > 10_000 else NO_FAULT
    assert written(sent(index.senders(), batches(3000, size=1000))) == 3000
    refused = [seen for seen in index.proxy.seen if len(seen.body) > 10_000]
    assert len(refused) < 20
    assert index.numbers() == whole(3000)


def test_what_is_there_in_this_version_or_a_later_one_is_done(index):
    assert written(sent(index.senders(), batches(100, version=5))) == 100
    (again,) = sent(index.senders(), batches(100, version=5))
    assert (again.written, again.unchanged) == (100, 0)
    (column,) = sent(index.senders(wants_status=True), [*batches(100, version=4)])
    assert (column.written, column.unchanged) == (0, 100)
    assert index.numbers() == whole(100, version=5)


def test_deletes_are_done_whether_the_document_is_there_or_not(index):
    sent(index.senders(), batches(10))
    deletes = [line(number, 2, action="delete") for number in (0, 1, 77)]
    (done,) = sent(index.senders(), [batch(*deletes, line(2, 2))])
    assert done.written == 4
    assert sorted(index.numbers()) == list(range(2, 10))
    senders = index.senders()
    senders.post([line(3, 2, action="delete")])
    senders.flush()
    assert sorted(index.numbers()) == [2, *range(4, 10)]


BLOCKS = {
    "closed": (("POST", "/_close", None), "index is closed"),
    "read-only, as with a full disk": (
        ("PUT", "/_settings", {"index.blocks.read_only_allow_delete": True}),
        "disk is full",
    ),
    "write blocked": (("PUT", "/_settings", {"index.blocks.write": True}), "may not be written"),
    "mapping full": (("PUT", "/_mapping", {"dynamic": True}), "mapping is full: .*Limit of total fields"),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_an_index_that_takes_nothing_ends_the_run_with_its_reason(index, block):
    change, words = BLOCKS[block]
    index.call(*change)
    if block == "mapping full":
        index.call("PUT", "/_settings", {"index.mapping.total_fields.limit": 2})
    senders = index.senders()
    with pytest.raises(PermanentError, match=words):
        sent(senders, [batch(*(line(number, 1, {"n": 1, f"f{number}": 1}) for number in range(2000)))])
    assert len(index.proxy.seen) <= 8


def test_a_proxy_that_refuses_all_ends_the_run_and_no_document_is_to_blame(index):
    index.proxy.fault = lambda seen: Fault(answer=(400, HTML))
    with pytest.raises(PermanentError, match="it answers 400, which is no answer of Elasticsearch's"):
        sent(index.senders(count=1), batches(1000, size=1000))
    assert len(index.proxy.seen) == 1


def test_an_index_that_is_gone_is_not_made_again_when_an_alias_is_asked_for(index):
    alias = f"{index.name}.write"
    add = {"index": index.name, "alias": alias, "is_hidden": True}
    assert index.server.request("POST", "/_aliases", {"actions": [{"add": add}]})[0] == 200
    senders = index.senders(index=alias, require_alias=True)
    assert written(sent(senders, batches(10))) == 10
    index.call("DELETE", "")
    with pytest.raises(TransientError, match="index does not exist"):
        sent(senders, batches(10, version=2))
    assert index.server.request("GET", f"/{alias}")[0] == 404


def test_a_cancelled_request_ends_at_once(index):
    index.proxy.fault = lambda seen: Fault(delay=20)
    senders = index.senders()
    senders.put(batches(10)[0])
    threading.Timer(0.5, senders.cancel).start()
    began = time.monotonic()
    with pytest.raises(TransientError, match="cancelled"):
        senders.flush()
    senders.close()
    assert time.monotonic() - began < 3


def test_an_empty_batch_is_acknowledged_in_its_turn(index):
    empty = Batch(rows=Rows(b"", array("I")), first=None, last=None, previous=None, final=True)
    done = sent(index.senders(), [*batches(10), empty])
    assert [(len(one.batch.rows), one.batch.final) for one in done] == [(10, False), (0, True)]


def test_a_fault_of_our_own_is_raised_and_not_swallowed_in_a_thread(index):
    def broken():
        raise ZeroDivisionError

    senders = index.senders(check=broken)
    senders.put(batches(10)[0])
    with pytest.raises(ZeroDivisionError):
        senders.flush()
