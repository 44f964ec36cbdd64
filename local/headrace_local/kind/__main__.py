"""Headrace on kind, where there is Docker: the images, a Postgres and the chart: `python -m headrace_local.kind up`.

Headrace is installed with Helm, as anywhere else. Nothing but a kubeconfig is kept on this machine: the passwords are
in the cluster, which is asked for them each time.
"""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace_local import films
from headrace_local.chart import helm, images
from headrace_local.chart.release import Release
from headrace_local.errors import LocalError
from headrace_local.ground import ground
from headrace_local.kind import postgres as kindpostgres
from headrace_local.kind.cluster import Kind
from headrace_local.kubectl import Kubectl, KubectlError
from headrace_local.machine import postgres
from headrace_local.machine.cluster import NAMESPACE, Cluster, Passwords, Ports
from headrace_local.machine.platform import ALLOWED_TARGETS
from headrace_local.machine.status import Status
from headrace_local.waiting import wait_for

CONTEXT = "kind-headrace"
TEST_CONTEXT = "kind-headrace-test"
CONNECTIONS = "headrace-connections"
"""The Secret that the chart is told of."""
_READY_WITHIN = 300
Say = Callable[[str], None]


def prepare(kind: Kind, say: Say) -> Cluster:
    """The cluster, the images in it, and Postgres with its three databases; what is there already stays."""
    engine = kind.check("kind", "kubectl")
    say(f"the cluster {kind.name} …")
    kind.create()
    built = {role: images.name_of(role, images.version()) for role in images.ROLES}
    images.build(engine, built)
    say("giving the images to the cluster …")
    kind.load(built)
    say("Postgres in the cluster …")
    start_postgres(kind.kubectl(kindpostgres.NAMESPACE))
    outside = seen_from_here(kind)
    # The image starts it once without the network, for itself.
    wait_for("Postgres to answer on 127.0.0.1", lambda: postgres.answers(outside), seconds=60, every=0.5)
    postgres.set_up(outside)
    return outside


def start_postgres(kubectl: Kubectl) -> None:
    """Applies it, and returns when it is ready. It keeps the passwords that it was made with."""
    kubectl.apply(*kindpostgres.manifests(asdict(passwords(kubectl) or Passwords())))
    timeout = f"--timeout={_READY_WITHIN}s"
    kubectl.run("rollout", "status", "statefulset/postgres", timeout, seconds=_READY_WITHIN + 10)


def passwords(kubectl: Kubectl) -> Passwords | None:
    """Those that Postgres was made with, if it was."""
    try:
        data = kubectl.get("secret", kindpostgres.SECRET)["data"]
    except KubectlError as error:
        if "notfound" not in str(error).lower():
            raise
        return None
    return Passwords(**{name: base64.b64decode(data[name]).decode() for name in asdict(Passwords())})


def seen_from_here(kind: Kind) -> Cluster:
    """What the local cluster's own code has to know of one of kind's: how its Postgres is reached."""
    known = passwords(kind.kubectl(kindpostgres.NAMESPACE))
    if known is None:
        raise LocalError(f"{kind.context} has no Postgres of ours: make up CLUSTER=kind")
    ports = Ports(etcd=0, etcd_peer=0, apiserver=0, postgres=kind.postgres_port(), apis=(), operators=())
    return Cluster(kind.name, kind.folder, Path("kubectl"), ports, nodes=(), passwords=known)


def dsns(outside: Cluster) -> dict[str, str]:
    """The connections as pods of the cluster have them."""
    here = f"127.0.0.1:{outside.ports.postgres}"
    known = {"store": outside.store_dsn, "source": outside.source_dsn, "target": outside.target_dsn}
    return {name: dsn.replace(here, kindpostgres.ADDRESS) for name, dsn in known.items()}


def status(kind: Kind) -> Status:
    """How tests reach the cluster and its Postgres from this machine."""
    outside = seen_from_here(kind)
    return Status(
        name=kind.name, state="ready", kubeconfig=str(kind.kubeconfig), context=kind.context, folder=str(kind.folder),
        kubectl=f"kubectl --context {kind.context}", store_dsn=outside.store_dsn, source_dsn=outside.source_dsn,
        target_dsn=outside.target_dsn, admin_dsn=outside.admin_dsn,
    )  # fmt: skip


def install(kind: Kind, outside: Cluster, say: Say) -> str:
    """Installs the chart, or upgrades it to this checkout; returns what Helm says when all is ready."""
    kubectl = kind.kubectl(NAMESPACE)
    kubectl.apply(*ground(NAMESPACE, CONNECTIONS, dsns(outside)))
    release = Release.on(kubectl, helm.binary(say), kind.folder / "helm", values(kind))
    say("the chart …")
    return release.upgrade() if release.is_installed() else release.install()


def values(kind: Kind) -> dict[str, Any]:
    """The images are this checkout's; their names stay, so that only an annotation has pods replaced by newer ones."""
    tag = images.version()
    own = {role: {"podAnnotations": {"image": kind.digest(images.name_of(role, tag))}} for role in ("api", "operator")}
    chosen = {"connections": {"existingSecret": CONNECTIONS}, "allowedTargets": list(ALLOWED_TARGETS)}
    return {**chosen, "image": {"tag": tag}, **own}


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
Context = Annotated[str, typer.Option(help="Of the cluster; it begins with kind-.")]


@app.command()
def up(
    context: Context = CONTEXT,
    with_films: Annotated[bool, typer.Option("--films", help="Fill the source with a film catalogue.")] = False,
) -> None:
    """Make the cluster unless it is there, build the images, and install the chart of this checkout."""
    kind = Kind(context, os.environ)
    outside = prepare(kind, _say)
    said = install(kind, outside, _say)
    if with_films:
        films.load_films(outside.admin_dsn)
    print(f"export KUBECONFIG={kind.kubeconfig}\n\n{said}")


@app.command()
def down(context: Context = CONTEXT) -> None:
    """Remove the cluster and all that is in it."""
    kind = Kind(context, os.environ)
    kind.check("kind")
    _say(f"{kind.name} is gone" if kind.delete() else f"kind has no cluster {kind.name}")


@app.command("test", context_settings={"ignore_unknown_options": True})
def run_tests(arguments: Annotated[list[str] | None, typer.Argument()] = None, context: Context = TEST_CONTEXT) -> None:
    """Run the tests of the chart on a cluster that is made for them, and removed at the end."""
    kind = Kind(context, os.environ)
    kind.check("kind", "kubectl")
    was_there = kind.exists()
    # Python ends at once otherwise, and what was made stays; the next one would take it for somebody's.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    chosen = {"HEADRACE_TEST_CLUSTER": "kind", "HEADRACE_TEST_CONTEXT": context}
    command = [sys.executable, "-m", "pytest", "tests/chart/live", *(arguments or ())]
    try:
        prepare(kind, _say)
        done = subprocess.run(command, cwd=images.SOURCES, env={**os.environ, **chosen}, check=False)
    finally:
        if not was_there:
            kind.delete()
    raise typer.Exit(done.returncode)


def main() -> None:
    """Entry point: a sentence instead of a traceback for what a person can mend."""
    try:
        app(prog_name="python -m headrace_local.kind")
    except LocalError as error:
        _say(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
