"""What a run into an index is refused for, and how that is said; servers that are no Elasticsearch of ours."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headrace.search.settings import ElasticsearchSettings

ROWS = "SELECT id, v FROM rows"


@pytest.fixture
def rows(index_rig):
    index_rig.on_source("CREATE TABLE rows (id int PRIMARY KEY, v text)", "INSERT INTO rows VALUES (1, 'a'), (2, 'b')")
    return index_rig


def refused(rig, query=ROWS, **fields):
    ended = rig.run(rig.spec(query, **fields))
    assert (ended.code, ended.outcome, ended.rows_read) == (64, "FAILED", 0), ended
    return ended.message


def test_an_alias_onto_two_indices(rows):
    for number in (1, 2):
        rows.call("PUT", f"/{rows.index}-{number}", {"aliases": {rows.index: {}}})
    assert f'"{rows.index}" stands for 2 indices' in refused(rows)


def test_a_closed_index(rows):
    rows.load(ROWS)
    rows.call("POST", f"/{rows.index}-000001/_close")
    assert refused(rows) == f'"{rows.index}" is closed: open it, or delete it'


@pytest.mark.parametrize(
    ("block", "words"),
    [("read_only_allow_delete", "is read-only (Elasticsearch sets that when its disk"), ("write", "is read-only")],
)
def test_a_read_only_index(rows, block, words):
    rows.load(ROWS)
    settings = f"/{rows.index}-000001/_settings"
    rows.call("PUT", settings, {f"index.blocks.{block}": True})
    message = refused(rows)
    rows.call("PUT", settings, {f"index.blocks.{block}": None})
    assert message.startswith(f'"{rows.index}" {words}')


def test_no_key_columns(rows):
    assert "set keyColumns" in refused(rows, "SELECT id + 0 AS id, v FROM rows", key_columns=())


def test_more_columns_than_a_mapping_holds(rows):
    columns = ", ".join(f"{number} AS c{number}" for number in range(1001))
    message = refused(rows, f"SELECT id, {columns} FROM rows")
    assert "would have 1002 fields, and may have 1000" in message
    assert rows.call("GET", f"/_cat/indices/{rows.index}*?format=json&expand_wildcards=all") == []


def test_a_mapping_that_is_none(rows):
    message = refused(rows, mapping={"properties": {"id": {"type": "no such type"}}})
    assert "no such type" in message


def test_a_template_that_would_show_a_half_built_index(rows):
    template = f"/_index_template/{rows.index}"
    body = {"index_patterns": [f"{rows.index}-*"], "template": {"aliases": {rows.index: {}}}, "priority": 900}
    rows.call("PUT", template, body)
    try:
        assert "An index template gives the alias" in refused(rows)
    finally:
        rows.call("DELETE", template)
    assert rows.call("GET", f"/_cat/indices/{rows.index}*?format=json&expand_wildcards=all") == []


OPENSEARCH = {"version": {"distribution": "opensearch", "number": "3.1.0"}, "tagline": "The OpenSearch Project"}
OLD = {"version": {"number": "8.19.2", "lucene_version": "9.12.2"}, "tagline": "You Know, for Search"}
REFUSED = {"error": {"type": "security_exception", "reason": "unable to authenticate with provided credentials"}}
PRODUCT = {"X-Elastic-Product": "Elasticsearch"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        pytest.param(200, {}, OPENSEARCH, "The server is OpenSearch 3.1.0, not Elasticsearch", id="OpenSearch"),
        pytest.param(200, PRODUCT, OLD, "The server is Elasticsearch 8.19.2", id="another major version"),
        pytest.param(200, {}, OLD, "The server is like Elasticsearch 8.19.2, but not it", id="a copy"),
        pytest.param(200, {}, {"hello": "world"}, "is not Elasticsearch", id="another server"),
        pytest.param(200, {}, "<html>", "is not Elasticsearch", id="a web page"),
        pytest.param(404, {}, {"detail": "Not Found"}, "404", id="a wrong path"),
        pytest.param(
            401, PRODUCT, REFUSED, "the API key, or user name and password, is not accepted", id="a wrong key"
        ),
    ],
)
def test_a_server_that_is_not_ours(rows, status, headers, body, words):
    with answering(status, headers, body) as (url, seen):
        settings = ElasticsearchSettings(url=url, api_key="c2VjcmV0")
        ended = rows.run(rows.spec(ROWS), elasticsearch=settings)
    assert (ended.code, ended.outcome) == (64, "FAILED")
    assert words in ended.message
    assert "c2VjcmV0" not in str(ended)
    assert "127.0.0.1" not in ended.message
    assert seen == ["ApiKey c2VjcmV0"]


def test_a_server_that_is_away_is_waited_for(rows):
    ended = rows.run(rows.spec(ROWS), elasticsearch=ElasticsearchSettings(url="http://127.0.0.1:9"))
    assert (ended.code, ended.outcome) == (1, None)
    assert ended.message == "Elasticsearch: nothing listens at the configured address"


@contextmanager
def answering(status: int, headers: dict[str, str], body: Any) -> Iterator[tuple[str, list[str | None]]]:
    """A server that answers everything alike, and the credentials that it was sent."""
    seen: list[str | None] = []
    data = (body if isinstance(body, str) else json.dumps(body)).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(status)
            kind = "text/html" if isinstance(body, str) else "application/json"
            for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
