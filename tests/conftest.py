"""A real Elasticsearch for the tests: a node of their own, or the server that HEADRACE_ELASTICSEARCH_URL names."""

import json
import os
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace_local.elasticsearch.server import OwnServer
from headrace_local.machine import searchservers


class SearchServer:
    """An Elasticsearch, and a way to talk to it that is not the one that is tested."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self._names: list[str] = []

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of a call. A body that is text or bytes is sent as it is, as lines of JSON."""
        if body is None:
            answer = self._http.request(method, path)
        elif isinstance(body, str | bytes):
            answer = self._http.request(method, path, content=body, headers={"Content-Type": "application/x-ndjson"})
        else:
            answer = self._http.request(method, path, json=body)
        return answer.status_code, json.loads(answer.content) if answer.content else None

    def fresh_index(self) -> str:
        """A name that nobody uses; what is made under it, or with it as the beginning, is gone at the end."""
        self._names.append(f"test-{uuid.uuid4().hex[:12]}")
        return self._names[-1]

    def close(self) -> None:
        """Deletes what the tests made, one by one: servers refuse to delete by a pattern."""
        for name in self._names:
            found = self.request("GET", f"/_resolve/index/{name}*?expand_wildcards=all")[1]
            for index in found.get("indices", ()):
                self.request("DELETE", f"/{index['name']}")
        self._http.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the server, in order or (SIGKILL) not."""
        pytest.skip("stops the server: HEADRACE_ELASTICSEARCH_URL names one that is not the tests' own")

    def start(self) -> None:
        """Starts it again, with its data, at the same address."""
        pytest.skip("starts the server: HEADRACE_ELASTICSEARCH_URL names one that is not the tests' own")

    def restart(self, how: signal.Signals = signal.SIGTERM) -> None:
        """What an update looks like to a client."""
        self.stop(how)
        self.start()


class OwnSearchServer(SearchServer):
    """A node that we started, and so may stop, kill and start again."""

    def __init__(self, own: OwnServer) -> None:
        super().__init__(own.url)
        self.own = own

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.own.stop(how)

    def start(self) -> None:
        self.own.start()

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[SearchServer]:
    """The Elasticsearch that all tests share: who stops it starts it again."""
    if given := os.environ.get("HEADRACE_ELASTICSEARCH_URL"):
        server = SearchServer(given)
        yield server
        server.close()
        return
    need_elasticsearch()
    # Not pytest's tmp_path: it keeps the last three.
    with tempfile.TemporaryDirectory(prefix="headrace-elasticsearch-", ignore_cleanup_errors=True) as folder:
        node = OwnServer(Path(folder), print, is_brief=True)
        node.start()
        own = OwnSearchServer(node)
        try:
            yield own
        finally:
            own.close()
            node.stop(signal.SIGKILL)


def need_elasticsearch() -> None:
    """Skips where Elasticsearch cannot be had, except in CI: a skip that nobody reads would hide all these tests."""
    if searchservers.can_choose():
        return
    if os.environ.get("CI"):
        pytest.fail("Maven is missing, and so Elasticsearch: in CI its tests are not skipped")
    pytest.skip("Maven is not on this machine, and so no Elasticsearch: apt install maven")
