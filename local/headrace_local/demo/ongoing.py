"""What the demo shows of teams that run things by project, by schedule and all the time: projects, runs, streams."""

import time
from dataclasses import dataclass
from typing import Any

import psycopg

from headrace_local.api import FINAL
from headrace_local.demo import contents
from headrace_local.demo.story import EXAMPLES, Run, Step, Story
from headrace_local.errors import LocalError
from headrace_local.waiting import wait_for

SCHEDULE, STREAM = "every-few-seconds", "stream"
DECADE = {"first_year": 1990, "last_year": 1999}
_OF_SOME_YEARS = """\
SELECT id, title, creation_date, rating FROM content.film_work
WHERE extract(year FROM creation_date) BETWEEN %(first_year)s AND %(last_year)s"""
_PIPELINE = {
    "name": "films_of_some_years",
    "mode": "full",
    "prune": False,
    "target_table": "analytics.films_of_some_years",
    "key_columns": ["id"],
    "nodes": [
        {"id": "read the catalogue", "type": "source"},
        {"id": "choose the years", "type": "filter"},
        {"id": "write the films", "type": "target"},
    ],
    "edges": [
        {"from": "read the catalogue", "to": "choose the years"},
        {"from": "choose the years", "to": "write the films"},
    ],
    "source_query": _OF_SOME_YEARS,
}
SHOWN_SECONDS = 7
_EVENTS = "SELECT id, happened_at, what FROM shop.events"
_PRICES = "SELECT product_id, price, modified FROM shop.prices"
_HAPPEN = "INSERT INTO shop.events (what) SELECT 'event ' || n FROM generate_series(1, 10) AS n"
_CHANGE = "UPDATE shop.prices SET price = price + 1, modified = clock_timestamp() WHERE product_id <= 10"


@dataclass(frozen=True, slots=True)
class Look:
    """How far schedule and stream are."""

    runs: int
    """Of the schedule, that succeeded."""
    events: int
    lag: float | None
    """Of the stream, in seconds."""
    changes: int
    """Rows that the stream has written."""

    def __str__(self) -> str:
        lag = "not there yet" if self.lag is None else f"{self.lag:.1f} s behind"
        return f"schedule: {self.runs} runs, {self.events:,} events   stream: {lag}, {self.changes:,} rows written"


def run_on_demand(story: Story) -> None:
    """Makes a project with a pipeline, and a run of it with parameters; shows its tasks and its log."""
    began = time.monotonic()
    project = _data(story, "POST", "/projects", {"name": "Film catalogue", "owner": "demo"})
    body = {**_PIPELINE, "project_id": project["id"]}
    story.api.call(
        "POST", "/pipelines", body, shown="{… nodes and edges, a query with %(first_year)s and %(last_year)s}"
    )
    asked = {"pipeline_id": _PIPELINE["name"], "params": DECADE, "tags": {"asked-by": "the-demo"}}
    run = _data(story, "POST", "/runs", {"project_id": project["id"], **asked})
    story.say(f"it is {run['state']} until it is started")
    _data(story, "POST", f"/runs/{run['id']}/start", {"timeout_seconds": 60})
    run = _ended(story, run["id"])
    story.finish(f"{_PIPELINE['name']}, 1990 to 1999", _plain(run), time.monotonic() - began)
    for task in _data(story, "GET", f"/runs/{run['id']}/tasks"):
        story.say(f"{task['name']:<20}{task['state']:<9}{task['rows_read']:>9,} in {task['rows_written']:>9,} out")
    for line in _data(story, "GET", f"/runs/{run['id']}/logs?limit=4"):
        story.say(f"{line['timestamp']}  {line['level']}  {line['message']}")
    found = _data(story, "GET", f"/projects/{project['id']}/statistics")
    story.say(f"of {found['total_runs']} run in the project {found['success_rate']:.0%} succeeded")
    story.agree(_OF_SOME_YEARS % DECADE, "analytics.films_of_some_years")


def go_on(story: Story) -> None:
    """Lets a schedule of every 5 seconds and a stream run for a few seconds, and stops them."""
    for example in (SCHEDULE, STREAM):
        _execute(story.source_dsn, (EXAMPLES / example / "setup.sql").read_text())
    story.say(story.kubectl.run("apply", *_files(SCHEDULE, "pipeline", "schedule")))
    story.say(story.kubectl.run("apply", *_files(STREAM, "pipeline")))
    began = time.monotonic()
    stream = _data(story, "POST", "/stream/run", {"pipeline": "prices", "mode": "async"})["execution_id"]
    wait_for("the stream to catch up", lambda: _look(story, stream).lag is not None, seconds=60)
    for _ in range(SHOWN_SECONDS):
        _execute(story.source_dsn, _HAPPEN)
        _execute(story.source_dsn, _CHANGE)
        time.sleep(1)
        story.say(f"{time.monotonic() - began:4.1f} s  {_look(story, stream)}")
    _arrive(story, stream)
    story.say(story.kubectl.run("get", "etlschedules", "events"))
    story.say(story.kubectl.run("delete", "etlschedule", "events"))
    _data(story, "POST", "/stream/stop", {"execution_id": stream, "timeout": 10})
    run = _ended(story, stream)
    if run["state"] != "CANCELLED":
        raise LocalError(f"the stream ended as {run['state']}: {run['error_message']}")
    story.say(f"the stream is {run['state']} after {time.monotonic() - began:.1f} s; the next one goes on where it was")
    story.agree(_EVENTS, "analytics.events")
    story.agree(_PRICES, "analytics.prices")


PLATFORM_STEPS: tuple[Step, ...] = (
    ("A project, and a run on demand: parameters, tasks, log lines", run_on_demand),
    ("A schedule every 5 seconds, and a stream: ten events and ten new prices each second", go_on),
)


def _data(story: Story, method: str, path: str, body: Run | None = None, *, quiet: bool = False) -> Any:
    """What a call of the enveloped kind answers with."""
    return story.api.call(method, path, body, quiet=quiet)["data"]


def _ended(story: Story, run_id: str) -> Run:
    """A run, once it is over."""
    seen: list[Run] = [{}]

    def look() -> Run | None:
        seen[0] = _data(story, "GET", f"/runs/{run_id}", quiet=True)
        return seen[0] if seen[0]["state"] in FINAL else None

    return wait_for(f"run {run_id} to end", look, seconds=90, seen=lambda: seen[0].get("state"))


def _plain(run: Run) -> Run:
    """As the runs of a pipeline look."""
    return {"status": run["state"], "error_message": run["error_message"], **run["progress"]}


def _look(story: Story, stream: str) -> Look:
    status = _data(story, "GET", f"/stream/status?execution_id={stream}", quiet=True)
    if status["state"] in FINAL:
        raise LocalError(f"the stream ended as {status['state']}: {status['error_message']}")
    (events,) = story.api.call("GET", "/pipelines?q=events", quiet=True)
    runs = story.api.call("GET", f"/pipelines/{events['id']}/runs", quiet=True)
    return Look(
        runs=sum(run["status"] == "SUCCESS" for run in runs),
        events=contents.of_table(story.target_dsn, "analytics.events").rows,
        lag=status["lag_seconds"],
        changes=status["rows_written"],
    )


def _arrive(story: Story, stream: str) -> None:
    """Waits for the run that brings the last events: they are of an interval that is over in 5 seconds."""
    wanted = contents.of_query(story.source_dsn, _EVENTS).rows
    prices = contents.of_query(story.source_dsn, _PRICES)

    def is_there() -> bool:
        arrived = contents.of_table(story.target_dsn, "analytics.prices") == prices
        return arrived and _look(story, stream).events == wanted

    wait_for("all events and prices to arrive", is_there, seconds=45, every=0.3, seen=lambda: _look(story, stream))


def _files(example: str, *names: str) -> list[str]:
    return [word for name in names for word in ("-f", f"examples/{example}/{name}.yaml")]


def _execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())
