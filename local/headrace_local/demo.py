"""The demo, unattended: starts everything, tells the story, and removes everything, whatever happens."""

import os
import shlex
import signal
import sys
import time
from types import FrameType

import psycopg
from rich.console import Console

from headrace_local import films, leftovers, lifecycle, searchservers
from headrace_local.api import Api
from headrace_local.errors import LocalError
from headrace_local.jobwatch import JobWatch
from headrace_local.kubectl import Kubectl
from headrace_local.search import Search
from headrace_local.status import Status
from headrace_local.story import EXAMPLES, Story, table

INTERRUPTED = 130
_SETTINGS = ("ALLOWED_TARGET_TABLES=analytics.*,es:film_dim",)


def run() -> int:
    """Shows everything; returns the exit code: 0 when every step did what it says."""
    console = Console(soft_wrap=True)
    name, began = leftovers.name_for("demo", os.getpid()), time.monotonic()
    for number in (signal.SIGTERM, signal.SIGINT):
        # SIGINT too: a shell starts what it puts into the background with that ignored.
        signal.signal(number, _interrupt)
    try:
        _show(console, name)
        problem, code = "", 0
    except KeyboardInterrupt:
        problem, code = "The demo was interrupted.", INTERRUPTED
    except (LocalError, psycopg.Error, OSError) as error:
        problem, code = f"The demo failed: {error}", 1
    finally:
        _remove(console, name)
    if problem:
        sys.stderr.write(f"{problem} Everything that it started is removed.\n")
    else:
        console.print(f"All of it took {time.monotonic() - began:.0f} s. To look around yourself: make up")
    return code


def _show(console: Console, name: str) -> None:
    if not EXAMPLES.is_dir():
        raise LocalError("the demo shows the examples of a checkout of Headrace, and there is none here")
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
    def show(command: str) -> None:
        console.print(f"   $ {command}", style="cyan", highlight=False, markup=False)

    kubectl = Kubectl(tuple(shlex.split(status.kubectl or "")), status.kubeconfig or "", status.namespace, show)
    with Api(status.api or "", show=show) as api, JobWatch(kubectl) as jobs:
        story = Story(
            console=console, api=api, kubectl=kubectl, jobs=jobs,
            source_dsn=films.source_of(status.admin_dsn or ""), target_dsn=status.target_dsn or "",
            search=Search(status.elasticsearch, show) if status.elasticsearch else None,
        )  # fmt: skip
        story.tell()
        console.print()
        console.print(table(story.lines))


def _remove(console: Console, name: str) -> None:
    # From here on Ctrl-C would only leave things behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if lifecycle.down(name):
        console.print("\nEverything is removed: processes, ports and files.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
