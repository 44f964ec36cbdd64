"""What the demo shows, step by step: each step does what it says through the public API and checks the outcome."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from headrace_local import films
from headrace_local.api import Api
from headrace_local.demo import contents, latency, runners
from headrace_local.demo.jobwatch import JobWatch
from headrace_local.demo.latency import TARGET_FINAL_STATE, TARGET_FIRST_BATCH, Latency
from headrace_local.demo.progress import follow
from headrace_local.demo.search import Search
from headrace_local.errors import LocalError
from headrace_local.kubectl import Kubectl
from headrace_local.waiting import wait_for

EXAMPLES = Path(__file__).parents[3] / "examples"
FULL, INCREMENTAL, SEARCH = "films-full", "films-incremental", "films-search"
HELD_BACK = 40_000
"""Rows per second: slow enough to pause and to kill in the middle."""
SMALL_RUNS = 5
INDEX = "film_dim"
NEW_TITLE = "The Penstock and the Headrace"
Run = dict[str, Any]


class DisagreementError(LocalError):
    """Source and target differ: what must never happen."""


@dataclass(slots=True)
class Line:
    """A line of the table at the end."""

    title: str
    rows_read: int
    rows_written: int
    seconds: float


@dataclass
class Story:
    """What the steps share."""

    console: Console
    api: Api
    kubectl: Kubectl
    jobs: JobWatch
    source_dsn: str
    """The superuser's: the demo changes films."""
    target_dsn: str
    search: Search | None = None
    """None where there is no Elasticsearch: its steps are left out."""
    films: int = 0
    full: str = ""
    """The id of film_dim_full."""
    incremental: str = ""
    documents: str = ""
    """The id of film_search."""
    lines: list[Line] = field(default_factory=list)

    def tell(self, more: Sequence["Step"] = ()) -> None:
        """All steps in their order, `more` before those that need an Elasticsearch."""
        steps = (*STEPS, *more, *(SEARCH_STEPS if self.search else ()))
        for number, (title, step) in enumerate(steps, 1):
            self.console.print(f"\n[bold]{number}/{len(steps)}  {title}[/bold]", highlight=False)
            step(self)
        if not self.search:
            self.say("Left out: the films as a search index. Elasticsearch needs Maven, which is not on this machine")

    def say(self, sentence: str) -> None:
        """One line of text."""
        self.console.print(f"   {sentence}", highlight=False, markup=False)

    def finish(self, title: str, run: Run, seconds: float) -> None:
        """Checks that a run succeeded, and puts it into the table."""
        if run["status"] != "SUCCESS":
            raise LocalError(f"{title}: the run ended as {run['status']}: {run['error_message']}")
        self.lines.append(Line(title, run["rows_read"], run["rows_written"], seconds))

    def agree(self, query: str, table: str) -> None:
        """Compares what the query gives now with the target; raises DisagreementError when they differ."""
        source, target = contents.of_query(self.source_dsn, query), contents.of_table(self.target_dsn, table)
        self.say(f"source  {source}")
        self.say(f"target  {target}")
        if source != target:
            raise DisagreementError(f"{table} is not what its query gives: {source} in the source, {target} there")
        self.say("they agree")

    def start(self, pipeline_id: str) -> Run:
        """Asks for a run and returns it."""
        asked = self.api.run(pipeline_id)
        return self.api.one_run(pipeline_id, asked["run_id"])


Step = tuple[str, Callable[[Story], None]]
"""Its title, and what it does."""


def make_films(story: Story) -> None:
    """Fills the source."""
    began = time.monotonic()
    story.films = films.create(story.source_dsn)
    story.say(f"{story.films:,} films in schema content, made in {time.monotonic() - began:.1f} s")


def create_by_rest(story: Story) -> None:
    """Makes the full pipeline and holds it back."""
    path = EXAMPLES / FULL / "pipeline.json"
    pipeline = story.api.call(
        "POST", "/pipelines", json.loads(path.read_text()), shown=f"@{path.relative_to(EXAMPLES.parent)}"
    )
    story.full = pipeline["id"]
    pipeline = story.api.call("PATCH", f"/pipelines/{story.full}", {"max_rows_per_second": HELD_BACK})
    story.say(f"{pipeline['name']} is {pipeline['status']} and writes to {pipeline['target_table']}")


def pause_and_resume(story: Story) -> None:
    """Pauses a run after a third of its rows, and resumes it."""
    began = time.monotonic()
    run = story.start(story.full)
    run = follow(story.console, story.api, run, story.films, until=lambda run: run["rows_read"] > story.films / 3)
    story.api.pause(story.full)
    story.api.wait_for_status(story.full, "PAUSED", seconds=30)
    state = story.api.call("GET", f"/pipelines/{story.full}/state")
    there = contents.of_table(story.target_dsn, "analytics.film_dim").rows
    story.say(f"PAUSED: {there:,} rows are committed, the last key is {state['last_processed_id']}")
    resumed = story.start(story.full)
    if resumed["id"] != run["id"]:
        raise LocalError(f"the paused run {run['id']} was not resumed: {resumed['id']} was started")
    run = follow(story.console, story.api, resumed, story.films)
    story.finish("film_dim_full, paused and resumed", run, time.monotonic() - began)
    story.agree(_query(FULL), "analytics.film_dim")


def create_by_kubectl(story: Story) -> None:
    """Applies the manifests of an example."""
    story.incremental = _create(story, INCREMENTAL, "film_rating_agg")
    story.agree(_query(INCREMENTAL), "analytics.film_rating_agg")


def kill_a_runner(story: Story) -> None:
    """Kills a runner after a third of its rows."""
    story.films += _change(story)
    began = time.monotonic()
    run = story.start(story.full)
    follow(story.console, story.api, run, story.films, until=lambda run: run["rows_read"] > story.films / 3)
    killed = runners.kill(run["id"])
    if not killed:
        raise LocalError("no runner process was found to kill")
    story.say(f"$ kill -9 {' '.join(map(str, killed))}")
    run = follow(story.console, story.api, run, story.films)
    story.finish("film_dim_full, its runner killed", run, time.monotonic() - began)
    story.agree(_query(FULL), "analytics.film_dim")


def bring_changes(story: Story) -> None:
    """Runs the incremental pipeline on the changes."""
    began = time.monotonic()
    run = story.start(story.incremental)
    run = story.api.wait_for_end(story.incremental, run["id"])
    story.finish("film_rating_agg, what changed", run, time.monotonic() - began)
    story.say(f"{run['rows_read']:,} rows read, {run['rows_written']:,} written")
    story.agree(_query(INCREMENTAL), "analytics.film_rating_agg")


def make_an_index(story: Story) -> None:
    """Loads the films into an index, which is shown when all of them are in."""
    story.documents = _create(story, SEARCH, "film_search")
    assert story.search
    found = story.search.count(INDEX)
    story.say(f"source  {story.films:,} films")
    story.say(f"index   {found:,} documents")
    if found != story.films:
        raise DisagreementError(f"{INDEX} has {found:,} documents of {story.films:,} films")


def find_a_change(story: Story) -> None:
    """Changes one film in the source, and searches for it in the index."""
    assert story.search
    search, path = story.search, f"/{INDEX}/_search?q=title:headrace"
    if search.hits(path):
        raise DisagreementError(f"a film has the word headrace in its title already: {path}")
    before = films.rename(story.source_dsn, NEW_TITLE)
    story.say(f"nothing is found; “{before}” becomes “{NEW_TITLE}” in the source")
    began = time.monotonic()
    run = story.api.wait_for_end(story.documents, story.start(story.documents)["id"])
    # An index shows what is written to it once a second.
    (film,) = wait_for("the film to be found", lambda: search.hits(path, quiet=True), seconds=30)
    took = time.monotonic() - began
    story.finish("film_search, 1 film changed", run, took)
    story.say(f"found {took:.1f} s after the change: {film['title']}, directed by {' and '.join(film['directors'])}")


def measure_latency(story: Story) -> None:
    """Measures small runs."""
    quiet = Api(story.api.base.removesuffix("/api/v1"))
    measured = []
    for _ in range(SMALL_RUNS):
        one = latency.measure(
            quiet, story.jobs, story.incremental, target_dsn=story.target_dsn,
            change=lambda: films.change(story.source_dsn, updates=10, inserts=0),
            probe="SELECT max(modified) FROM analytics.film_rating_agg",
        )  # fmt: skip
        measured.append(one)
        (run,) = quiet.call("GET", f"/pipelines/{story.incremental}/runs?limit=1")
        story.finish("film_rating_agg, 10 films changed", run, one.whole)
    story.agree(_query(INCREMENTAL), "analytics.film_rating_agg")
    _show_latency(story, latency.medians(measured))


STEPS: tuple[Step, ...] = (
    ("A film catalogue in the source: 200,000 films, their genres and people", make_films),
    (
        "A pipeline by REST: film_dim_full, held back to 40,000 rows a second so that there is something to see",
        create_by_rest,
    ),
    ("Run it, pause it in the middle, resume it", pause_and_resume),
    ("A pipeline by kubectl: film_rating_agg, incremental", create_by_kubectl),
    ("Change films, run film_dim_full again, and kill -9 its runner in the middle", kill_a_runner),
    ("The incremental one again: only what changed", bring_changes),
    ("How quick is it? Some small runs", measure_latency),
)

SEARCH_STEPS: tuple[Step, ...] = (
    ("The same films as an index to search in: film_search, into Elasticsearch", make_an_index),
    ("A film is changed a moment ago: search for it", find_a_change),
)


def table(lines: list[Line]) -> Table:
    """The runs, for the end."""
    made = Table("run", title="What ran", title_justify="left")
    for title in ("rows read", "rows written", "seconds"):
        made.add_column(title, justify="right")
    for line in lines:
        made.add_row(line.title, f"{line.rows_read:,}", f"{line.rows_written:,}", f"{line.seconds:.1f}")
    return made


def _create(story: Story, example: str, name: str) -> str:
    """Makes the pipeline of an example and runs it; returns its id."""
    began = time.monotonic()
    story.say(story.kubectl.run("apply", "-f", f"examples/{example}/pipeline.yaml"))
    story.say(story.kubectl.run("create", "-f", f"examples/{example}/run.yaml"))
    (pipeline,) = story.api.call("GET", f"/pipelines?q={name}")
    (run,) = story.api.call("GET", f"/pipelines/{pipeline['id']}/runs", quiet=True)
    run = follow(story.console, story.api, run, story.films, seconds=180)
    story.finish(f"{name}, first run", run, time.monotonic() - began)
    return str(pipeline["id"])


def _change(story: Story) -> int:
    changes = films.change(story.source_dsn)
    story.say(f"{changes.updated:,} ratings changed, {changes.inserted:,} films added")
    return changes.inserted


def _show_latency(story: Story, median: Latency) -> None:
    story.say(
        f"from POST …/run to the first batch committed: median {median.first_batch:.2f} s"
        f" of {SMALL_RUNS} runs (aim: under {TARGET_FIRST_BATCH:g} s)"
    )
    story.say(
        f"from the Job's end to the final state in GET …/status: median {median.final_state:.2f} s"
        f" (aim: under {TARGET_FINAL_STATE:g} s; 0 where it was there before)"
    )


def _query(example: str) -> str:
    import yaml

    manifest = yaml.safe_load((EXAMPLES / example / "pipeline.yaml").read_text())
    return str(manifest["spec"]["sourceQuery"])
