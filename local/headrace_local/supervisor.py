"""The first process of a cluster's namespaces: starts the others, starts again each that dies, and reaps orphans."""

import enum
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from headrace_local.cluster import Cluster, load
from headrace_local.processes import Process, table

# A process that dies at once is started again after 0.1 s, then 0.2 s …; one that ran for a while, at once.
FIRST_PAUSE, LONGEST_PAUSE, SETTLED = 0.1, 3.0, 10.0
# `down` is bounded by these: what is still there afterwards is killed by the kernel, with the namespace.
GRACE_PLATFORM, GRACE = 3.0, 4.0


class State(enum.StrEnum):
    """Of one process."""

    WAITING = "waiting"  # for what it needs, or for the pause after its death
    STARTING = "starting"
    READY = "ready"
    DONE = "done"  # a step that has succeeded
    STOPPED = "stopped"


@dataclass
class Child:
    """One row of the table, and what became of it."""

    process: Process
    state: State = State.WAITING
    running: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    started: float = 0.0
    not_before: float = 0.0
    pause: float = FIRST_PAUSE

    @property
    def is_up(self) -> bool:
        return self.state in (State.READY, State.DONE)


class Supervisor:
    """Holds the children; nothing here blocks for longer than a probe's timeout."""

    def __init__(self, cluster: Cluster, lifeline: int) -> None:
        self.cluster = cluster
        self.lifeline = lifeline
        self.children = {process.name: Child(process) for process in table(cluster)}
        self.is_stopping = False
        self._written = ""

    def run(self) -> None:
        """Until SIGTERM."""
        woken = self._listen()
        while not self.is_stopping:
            self._reap()
            for child in self.children.values():
                self._advance(child)
            self._write()
            settled = all(child.is_up for child in self.children.values())
            select.select([woken], [], [], 1.0 if settled else 0.05)
            _drain(woken)
        self._stop([child for child in self.children.values() if child.process.leaves_first], GRACE_PLATFORM)
        self._stop(list(self.children.values()), GRACE)

    def _listen(self) -> int:
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "is_stopping", True))
        return woken

    def _reap(self) -> None:
        """Collects the dead: our own, and the orphans that the kernel hands to the first process."""
        by_pid = {child.running.pid: child for child in self.children.values() if child.running}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if child := by_pid.get(pid):
                self._bury(child, os.waitstatus_to_exitcode(status))

    def _bury(self, child: Child, code: int) -> None:
        assert child.running
        # Or else subprocess would wait for it a second time, and take the status of another process with the same pid.
        child.running.returncode = code
        child.running = None
        if self.is_stopping:
            child.state = State.STOPPED
        elif child.process.once and code == 0:
            child.state = State.DONE
        else:
            now = time.monotonic()
            child.pause = FIRST_PAUSE if now - child.started > SETTLED else min(child.pause * 2, LONGEST_PAUSE)
            child.not_before, child.state = now + child.pause, State.WAITING
            print(f"{child.process.name} ended with {code}, starting it again in {child.pause:.1f} s", flush=True)

    def _advance(self, child: Child) -> None:
        if child.state is State.WAITING:
            needs = (self.children[name] for name in child.process.after)
            if time.monotonic() >= child.not_before and all(need.is_up for need in needs):
                self._start(child)
        elif child.state is State.STARTING and child.process.is_ready():
            child.state = State.READY

    def _start(self, child: Child) -> None:
        process = child.process
        if child.started:
            child.restarts += 1
        with (self.cluster.logs / f"{process.name}.log").open("ab") as log:
            child.running = subprocess.Popen(
                process.argv, env={**os.environ, **process.env}, cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[self.lifeline],
            )  # fmt: skip
        child.started, child.state = time.monotonic(), State.STARTING

    def _stop(self, children: list[Child], grace: float) -> None:
        """Asks them to end, and waits for it that long."""
        for child in children:
            if child.running:
                # Postgres would wait for its sessions on SIGTERM.
                child.running.send_signal(signal.SIGINT if child.process.name == "postgres" else signal.SIGTERM)
        deadline = time.monotonic() + grace
        while any(child.running for child in children) and time.monotonic() < deadline:
            time.sleep(0.02)
            self._reap()
            self._write()

    def _write(self) -> None:
        """Says how things are; a reader never sees half of it."""
        states = {
            name: {
                "pid": child.running.pid if child.running else None,
                "restarts": child.restarts,
                "state": child.state,
            }
            for name, child in self.children.items()
        }
        text = json.dumps(states)
        if text != self._written:
            unfinished = self.cluster.folder / "processes.json.new"
            unfinished.write_text(text)
            unfinished.rename(self.cluster.folder / "processes.json")
            self._written = text


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        pass


def main(folder: str, lifeline: str) -> None:
    os.umask(0o077)
    Supervisor(load(Path(folder)), int(lifeline)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
