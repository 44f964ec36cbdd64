"""A client of the REST API, for demo and tests: each call can be shown as the curl command that does the same."""

import json
import shlex
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx

from headrace_local.errors import LocalError
from headrace_local.waiting import wait_for

PREFIX = "/api/v1"
FINAL = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
Body = dict[str, Any]


class RefusedError(LocalError):
    """The API answered with another status than the one that was expected."""


class Api:
    """Calls one API process."""

    def __init__(self, address: str, *, show: Callable[[str], None] | None = None, token: str | None = None) -> None:
        self.base = address + PREFIX
        self._show = show
        self._has_token = token is not None
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        self._http = httpx.Client(timeout=30, transport=httpx.HTTPTransport(retries=2), headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """One call, whatever its answer; `path` is below the prefix."""
        if body is not None:
            options["json"] = body
        return self._http.request(method, self.base + path, **options)

    def call(
        self, method: str, path: str, body: Any = None, *, quiet: bool = False, shown: str = "", **options: Any
    ) -> Any:
        """One call that must succeed, and its body; raises RefusedError with the API's own words.

        `shown` stands for a long body in the command that is shown, such as `@file`.
        """
        if self._show is not None and not quiet:
            self._show(self.curl(method, path, shown or body))
        answer = self.request(method, path, body, **options)
        if answer.is_error:
            raise RefusedError(f"{method} {path} answered {answer.status_code}: {answer.text[:2000]}")
        return answer.json() if answer.content else None

    def curl(self, method: str, path: str, body: Any = None) -> str:
        """The command that does the same; a token stands in it as the shell's variable TOKEN."""
        words = ["curl", "-sS", *(["-X", method] if method != "GET" else []), self.base + path]
        if body is not None:
            data = body if isinstance(body, str) else json.dumps(body)
            words += ["-H", "Content-Type: application/json", "-d", data]
        return shlex.join(words) + (' -H "Authorization: Bearer $TOKEN"' if self._has_token else "")

    def create(self, **fields: Any) -> Body:
        """Makes a pipeline."""
        return dict(self.call("POST", "/pipelines", fields))

    def pipeline(self, pipeline_id: str) -> Body:
        """A pipeline as it is now."""
        return dict(self.call("GET", f"/pipelines/{pipeline_id}", quiet=True))

    def run(self, pipeline_id: str, **body: Any) -> Body:
        """Asks for a run, or resumes a paused one."""
        return dict(self.call("POST", f"/pipelines/{pipeline_id}/run", body or None))

    def pause(self, pipeline_id: str) -> Body:
        """Asks for a pause."""
        return dict(self.call("POST", f"/pipelines/{pipeline_id}/pause"))

    def one_run(self, pipeline_id: str, run_id: str) -> Body:
        """A run as it is now."""
        return dict(self.call("GET", f"/pipelines/{pipeline_id}/runs/{run_id}", quiet=True))

    def wait_for_status(self, pipeline_id: str, *wanted: str, seconds: float = 60) -> str:
        """Waits until the pipeline is in one of these states, and returns it."""
        seen: list[str] = [""]

        def look() -> str | None:
            seen[0] = str(self.call("GET", f"/pipelines/{pipeline_id}/status", quiet=True)["status"])
            return seen[0] if seen[0] in wanted else None

        return wait_for(f"{' or '.join(wanted)} of pipeline {pipeline_id}", look, seconds=seconds, seen=lambda: seen[0])

    def wait_for_end(self, pipeline_id: str, run_id: str, *, seconds: float = 60) -> Body:
        """Waits until a run is over, and returns it."""
        return self.wait_for_run(pipeline_id, run_id, lambda run: run["status"] in FINAL, seconds=seconds)

    def wait_for_run(
        self, pipeline_id: str, run_id: str, is_so: Callable[[Body], bool], *, seconds: float = 60
    ) -> Body:
        """Waits until something is so of a run, and returns it."""
        seen: list[Body] = [{}]

        def look() -> Body | None:
            seen[0] = self.one_run(pipeline_id, run_id)
            return seen[0] if is_so(seen[0]) else None

        return wait_for(f"run {run_id} of pipeline {pipeline_id}", look, seconds=seconds, seen=lambda: seen[0])
