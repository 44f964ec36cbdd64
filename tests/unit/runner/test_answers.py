"""What an answer to a bulk body says of each document; what can't be read is never taken for done."""

import json

import pytest

from headrace.errors import TransientError
from headrace_runner.targets.elasticsearch.answers import Outcome, are_all_conflicts, is_clean, items_of

HTML = b"<html><body>502 Bad Gateway</body></html>"


def answer(*items, errors=True):
    return json.dumps({"errors": errors, "items": list(items)}).encode()


def item(status, kind=None, reason=None, action="index"):
    error = {key: value for key, value in (("type", kind), ("reason", reason)) if value}
    return {action: {"status": status, **({"error": error} if error else {})}}


@pytest.mark.parametrize(
    ("body", "is_so"),
    [
        (b'{"errors":false}', True),
        (b'{ "errors" : false, "took": 3 }', True),
        (b'{"errors":true}', False),
        (b'{"errors":true,"items":[]}', False),
    ],
)
def test_an_answer_says_whether_all_is_done(body, is_so):
    assert is_clean(body) is is_so


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"errors":fal',
        b'{"errors":"false"}',
        b'{"errors":null}',
        b'{"acknowledged":true}',
        HTML,
    ],
)
def test_what_is_no_answer_to_a_bulk_body_is_never_taken_for_done(body):
    with pytest.raises(TransientError, match="can't be read"):
        is_clean(body)
    with pytest.raises(TransientError, match="can't be read"):
        items_of(body, 0)


@pytest.mark.parametrize(
    ("one", "outcome"),
    [
        (item(200), Outcome.DONE),
        (item(201), Outcome.DONE),
        (item(200, action="delete"), Outcome.DONE),
        (item(404, action="delete"), Outcome.DONE),
        (item(409, "version_conflict_engine_exception"), Outcome.CONFLICT),
        (item(400, "document_parsing_exception"), Outcome.BAD),
        (item(400, "strict_dynamic_mapping_exception"), Outcome.BAD),
        (item(400, "illegal_argument_exception"), Outcome.BAD),
        (item(429, "es_rejected_execution_exception"), Outcome.AGAIN),
        (item(429, "circuit_breaking_exception"), Outcome.AGAIN),
        (item(503, "unavailable_shards_exception"), Outcome.AGAIN),
        (item(503, "cluster_block_exception"), Outcome.AGAIN),
        (item(404, "shard_not_found_exception"), Outcome.AGAIN),
        (item(500, "i_o_exception"), Outcome.AGAIN),
        (item(504, "timeout_exception"), Outcome.AGAIN),
        (item(429, "cluster_block_exception"), Outcome.STOP),
        (item(403, "cluster_block_exception"), Outcome.STOP),
        (item(403, "security_exception"), Outcome.STOP),
        (item(400, "index_closed_exception"), Outcome.STOP),
        (item(404, "index_not_found_exception"), Outcome.STOP),
        (item(400, "document_parsing_exception", "Limit of total fields [1000] has been exceeded"), Outcome.STOP),
    ],
    ids=str,
)
def test_every_document_is_done_or_sent_again_or_bad_or_ends_the_run(one, outcome):
    (found,) = items_of(answer(one), 1)
    assert found.outcome is outcome


def test_items_keep_their_positions():
    items = items_of(answer(item(201), item(400, "document_parsing_exception"), item(409, "version_conflict")), 3)
    assert [one.outcome for one in items] == [Outcome.DONE, Outcome.BAD, Outcome.CONFLICT]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (answer(item(201)), 2),
        (answer(item(201), item(201)), 1),
        (answer(), 1),
        (b'{"errors":false}', 1),
        (answer({"index": {}}), 1),
        (answer({}), 1),
        (answer({"index": {"status": None}}), 1),
        (answer("index"), 1),
        (answer({"index": 3}), 1),
    ],
)
def test_an_answer_that_does_not_speak_of_each_document_counts_for_none(body, count):
    with pytest.raises(TransientError, match="can't be read"):
        items_of(body, count)


def test_the_reason_comes_with_its_causes():
    error = {
        "type": "document_parsing_exception",
        "reason": "[1:6] failed to parse field [n]",
        "caused_by": {
            "type": "x",
            "reason": 'For input string: "x"',
            "caused_by": {"reason": "failed to parse field [n]"},
        },
    }
    (found,) = items_of(answer({"index": {"status": 400, "error": error}}), 1)
    assert str(found.complaint) == '[1:6] failed to parse field [n]: For input string: "x"'


CONFLICT = item(409, "version_conflict_engine_exception")


@pytest.mark.parametrize(
    ("items", "count", "is_so"),
    [
        ([CONFLICT] * 3, 3, True),
        ([CONFLICT] * 3, 4, False),
        ([CONFLICT] * 3, 2, False),
        ([CONFLICT, CONFLICT, item(201)], 3, False),
        ([CONFLICT, item(409, "version_conflict_engine_exception", action="delete")], 2, False),
        ([], 0, False),
    ],
)
def test_that_all_is_there_already_is_seen_at_a_glance(items, count, is_so):
    body = json.dumps({"errors": True, "items": items}, separators=(",", ":")).encode()
    assert are_all_conflicts(body, count) is is_so
