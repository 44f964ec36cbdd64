"""Starting and ending a cluster, from outside of it."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headrace_local.elasticsearch import node as elasticsearch
from headrace_local.elasticsearch.node import HEAP
from headrace_local.errors import LocalError
from headrace_local.machine import audit, build, bytecode, hostpids, janitor, kubelet, namespace, searchservers
from headrace_local.machine.cluster import Cluster, Elasticsearch, design, folder_of, load
from headrace_local.machine.status import Status, read

# Kubernetes takes 10 s and Elasticsearch 5 s; ten times as long, and more, where the cores are busy with other tests.
READY_WITHIN = 240.0
GONE_WITHIN = 20.0
# A folder is there this long before the cluster's first process, at most.
STARTED_WITHIN = 15.0


@dataclass(frozen=True)
class Wish:
    """What the caller of `up` asks for."""

    name: str = "default"
    nodes: int = 1
    apis: int = 1
    operators: int = 1
    platform: bool = True
    settings: tuple[str, ...] = ()
    elasticsearch: bool = False
    heap: str = HEAP


def up(wish: Wish, say: Callable[[str], None]) -> Status:
    """Starts a cluster unless it runs, and returns when it is ready; raises LocalError with the reason."""
    namespace.check()
    folder = folder_of(wish.name)
    # Before the folder is there: it takes minutes, and another `up` should not take the folder for a dead one's.
    binary = build.binary(say)
    server = searchservers.choose(folder, wish.heap, say) if wish.elasticsearch else None
    bytecode.compile_roles()
    if not _make(folder):
        say(f"{wish.name} is running already, and stays as it was started")
        return _wait_until_ready(folder)
    # Held until the end of this: or else the janitor would take away the logs of a cluster that does not start.
    lifeline = janitor.start(folder)
    try:
        _start(wish, folder, binary, server, lifeline)
        return _wait_until_ready(folder)
    except BaseException:
        os.close(lifeline)
        lifeline = -1
        down(wish.name)
        raise
    finally:
        if lifeline >= 0:
            os.close(lifeline)


def _make(folder: Path) -> bool:
    """Whether the folder is new, and so the cluster is ours to start. What a dead cluster left is removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + GONE_WITHIN
    while time.monotonic() < deadline:
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            if outer(folder):
                return False
            # Usually a janitor is at it; there is none after the machine was switched off.
            if time.time() - _changed(folder) > STARTED_WITHIN:
                shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.1)
        else:
            return True
    raise LocalError(f"{folder} is being started or removed by another command and does not get ready")


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return time.time()


def _start(wish: Wish, folder: Path, binary: Path, server: Elasticsearch | None, lifeline: int) -> None:
    settings = dict(_setting(text) for text in wish.settings)
    cluster = design(wish.name, folder, binary, wish.nodes, wish.apis, wish.operators, wish.platform, settings, server)
    _write(cluster)
    argv = [cluster.python, "-m", "headrace_local.machine.supervisor", str(folder), str(lifeline)]
    with (cluster.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            namespace.command(cluster, argv), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, pass_fds=[lifeline],
        )  # fmt: skip
    (folder / "outer.json").write_text(json.dumps([process.pid, hostpids.started(process.pid)]))


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise LocalError(f"--setting {text}: want KEY=VALUE")
    return key, value


def _write(cluster: Cluster) -> None:
    """All files that the processes read."""
    old = os.umask(0o077)
    try:
        namespace.prepare(cluster)
        (cluster.folder / "postgres.password").write_text(cluster.passwords.admin)
        names = ",".join(node.name for node in cluster.nodes)
        pki = [
            "pki",
            "--dir",
            str(cluster.pki),
            "--server",
            cluster.server,
            "--context",
            cluster.context,
            "--nodes",
            names,
        ]
        subprocess.run([str(cluster.binary), *pki], check=True)
        for node in cluster.nodes:
            kubelet.write(cluster, node)
        audit.write(cluster)
        if cluster.elasticsearch and cluster.elasticsearch.node:
            elasticsearch.prepare(cluster.elasticsearch.node)
        cluster.save()
    finally:
        os.umask(old)


def outer(folder: Path) -> int | None:
    """The pid of the process that holds the namespaces, while it lives."""
    try:
        pid, started = json.loads((folder / "outer.json").read_text())
    except (OSError, ValueError):
        return None
    return pid if started and hostpids.started(pid) == started else None


def _wait_until_ready(folder: Path) -> Status:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        holder = outer(folder)
        if holder and (folder / "processes.json").is_file():
            status = read(load(folder), holder)
            if status.state == "ready":
                return status
        elif not holder:
            raise LocalError(f"the cluster ended while it started:\n{_tail(folder / 'log/supervisor.log')}")
        time.sleep(0.05)
    status = read(load(folder), outer(folder))
    late = [name for name, process in status.processes.items() if process["state"] not in ("ready", "done")]
    tails = "\n".join(f"--- {name}\n{_tail(folder / 'log' / f'{name}.log')}" for name in late[:2])
    raise LocalError(f"not ready after {READY_WITHIN:.0f} s: {', '.join(late)}\n{tails}")


def _tail(path: Path, lines: int = 15) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


def down(name: str) -> bool:
    """Ends a cluster and waits until nothing of it is left; False when there was none."""
    folder = folder_of(name)
    if not folder.exists():
        return False
    if holder := outer(folder):
        first = hostpids.translate(holder).get(1)
        _signal(first or holder, signal.SIGTERM if first else signal.SIGKILL)
        if not _until(lambda: outer(folder) is None, GONE_WITHIN):
            _signal(holder, signal.SIGKILL)
    # The janitor removes the folder; this is for the case that somebody ended the janitor.
    if not _until(lambda: not folder.exists(), 5):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise LocalError(f"{folder} could not be removed")
    return True


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _until(is_so: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
