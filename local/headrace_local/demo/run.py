"""The demo: starts everything, and tells the story."""

import os
import shlex
import time

from rich.console import Console

from headrace_local import films
from headrace_local.api import Api
from headrace_local.demo.databases import DATABASE_STEPS
from headrace_local.demo.jobwatch import JobWatch
from headrace_local.demo.ongoing import PLATFORM_STEPS
from headrace_local.demo.search import Search
from headrace_local.demo.story import EXAMPLES, Story, table
from headrace_local.demo.unattended import shower, unattended
from headrace_local.errors import LocalError
from headrace_local.kubectl import Kubectl
from headrace_local.machine import leftovers, lifecycle, searchservers
from headrace_local.machine.status import Status

# The WAL is looked at more often than each minute, so that there is something to see.
_SETTINGS = ("WAL_MONITOR_INTERVAL_SECONDS=3",)


def run() -> int:
    """Shows everything; returns the exit code: 0 when every step did what it says."""
    return unattended("demo", _show)


def _show(console: Console, name: str) -> None:
    console.print("[bold]Kubernetes, Postgres, operator and API, as processes of this machine[/bold]")
    leftovers.remove("demo")
    began = time.monotonic()
    status = lifecycle.up(
        lifecycle.Wish(name=name, settings=_SETTINGS, elasticsearch=searchservers.can_choose()),
        lambda sentence: console.print(f"   {sentence}"),
    )
    if not status.api or not status.kubeconfig or not status.kubectl:
        raise LocalError("operator and API did not start")
    console.print(f"   ready after {time.monotonic() - began:.1f} s; the API is at {status.api}/docs")
    os.chdir(EXAMPLES.parent)
    _tell(console, status)


def _tell(console: Console, status: Status) -> None:
    show = shower(console)
    kubectl = Kubectl(tuple(shlex.split(status.kubectl or "")), status.kubeconfig or "", status.namespace, show)
    with Api(status.api or "", show=show) as api, JobWatch(kubectl) as jobs:
        story = Story(
            console=console, api=api, kubectl=kubectl, jobs=jobs,
            source_dsn=films.source_of(status.admin_dsn or ""), target_dsn=status.target_dsn or "",
            search=Search(status.elasticsearch, show) if status.elasticsearch else None,
        )  # fmt: skip
        story.tell((*PLATFORM_STEPS, *DATABASE_STEPS))
        console.print()
        console.print(table(story.lines))
