"""`headrace-local`: everything on one machine."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from headrace_local.elasticsearch.node import HEAP, check_heap
from headrace_local.errors import LocalError, UnsupportedMachineError
from headrace_local.machine import build, lifecycle
from headrace_local.machine.cluster import folder_of, load
from headrace_local.machine.status import Status, read

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
Name = Annotated[str, typer.Option(help="Name of the cluster: several can run side by side.")]
Setting = Annotated[
    list[str] | None, typer.Option("--setting", metavar="KEY=VALUE", help="For operator and API; repeatable.")
]


@app.command()
def up(
    name: Name = "default",
    nodes: Annotated[int, typer.Option(min=1, max=5, help="How many nodes.")] = 1,
    api_replicas: Annotated[int, typer.Option(min=1, max=5, help="How many processes of the API.")] = 1,
    operators: Annotated[int, typer.Option(min=1, max=5, help="How many operators, of which one leads.")] = 1,
    platform: Annotated[bool, typer.Option(help="Start operator and API too.")] = True,
    elasticsearch: Annotated[
        bool, typer.Option("--elasticsearch", help="Start Elasticsearch too; HEADRACE_ELASTICSEARCH_URL names another.")
    ] = False,
    elasticsearch_heap: Annotated[str, typer.Option(metavar="SIZE", help="Memory of its Java, such as 1g.")] = HEAP,
    films: Annotated[bool, typer.Option("--films", help="Fill the source with a film catalogue.")] = False,
    setting: Setting = None,
    output: Annotated[str, typer.Option("--output", "-o", help="text or json")] = "text",
) -> None:
    """Start a cluster with Postgres, operator and API, and leave it running."""
    began = time.monotonic()
    heap = check_heap(elasticsearch_heap)
    wish = lifecycle.Wish(name, nodes, api_replicas, operators, platform, tuple(setting or ()), elasticsearch, heap)
    status = lifecycle.up(wish, _say)
    if films:
        from headrace_local.films import load_films

        load_films(str(status.admin_dsn))
    _say(f"ready after {time.monotonic() - began:.1f} s")
    _print(status, output)
    if platform and output == "text":
        print(f"\nTry:\n{_to_try(name, status)}")


@app.command()
def down(name: Name = "default") -> None:
    """End a cluster and remove all of it."""
    _say(f"{name} is gone" if lifecycle.down(name) else f"no cluster named {name} is running")


@app.command("status")
def show(
    name: Name = "default", output: Annotated[str, typer.Option("--output", "-o", help="text or json")] = "text"
) -> None:
    """Show addresses and processes; exit code 3 when there is no such cluster."""
    folder = folder_of(name)
    holder = lifecycle.outer(folder)
    status = read(load(folder), holder) if holder else Status(name=name, state="absent")
    _print(status, output)
    if not holder:
        raise typer.Exit(3)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
)
def kubectl(arguments: Annotated[list[str] | None, typer.Argument()] = None, name: Name = "default") -> None:
    """Run kubectl on a cluster: headrace-local kubectl -- get pods."""
    cluster = load(folder_of(name))
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    # Becomes kubectl, so that signals and the exit code are its own.
    os.execv(  # noqa: S606
        cluster.binary, [str(cluster.binary), "kubectl", *(arguments or [])]
    )


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
)
def helm(arguments: Annotated[list[str] | None, typer.Argument()] = None, name: Name = "default") -> None:
    """Run Helm on a cluster: headrace-local helm -- list --all-namespaces."""
    from headrace_local.chart.helm import binary

    os.environ["KUBECONFIG"] = str(load(folder_of(name)).kubeconfig)
    program = binary(_say)
    os.execv(program, [str(program), *(arguments or [])])  # noqa: S606 - as above


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
)
def psql(arguments: Annotated[list[str] | None, typer.Argument()] = None, name: Name = "default") -> None:
    """Run psql as the superuser of a cluster's Postgres: headrace-local psql -- -d source -f setup.sql."""
    from headrace_local.machine import postgres

    here = postgres.environment(load(folder_of(name)))
    # Any of libpq's, as PGHOSTADDR or PGSERVICE, could lead the superuser to another server.
    for variable in [each for each in os.environ if each.startswith("PG")]:
        del os.environ[variable]
    os.environ.update(here)
    program = postgres.binaries() / "psql"
    os.execv(program, [str(program), *(arguments or [])])  # noqa: S606 - as above


@app.command("logs")
def show_logs(
    process: Annotated[str, typer.Argument(help="A name that `status` shows, or supervisor.")],
    name: Name = "default",
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
) -> None:
    """Print the log of one process."""
    path = folder_of(name) / "log" / f"{process}.log"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in path.parent.glob("*.log"))) or "none"
        raise LocalError(f"no log of {process}; there are: {known}")
    os.execvp(  # noqa: S606 - as above
        "tail", ["tail", "-n", "+1", *(["-F"] if follow else []), str(path)]
    )


@app.command("build")
def build_only() -> None:
    """Build the programs of the cluster now, and print where they are."""
    from headrace_local.chart.helm import binary

    print(build.binary(_say))
    print(binary(_say))


@app.command()
def demo() -> None:
    """Show pipelines on a real Kubernetes API, then remove everything."""
    from headrace_local.demo.run import run

    raise typer.Exit(run())


@app.command("demo-chart")
def demo_chart() -> None:
    """Install the Helm chart, kill and upgrade it in the middle of a run, then remove everything."""
    from headrace_local.demo.chart import run

    raise typer.Exit(run())


def _to_try(name: str, status: Status) -> str:
    """Three commands that show what there is; the paths are those of a checkout."""
    kubectl = f".venv/bin/headrace-local kubectl --name {name} -- -n {status.namespace}"
    body = "-H 'Content-Type: application/json' -d @examples/films-full/pipeline.json"
    example = "examples/films-incremental"
    commands = (
        f"curl -X POST {status.api}/api/v1/pipelines {body}",
        f"{kubectl} create -f {example}/pipeline.yaml -f {example}/run.yaml",
        f"{kubectl} get etlruns --watch",
    )
    return "\n".join(f"  {command}" for command in commands)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _print(status: Status, output: str) -> None:
    if output == "json":
        print(status.to_json())
        return
    if status.state == "absent":
        print(f"no cluster named {status.name} is running")
        return
    rows = {
        "API": ", ".join(status.apis),
        "kubeconfig": status.kubeconfig,
        "context": status.context,
        "store": status.store_dsn,
        "source": status.source_dsn,
        "target": status.target_dsn,
        "superuser": status.admin_dsn,
        "search": status.elasticsearch,
    }
    for title, value in rows.items():
        if value:
            print(f"{title:<12}{value}")
    for process, state in status.processes.items():
        if state["state"] != "done":
            print(f"{process:<26}{state['state']:<10}pid {state['pid']}  restarts {state['restarts']}")
    for note in status.notes:
        print(f"note: {note}")


def main() -> NoReturn:
    """Entry point: a sentence instead of a traceback for what a person can mend."""
    try:
        app(prog_name="headrace-local" if Path(sys.argv[0]).stem != "__main__" else "python -m headrace_local")
    except UnsupportedMachineError as error:
        _say(str(error))
        sys.exit(2)
    except LocalError as error:
        _say(str(error))
        sys.exit(1)
    sys.exit(0)
