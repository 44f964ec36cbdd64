"""The chart's demo, unattended: installs it with Helm, kills and upgrades it in the middle of a run, and removes it."""

import json
import os
import shlex
import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from headrace_local import films
from headrace_local.api import Api
from headrace_local.chart import accounts, helm
from headrace_local.chart.release import Release
from headrace_local.demo import contents
from headrace_local.demo.progress import follow
from headrace_local.demo.story import EXAMPLES, FULL, DisagreementError
from headrace_local.demo.unattended import shower, unattended
from headrace_local.errors import LocalError
from headrace_local.ground import ground
from headrace_local.kubectl import Kubectl
from headrace_local.machine import leftovers, lifecycle
from headrace_local.machine.cluster import folder_of, load
from headrace_local.machine.platform import dsns
from headrace_local.machine.status import Status

NAMESPACE, SECRET = "headrace", "connections"
HELD_BACK = 4_000
"""Rows per second: a run of 50 s, in which there is time to upgrade."""
VALUES: dict[str, Any] = {
    "connections": {"existingSecret": SECRET},
    "allowedTargets": ["analytics.*"],
    # Pods share the machine's network here: each has an address of its own.
    "listenOn": "podIP",
}


def run() -> int:
    """Shows everything; returns the exit code: 0 when every step did what it says."""
    return unattended("chart-demo", _show)


def _show(console: Console, name: str) -> None:
    console.print("[bold]Kubernetes and Postgres, without Headrace[/bold]")
    program = helm.binary(lambda sentence: console.print(f"   {sentence}"))
    leftovers.remove("chart-demo")
    status = lifecycle.up(lifecycle.Wish(name=name, platform=False), lambda text: console.print(f"   {text}"))
    os.chdir(EXAMPLES.parent)
    show = shower(console)
    kubectl = Kubectl(tuple(shlex.split(status.kubectl or "")), status.kubeconfig or "", NAMESPACE, show)
    story = ChartStory(console, status, kubectl, Release.on(kubectl, program, folder_of(name) / "helm", VALUES))
    for number, (title, step) in enumerate(STEPS, 1):
        console.print(f"\n[bold]{number}/{len(STEPS)}  {title}[/bold]", highlight=False)
        step(story)


@dataclass
class ChartStory:
    """What the steps share."""

    console: Console
    status: Status
    kubectl: Kubectl
    release: Release
    token: str = ""
    pipeline: dict[str, Any] = field(default_factory=dict)
    run: str = ""

    def say(self, sentence: str) -> None:
        """One line of text."""
        self.console.print(f"   {sentence}", highlight=False, markup=False)

    def api(self, token: str = "") -> Api:
        """A client of a pod of the API that is ready now."""
        return Api(self.release.apis()[0], token=token or self.token)


def prepare(story: ChartStory) -> None:
    """Makes the namespace, the Secret and the films."""
    known = dsns(load(folder_of(story.status.name)))
    story.kubectl.quietly().apply(*ground(NAMESPACE, SECRET, known))
    story.say(f"namespace {NAMESPACE} takes restricted pods only; Secret {SECRET} has the keys {', '.join(known)}")
    story.say(f"{films.create(films.source_of(story.status.admin_dsn or '')):,} films in the source")


def install(story: ChartStory) -> None:
    """Installs the chart."""
    began = time.monotonic()
    notes = story.release.install()
    story.say(f"ready after {time.monotonic() - began:.1f} s")
    for line in notes.partition("NOTES:")[2].strip().splitlines()[:3]:
        story.say(line)
    story.say(story.kubectl.run("get", "pods").replace("\n", "\n   "))
    story.say("the default source and destination are made of the Secret:")
    story.kubectl.quietly().run("wait", "--for=create", "--timeout=30s", "etlsource/default", "etldestination/default")
    ready = ("wait", "--for=condition=Ready", "--timeout=30s", "etlsource/default", "etldestination/default")
    story.say(story.kubectl.run(*ready).replace("\n", "\n   "))


def start(story: ChartStory) -> None:
    """Makes a pipeline as an editor, after a viewer was refused."""
    viewer = accounts.token(story.kubectl, "viewer", role="headrace-view")
    story.token = accounts.token(story.kubectl, "editor", role="headrace-edit")
    body = json.loads((EXAMPLES / FULL / "pipeline.json").read_text()) | {"max_rows_per_second": HELD_BACK}
    with story.api(viewer) as api:
        answer = api.request("POST", "/pipelines", body)
    story.say(f"the viewer's POST is answered with {answer.status_code}: {answer.json()['error']['message']}")
    if answer.status_code != 403:
        raise LocalError("somebody who may only look has made a pipeline")
    with story.api() as api:
        story.pipeline = api.create(**body)
        story.run = str(api.run(story.pipeline["id"])["run_id"])
        api.wait_for_run(story.pipeline["id"], story.run, lambda run: run["rows_read"] > 0)
    story.say(f"the editor's pipeline {story.pipeline['name']} runs")


def kill_the_operator(story: ChartStory) -> None:
    """Kills the operator that works."""
    leader = story.release.leader()
    story.say(story.kubectl.run("delete", "pod", leader.name, "--grace-period=0", "--force"))
    story.say(f"{story.release.leader().name} works now")


def upgrade(story: ChartStory) -> None:
    """Upgrades, so that every pod is replaced."""
    again = {"podAnnotations": {"example.com/upgraded": "yes"}}
    story.release.upgrade({"api": again, "operator": again})
    story.say(f"revision {story.release.revision()}; its pods are new, and the run knows nothing of it")


def finish(story: ChartStory) -> None:
    """Follows the run to its end, and compares."""
    with story.api() as api:
        run = follow(story.console, api, api.one_run(story.pipeline["id"], story.run), films.FILMS)
    if run["status"] != "SUCCESS" or run["id"] != story.run:
        raise LocalError(f"the run ended as {run['status']}: {run['error_message']}")
    source = contents.of_query(films.source_of(story.status.admin_dsn or ""), story.pipeline["source_query"])
    target = contents.of_table(story.status.target_dsn or "", story.pipeline["target_table"])
    story.say(f"source  {source}")
    story.say(f"target  {target}")
    if source != target:
        raise DisagreementError("source and target differ")
    story.say("they agree")


def uninstall(story: ChartStory) -> None:
    """Uninstalls, and shows what is left."""
    story.release.uninstall()
    left = [item["metadata"]["name"] for item in story.kubectl.list("etlpipelines.headrace.dev")]
    rows = contents.of_table(story.status.target_dsn or "", story.pipeline["target_table"]).rows
    story.say(f"left: the resource definitions, {len(left)} pipeline ({', '.join(left)}), {rows:,} rows in the target")
    if not left or not rows:
        raise LocalError("the uninstall took more than the release")


STEPS = (
    ("A namespace that takes restricted pods only, a Secret, and films", prepare),
    ("The chart: two pods of the API, two operators", install),
    ("Who may only look is refused; an editor makes a pipeline and runs it", start),
    ("The operator that works is killed while the run goes on", kill_the_operator),
    ("helm upgrade, while the run goes on", upgrade),
    ("The run ends", finish),
    ("helm uninstall", uninstall),
)
