"""Nothing of a local cluster stays behind, however it ends."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.local.clusters import Machine, make_machine, prepare
from tests.e2e.local.pods import make_pod, pod_spec
from tests.e2e.local.seen import command_line, listening

from headrace_local.machine import hostpids
from headrace_local.waiting import wait_for


@pytest.fixture
def machine(binary: Path) -> Iterator[Machine]:
    home = Path(tempfile.mkdtemp(prefix="headrace-test-"))
    yield make_machine(home, binary, is_ordinary=False)
    shutil.rmtree(home)


@pytest.mark.parametrize("end", ["down", "its first process is killed", "the process that up left is killed"])
def test_nothing_stays_behind(machine: Machine, end: str) -> None:
    cluster = machine.up("gone")
    prepare(cluster.kubectl)
    make_pod(cluster.kubectl, pod_spec("sleep 1000", volumes=[{"name": "w", "secret": {"secretName": "word"}}]))
    wait_for("the container", lambda: any(b"sleep" in command_line(pid) for pid in cluster.pids()), seconds=20)
    pids, ports = cluster.pids(), listening(cluster.pids())
    names = {pid: hostpids.started(pid) for pid in pids}
    assert ports
    match end:
        case "down":
            cluster.down()
        case "its first process is killed":
            os.kill(hostpids.translate(cluster.outer())[1], signal.SIGKILL)
        case _:
            os.kill(cluster.outer(), signal.SIGKILL)
    wait_for(f"{cluster.folder} to go", lambda: not cluster.folder.exists(), seconds=10)
    assert {pid for pid in pids if names[pid] and hostpids.started(pid) == names[pid]} == set()
    assert str(machine.home) not in Path("/proc/self/mountinfo").read_text()
    for _, port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"somebody still listens on {port}"
    assert list(machine.home.iterdir()) == []
    assert cluster.status()["state"] == "absent"
