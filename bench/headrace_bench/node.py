"""An Elasticsearch of the benchmark's own: one node, a heap of 1 GB, gone afterwards."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headrace_local.elasticsearch.server import OwnServer

HEAP = "1g"
_SECONDS = 120


class NodeError(Exception):
    """It refused a request; the text is what it said."""


class Node:
    """One node, over plain HTTP on loopback."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.address = urlsplit(url).netloc

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON; raises NodeError for anything but 2xx."""
        connection = HTTPConnection(self.address, timeout=_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise NodeError(f"{method} {path}: {response.status} {text[:500].decode(errors='replace')}")
        return json.loads(text)

    def version(self) -> str:
        """Such as 9.5.3."""
        return str(self.call("GET", "/")["version"]["number"])

    def remove_all(self) -> None:
        """Takes away every index."""
        # By name: with a wildcard the server's own settings would have to allow it.
        for name in self.call("GET", "/_all?expand_wildcards=all&filter_path=*.aliases") or {}:
            self.call("DELETE", f"/{name}")

    def count(self, index: str) -> int:
        """How many documents a search sees, all that was written included."""
        self.call("POST", f"/{index}/_refresh")
        return int(self.call("GET", f"/{index}/_count")["count"])


@contextmanager
def started(folder: Path, say: Callable[[str], None]) -> Iterator[Node]:
    """A node that keeps its data below a folder; raises LocalError where it can't be had."""
    server = OwnServer(folder, say, heap=HEAP)
    server.start()
    try:
        yield Node(server.url)
    finally:
        server.stop()
