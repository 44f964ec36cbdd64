"""An Elasticsearch of one's own, for tests and measurements: it may be stopped and started; it dies with its parent."""

import signal
import subprocess
from pathlib import Path

from headrace_local import probes
from headrace_local.elasticsearch import home as elasticsearch_home
from headrace_local.elasticsearch import node as elasticsearch
from headrace_local.elasticsearch.node import HEAP, Node
from headrace_local.errors import LocalError
from headrace_local.ports import free_ports
from headrace_local.programs import Say
from headrace_local.waiting import wait_for

# A node is there after 5 s; on a machine whose cores are busy with ten other programs, after a minute or two.
READY_WITHIN = 180.0


class OwnServer:
    """A node in a folder of its own; its port and its data stay when it is started again."""

    def __init__(self, folder: Path, say: Say, heap: str = HEAP, *, is_brief: bool = False) -> None:
        port, transport_port = free_ports(2)
        home = elasticsearch_home.home(say)
        self.node = Node(home, folder / "elasticsearch", port, transport_port, heap, is_brief)
        self.log = folder / "elasticsearch.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.node.url

    @property
    def pid(self) -> int | None:
        """Of the node itself: what starts it becomes it."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts it and waits until it answers; raises LocalError with the log's last lines when it does not."""
        elasticsearch.prepare(self.node)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                elasticsearch.command(self.node, dies_with_parent=True), cwd="/", stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        try:
            wait_for(f"Elasticsearch at {self.url}", self._is_ready, seconds=READY_WITHIN, seen=self.last_lines)
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it: in order with SIGTERM, in the middle of everything with SIGKILL."""
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it as `stop` does, and starts it again with its data."""
        self.stop(how)
        self.start()

    def last_lines(self, lines: int = 15) -> str:
        """What it wrote last."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _is_ready(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise LocalError(f"Elasticsearch ended with {self._process.returncode}:\n{self.last_lines()}")
        return probes.http(self.url + elasticsearch.HEALTH)
