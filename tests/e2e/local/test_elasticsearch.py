"""The Elasticsearch of a local cluster: whoever starts it, it is nobody special, comes back with its data, and goes."""

import json
import os
import shutil
import signal
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import need_elasticsearch
from tests.e2e.local.clusters import ORDINARY_USER, THIS_USER, Cluster, make_machine
from tests.e2e.local.seen import listening

from headrace_local.elasticsearch import home as elasticsearch_home
from headrace_local.machine import hostpids
from headrace_local.waiting import wait_for


@pytest.fixture(scope="module", params=[THIS_USER, ORDINARY_USER])
def cluster(request: pytest.FixtureRequest, binary: Path) -> Iterator[Cluster]:
    is_ordinary = request.param == ORDINARY_USER
    if is_ordinary and os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    need_elasticsearch()
    home = Path(tempfile.mkdtemp(prefix="headrace-test-"))
    programs = shutil.copytree(elasticsearch_home.home(sys.stderr.write), home / "programs")
    machine = make_machine(home, binary, is_ordinary=is_ordinary)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADRACE_ELASTICSEARCH_HOME", str(programs))
        patch.delenv("HEADRACE_ELASTICSEARCH_URL", raising=False)
        made = machine.up("search", "--elasticsearch", "--elasticsearch-heap", "400m")
        try:
            yield made
        finally:
            made.down()
            shutil.rmtree(home)


def call(cluster: Cluster, path: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body else None
    url, headers = cluster.first["elasticsearch"] + path, {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method="PUT" if body else "GET")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_it_listens_on_loopback_only_and_runs_as_nobody_special(cluster: Cluster) -> None:
    pid = cluster.status()["processes"]["elasticsearch"]["pid"]
    ports = listening([pid])
    assert {host.removeprefix("::ffff:") for host, _ in ports} == {"127.0.0.1"}
    assert int(cluster.first["elasticsearch"].rpartition(":")[2]) in {port for _, port in ports}
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = {name: words.split() for name, _, words in (line.partition(":") for line in lines)}
    assert "0" not in status["Uid"] + status["Gid"]
    assert int(status["CapEff"][0], 16) == 0
    assert b"-Xmx400m" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_killed_it_comes_back_with_its_data(cluster: Cluster) -> None:
    call(cluster, "/films/_doc/1?refresh=true", {"title": "kept"})
    before = cluster.status()["processes"]["elasticsearch"]
    os.kill(before["pid"], signal.SIGKILL)

    def is_back() -> bool:
        now = cluster.status()["processes"]["elasticsearch"]
        return now["restarts"] > before["restarts"] and now["state"] == "ready"

    wait_for("Elasticsearch to come back", is_back, seconds=90, seen=lambda: cluster.status()["processes"])
    assert call(cluster, "/films/_doc/1")["_source"] == {"title": "kept"}


def test_nothing_of_it_stays_behind(cluster: Cluster) -> None:
    """The last of this module: it ends the cluster."""
    pids = {pid: hostpids.started(pid) for pid in cluster.pids()}
    cluster.down()
    assert not cluster.folder.exists()
    assert {pid for pid, started in pids.items() if started and hostpids.started(pid) == started} == set()
    assert "/mnt/node" not in Path("/proc/self/mountinfo").read_text()
