"""Asks Elasticsearch as a person would: each call can be shown as the curl command that does the same."""

import json
import shlex
from collections.abc import Callable
from typing import Any

import httpx

from headrace_local.errors import LocalError


class Search:
    """One server."""

    def __init__(self, url: str, show: Callable[[str], None] | None = None) -> None:
        self._url = url
        self._show = show
        # A proxy of the environment's is for elsewhere.
        self._http = httpx.Client(timeout=30, trust_env=False)

    def get(self, path: str, *, quiet: bool = False) -> Any:
        """What a path answers; raises LocalError with the server's own words."""
        if self._show and not quiet:
            self._show(shlex.join(["curl", "-sS", f"{self._url}{path}"]))
        answer = self._http.get(f"{self._url}{path}")
        if answer.is_error:
            raise LocalError(f"GET {path} answered {answer.status_code}: {answer.text[:1000]}")
        return json.loads(answer.content)

    def count(self, index: str) -> int:
        """How many documents an index has that can be found by now."""
        return int(self.get(f"/{index}/_count", quiet=True)["count"])

    def hits(self, path: str, *, quiet: bool = False) -> list[dict[str, Any]]:
        """The documents that a search gives."""
        return [hit["_source"] for hit in self.get(path, quiet=quiet)["hits"]["hits"]]
