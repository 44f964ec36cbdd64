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

from headrace_local.machine.cluster import Cluster, load
from headrace_local.machine.processes import Process, table

# A process that dies at once is started again after 0.1 s, then 0.2 s …; one that ran for a while, at once.
FIRST_PAUSE, LONGEST_PAUSE, SETTLED = 0.1, 3.0, 10.0
# For each of the groups that are asked to end. The kernel kills what is still there afterwards, with the namespace.
GRACE = 4.0


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
        """Those that need it may start."""
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
                try:
                    self._advance(child)
                except OSError as error:  # no process, memory or disk left: that may pass, and must not end the cluster
                    self._put_off(child, str(error))
            self._write()
            settled = all(child.is_up for child in self.children.values())
            select.select([woken], [], [], 1.0 if settled else 0.05)
            _drain(woken)
        self._stop()

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
            self._put_off(child, f"exit code {code}")

    def _put_off(self, child: Child, why: str) -> None:
        """Waits a while before the next try."""
        now = time.monotonic()
        child.pause = FIRST_PAUSE if now - child.started > SETTLED else min(child.pause * 2, LONGEST_PAUSE)
        child.not_before = now + child.pause
        if child.running is None:
            child.state = State.WAITING
        print(f"{child.process.name}: {why}; again in {child.pause:.1f} s", flush=True)

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
        child.started = time.monotonic()
        with (self.cluster.logs / f"{process.name}.log").open("ab") as log:
            child.running = subprocess.Popen(
                process.argv, env={**os.environ, **process.env}, cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[self.lifeline],
            )  # fmt: skip
        child.state = State.STARTING

    def _stop(self) -> None:
        """Asks group after group to end, and waits a while for each."""
        orders = (child.process.stop_order for child in self.children.values())
        for order in sorted({order for order in orders if order is not None}):
            group = [child for child in self.children.values() if child.process.stop_order == order]
            for child in group:
                if child.running:
                    child.running.terminate()
            deadline = time.monotonic() + GRACE
            while any(child.running for child in group) and time.monotonic() < deadline:
                time.sleep(0.02)
                self._reap()

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
        if text == self._written:
            return
        unfinished = self.cluster.folder / "processes.json.new"
        try:
            unfinished.write_text(text)
            unfinished.rename(self.cluster.folder / "processes.json")
        except OSError as error:
            print(f"processes.json: {error}", flush=True)
        else:
            self._written = text


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        pass


def main(folder: str, lifeline: str) -> None:
    """Runs until the cluster is to end; `lifeline` is the number of an open file."""
    # Containers inherit it, and expect the usual one; the folder as a whole is closed to others.
    os.umask(0o022)
    Supervisor(load(Path(folder)), int(lifeline)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
