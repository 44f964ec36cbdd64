"""A source, an index and a store for one run after another."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.integration.runner.conftest import Rig

from headrace.search.settings import ElasticsearchSettings
from headrace_runner.settings import Settings


class IndexRig(Rig):
    """Runs that move rows into an index of their own."""

    def __init__(self, source: str, store: str, url: str, index: str) -> None:
        super().__init__(source, source, store)
        self.url = url
        self.index = index
        """What pipelines name: an alias, once the first run has ended well."""

    def spec(self, query: str, table: str | None = None, **fields: Any) -> Any:
        """A run into the index, known to the store."""
        kind = {"target_kind": "elasticsearch", "key_columns": ("id",), "pipeline_name": self.index}
        return super().spec(query, f".{table or self.index}", **{**kind, **fields})

    def load(self, query: str, table: str | None = None, **fields: Any) -> Any:
        """Runs a query that must succeed."""
        return super().load(query, table or self.index, **fields)

    def settings(self, spec: Any, epoch: int | None = None, **changes: Any) -> Settings:
        """What the Job's environment says."""
        changes = {"target_dsn": None, "elasticsearch": ElasticsearchSettings(url=self.url), **changes}
        return super().settings(spec, epoch, **changes)

    def spawn(self, spec: Any, *, epoch: int | None = None, **environ: str) -> "subprocess.Popen[str]":
        """Starts a runner as a process of its own."""
        own = {"HEADRACE_TARGET_DSN": "", "HEADRACE_ELASTICSEARCH_URL": self.url}
        return super().spawn(spec, epoch=epoch, **{**own, **environ})

    def checkpoint(self, spec: Any) -> dict[str, Any]:
        """The checkpoint row in the store, empty when there is none."""
        query = "SELECT to_jsonb(c) FROM headrace.target_fences AS c WHERE pipeline_name = %s AND run_id = %s"
        with psycopg.connect(self.store, autocommit=True) as connection:
            row = connection.execute(query, (spec.pipeline_name, spec.run_id)).fetchone()
        return row[0] if row else {}

    def letters(self) -> dict[str, str]:
        """The pipeline's dead letters: document's id to reason."""
        query = "SELECT document_id, reason FROM headrace.dead_letters WHERE pipeline_name = %s"
        with psycopg.connect(self.store, autocommit=True) as connection:
            return dict(connection.execute(query, (self.index,)).fetchall())

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Asks Elasticsearch; returns its JSON. Raises urllib.error.HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def documents(self, index: str | None = None) -> dict[str, Any]:
        """All documents by their ids."""
        index = index or self.index
        self.call("POST", f"/{index}/_refresh")
        found: dict[str, Any] = {}
        page: list[Any] = []
        query = {"size": 5000, "sort": ["_doc"], "query": {"match_all": {}}}
        answer = self.call("POST", f"/{index}/_search?scroll=1m", query)
        while page := answer["hits"]["hits"]:
            found |= {hit["_id"]: hit["_source"] for hit in page}
            answer = self.call("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": answer["_scroll_id"]})
        self.call("DELETE", "/_search/scroll", {"scroll_id": answer["_scroll_id"]})
        return found

    def assert_same(self, query: str, table: str | None = None) -> None:
        """Fails unless the index holds just what the query gives, document by document."""
        rows = self.on_source(f"SELECT q.id::text, to_jsonb(q) FROM ({query}) AS q")
        assert self.documents(table) == dict(rows)

    def remove(self) -> None:
        """Deletes what the test made."""
        for name in self.call("GET", f"/_cat/indices/{self.index}*?format=json&h=index&expand_wildcards=all"):
            self.call("DELETE", f"/{name['index']}")


@pytest.fixture
def index_rig(rig: Rig, elasticsearch: Any) -> Iterator[IndexRig]:
    """An empty source, an index that is not there yet, and a store."""
    made = IndexRig(rig.source, rig.store, elasticsearch.url, elasticsearch.fresh_index())
    yield made
    made.remove()
