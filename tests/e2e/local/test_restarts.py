"""A local cluster's processes are started again when they die, once each, and their containers end with them."""

import os
import signal

import pytest
from tests.e2e.local.clusters import THIS_USER, Cluster
from tests.e2e.local.pods import make_job, make_pod, pod_spec
from tests.e2e.local.seen import command_line

from headrace_local.kubectl import KubectlError
from headrace_local.machine import postgres
from headrace_local.waiting import wait_for


def test_a_second_up_finds_the_first(cluster: Cluster) -> None:
    again = cluster.machine.up("core")
    assert again.first["processes"] == cluster.status()["processes"]


@pytest.mark.parametrize("process", ["postgres", "runtime-localhost"])
def test_a_killed_process_comes_back_and_jobs_run_again(cluster: Cluster, process: str) -> None:
    comes_back(cluster, process)


@pytest.mark.parametrize("cluster", [THIS_USER], indirect=True)
@pytest.mark.parametrize("process", ["etcd", "kube-apiserver", "kubelet-localhost", "kube-controller-manager"])
def test_a_killed_part_of_kubernetes_comes_back_and_jobs_run_again(cluster: Cluster, process: str) -> None:
    comes_back(cluster, process)


def comes_back(cluster: Cluster, process: str) -> None:
    before = cluster.status()["processes"][process]
    os.kill(before["pid"], signal.SIGKILL)

    def is_back() -> bool:
        now = cluster.status()["processes"]
        return now[process]["restarts"] > before["restarts"] and all(
            p["state"] in ("ready", "done") for p in now.values()
        )

    wait_for(f"{process} to come back", is_back, seconds=40, seen=lambda: cluster.status()["processes"])
    assert postgres.answers_at(cluster.first["admin_dsn"])

    def runs() -> bool:
        try:
            job = make_job(cluster.kubectl, pod_spec("true", nodeName="localhost"))
            cluster.kubectl.run("wait", "--for=condition=complete", f"job/{job}", "--timeout=20s")
        except KubectlError:
            return False
        return True

    wait_for(f"a job to run after {process} was killed", runs, seconds=30)


def test_containers_do_not_outlive_their_runtime(cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    pod = make_pod(kubectl, pod_spec("sleep 1234.5 & sleep 1234.5", nodeName="localhost"))
    kubectl.run("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=20s")

    def sleepers() -> list[int]:
        return [pid for pid in cluster.pids() if b"1234.5" in command_line(pid)]

    assert sleepers()
    os.kill(cluster.status()["processes"]["runtime-localhost"]["pid"], signal.SIGKILL)
    wait_for("the containers of the killed runtime to end", lambda: not sleepers(), seconds=5)
    wait_for(
        "the kubelet to see it",
        lambda: kubectl.get("pod", pod)["status"]["phase"] in ("Failed", "Succeeded"),
        seconds=40,
        seen=lambda: kubectl.run("get", "pod", pod, "-o", "yaml"),
    )
