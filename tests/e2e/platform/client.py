"""Calls of the platform family: what is asked for is checked for its envelope, and handed on without it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.e2e.world import Body, World

from headrace_local.waiting import wait_for

FINAL = frozenset({"SUCCESS", "FAILED", "CANCELLED"})


class Platform:
    """One API process, as clients of the platform family see it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get(self, path: str, **params: Any) -> Any:
        """The data of one thing."""
        answer = self.world.api.request("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return opened(answer)

    def list(self, path: str, **params: Any) -> tuple[list[Body], Body]:
        """The data of a list, and its meta."""
        answer = self.world.api.request("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body.keys() == {"data", "meta"}
        assert body["meta"].keys() == {"total", "limit", "offset", "timestamp", "request_id"}
        assert len(body["data"]) <= body["meta"]["limit"]
        return body["data"], body["meta"]

    def post(self, path: str, body: Any = None, *, status: int = 201) -> Any:
        """The data of the answer, which has this status."""
        answer = self.world.api.request("POST", path, body)
        assert answer.status_code == status, answer.text
        return opened(answer)

    def project(self, **fields: Any) -> Body:
        """A project of its own."""
        return self.post("/projects", {"name": self.world.spec(source_query="SELECT 1")["name"], **fields})

    def pipeline(self, project: Body | None = None, **fields: Any) -> Body:
        """A pipeline of its own, in a project if there is one."""
        return self.world.pipeline(project_id=project["id"] if project else None, **fields)

    def sliced_pipeline(self, project: Body | None = None, *, rows: int = 100, **fields: Any) -> Body:
        """A pipeline of which each run brings the ids from `low` up to `high`."""
        table = self.world.source_table(rows)
        query = f"SELECT id, name, modified FROM {table} WHERE id BETWEEN %(low)s AND %(high)s"
        return self.pipeline(project, source_query=query, prune=False, **fields)

    def run(self, pipeline: Body, project: Body | None = None, **fields: Any) -> Body:
        """A run that waits to be started."""
        body = {"project_id": project["id"] if project else None, "pipeline_id": pipeline["id"], **fields}
        return dict(self.post("/runs", body))

    def start(self, run_id: str, **body: Any) -> Body:
        """Starts a run."""
        return dict(self.post(f"/runs/{run_id}/start", body or None, status=202))

    def schedule(self, pipeline: Body, expression: str = "0 3 1 1 *", **fields: Any) -> Body:
        """A schedule; without an expression one that is due once a year."""
        body = {"pipeline_id": pipeline["id"], "kind": "CRON", "expression": expression, **fields}
        return dict(self.post("/schedules", body))

    def wait_for_run(self, run_id: str, is_so: Callable[[Body], bool], *, seconds: float = 90) -> Body:
        """Waits until something is so of a run, and returns it."""
        seen: list[Body] = [{}]

        def look() -> Body | None:
            seen[0] = self.get(f"/runs/{run_id}")
            return seen[0] if is_so(seen[0]) else None

        return wait_for(f"run {run_id}", look, seconds=seconds, seen=lambda: seen[0])

    def end(self, run_id: str, *, seconds: float = 90) -> Body:
        """Waits for the end of a run."""
        return self.wait_for_run(run_id, lambda run: run["state"] in FINAL, seconds=seconds)

    def done(self, run_id: str, *, seconds: float = 90) -> Body:
        """Waits until a run has succeeded."""
        run = self.end(run_id, seconds=seconds)
        assert run["state"] == "SUCCESS", run
        return run

    def wait_for_schedule(self, schedule_id: str, is_so: Callable[[Body], bool], *, seconds: float = 60) -> Body:
        """Waits until something is so of a schedule, and returns it."""
        seen: list[Body] = [{}]

        def look() -> Body | None:
            seen[0] = self.get(f"/schedules/{schedule_id}")
            return seen[0] if is_so(seen[0]) else None

        return wait_for(f"schedule {schedule_id}", look, seconds=seconds, seen=lambda: seen[0])

    def wait_for_stream(self, execution_id: str, is_so: Callable[[Body], bool], *, seconds: float = 60) -> Body:
        """Waits until something is so of a stream, and returns it."""
        seen: list[Body] = [{}]

        def look() -> Body | None:
            seen[0] = self.get("/stream/status", execution_id=execution_id)
            return seen[0] if is_so(seen[0]) else None

        return wait_for(f"stream {execution_id}", look, seconds=seconds, seen=lambda: seen[0])


def opened(answer: Any) -> Any:
    """The data of an envelope."""
    body = answer.json()
    assert body.keys() == {"data", "meta"}, body
    assert body["meta"]["request_id"] == answer.headers["X-Request-ID"]
    assert moment(body["meta"]["timestamp"])
    return body["data"]


def moment(text: str) -> datetime:
    """A time of an answer, which is RFC 3339 in UTC with Z."""
    assert text.endswith("Z"), text
    return datetime.fromisoformat(text)


def refused(answer: Any, status: int, code: str, field: str | None = None) -> Body:
    """An error of the one form, and that it names the field."""
    assert answer.status_code == status, answer.text
    body = dict(answer.json())
    assert body.keys() == {"detail", "error", "meta"}
    assert body["error"]["code"] == code
    if field is not None:
        assert field in {each["field"] for each in body["error"]["details"]}, body
    return body


def condition(resource: Body, kind: str) -> Body:
    """A condition of a resource; nothing while it has none of that type."""
    found = (resource.get("status") or {}).get("conditions") or []
    return next((each for each in found if each["type"] == kind), {})
