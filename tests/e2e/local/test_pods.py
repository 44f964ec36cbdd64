"""What a pod may expect of the local cluster."""

import os
import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests.e2e.local.clusters import NAMESPACE, Cluster
from tests.e2e.local.pods import ended, make_job, make_pod, pod_spec

from headrace_local.kubectl import Kubectl, KubectlError
from headrace_local.waiting import wait_for


def test_a_job_runs_with_its_secret_its_settings_and_a_folder_of_its_own(cluster: Cluster) -> None:
    script = (
        "echo env=$WORD file=$(cat /etc/word/word) colour=$(cat /settings/colour) uid=$(id -u); "
        "touch /made-here && echo root is writable; echo kept > /kept/file && cat /kept/file; "
        "python -c 'import headrace_runner' && echo the environment is there; echo the last word > /dev/termination-log"
    )
    spec = pod_spec(
        script,
        container={
            "env": [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "word", "key": "word"}}}],
            "securityContext": {"readOnlyRootFilesystem": True, "runAsNonRoot": True, "runAsUser": 12345},
            "volumeMounts": [
                {"name": "word", "mountPath": "/etc/word"},
                {"name": "settings", "mountPath": "/settings"},
                {"name": "work", "mountPath": "/kept"},
            ],
        },
        volumes=[
            {"name": "word", "secret": {"secretName": "word"}},
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "work", "emptyDir": {}},
        ],
    )
    kubectl = cluster.kubectl
    job = make_job(kubectl, spec)
    kubectl.run("wait", "--for=condition=complete", f"job/{job}", "--timeout=30s")
    said = kubectl.run("logs", f"job/{job}").splitlines()
    assert "env=xyzzy file=xyzzy colour=blue uid=12345" in said
    assert "kept" in said
    assert "the environment is there" in said
    assert "root is writable" not in said
    (pod,) = kubectl.list("pods", "-l", f"job-name={job}")
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"] == "the last word\n"
    for place in ("/etc/word", "/settings", "/kept", "/made-here"):
        assert not Path(place).exists(), f"{place} was left in the machine's own file system"


def test_a_pod_reaches_the_api_with_the_token_of_its_service_account(cluster: Cluster) -> None:
    script = """
cat > /srv/scratch/ask.py <<'EOF'
import os, ssl, urllib.request
at = "/var/run/secrets/kubernetes.io/serviceaccount"
url = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}/version"
token = open(f"{at}/token").read()
request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
print(urllib.request.urlopen(request, context=ssl.create_default_context(cafile=f"{at}/ca.crt")).status)
EOF
python /srv/scratch/ask.py"""
    # Not /tmp: the checkout, with the interpreter, may lie below it.
    mounts = {"volumeMounts": [{"name": "scratch", "mountPath": "/srv/scratch"}]}
    spec = pod_spec(
        script, automountServiceAccountToken=True, container=mounts, volumes=[{"name": "scratch", "emptyDir": {}}]
    )
    pod = make_pod(cluster.kubectl, spec)
    state = ended(cluster.kubectl, pod)
    said = cluster.kubectl.run("logs", pod)
    assert (state["exitCode"], said) == (0, "200")


def test_probes_exec_and_port_forward_reach_a_pod_at_its_own_address(cluster: Cluster) -> None:
    port = {"port": 8080}
    server = {
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {"httpGet": {"path": "/", **port}, "periodSeconds": 1},
        "livenessProbe": {"exec": {"command": ["test", "-f", "/srv/file/here"]}, "periodSeconds": 1},
        "volumeMounts": [{"name": "files", "mountPath": "/srv/file"}],
    }
    script = "echo 1 > /srv/file/here; cd /srv/file; exec python -m http.server 8080 --bind $IP"
    spec = pod_spec(script, container=server, volumes=[{"name": "files", "emptyDir": {}}])
    kubectl = cluster.kubectl
    # Two: each has an address, so that both can have the same port.
    pods = [make_pod(kubectl, spec) for _ in range(2)]
    for pod in pods:
        kubectl.run("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=30s")
        assert kubectl.run("exec", pod, "--", "cat", "/srv/file/here") == "1"
    with pytest.raises(KubectlError, match="exit code 7"):
        kubectl.run("exec", pods[0], "--", "sh", "-c", "exit 7")
    assert kubectl.run("exec", "-i", pods[0], "--", "cat", stdin="through") == "through"
    assert b"here" in forwarded(kubectl, pods[0])
    for pod in pods:
        assert kubectl.get("pod", pod)["status"]["containerStatuses"][0]["restartCount"] == 0
        kubectl.run("delete", "pod", pod, "--grace-period=1", "--wait=false")


def forwarded(kubectl: Kubectl, pod: str) -> bytes:
    command = [*kubectl.command, "--namespace", NAMESPACE, "port-forward", pod, ":8080"]
    env = {**os.environ, "KUBECONFIG": kubectl.kubeconfig}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as forward:
        assert forward.stdout is not None
        try:
            # Forwarding from 127.0.0.1:40123 -> 8080
            address = forward.stdout.readline().split()[2]
            with urllib.request.urlopen(f"http://{address}/", timeout=10) as answer:
                return bytes(answer.read())
        finally:
            forward.terminate()


def test_suspending_a_job_sends_sigterm_and_resuming_starts_it_again(cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    script = "trap 'echo asked to stop; exit 75' TERM; echo started; while true; do sleep 0.1; done"
    job = make_job(kubectl, pod_spec(script))
    pods = wait_for("the job's pod", lambda: kubectl.list("pods", "-l", f"job-name={job}"), seconds=20)
    pod = pods[0]["metadata"]["name"]
    kubectl.run("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=20s")
    command = [*kubectl.command, "--namespace", NAMESPACE, "logs", "-f", pod]
    env = {**os.environ, "KUBECONFIG": kubectl.kubeconfig}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as follow:
        assert follow.stdout is not None
        assert follow.stdout.readline() == "started\n"
        kubectl.patch("job", job, {"spec": {"suspend": True}})
        said, _ = follow.communicate(timeout=30)
    # The kubelet adds an error of its own where the container is removed before it has looked again.
    assert said.splitlines()[0] == "asked to stop"
    wait_for("the suspended pod to go", lambda: not kubectl.list("pods", "-l", f"job-name={job}"), seconds=20)
    kubectl.patch("job", job, {"spec": {"suspend": False}})
    again = wait_for("the job's next pod", lambda: kubectl.list("pods", "-l", f"job-name={job}"), seconds=20)
    assert again[0]["metadata"]["name"] != pod
    kubectl.run("delete", "job", job, "--cascade=foreground", "--timeout=30s")


def test_other_images_are_refused_and_the_pod_says_why(cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    pod = make_pod(kubectl, pod_spec("true", container={"image": "docker.io/library/nginx:1"}))

    def why() -> str:
        statuses = kubectl.get("pod", pod)["status"].get("containerStatuses", [{}])
        waiting = statuses[0].get("state", {}).get("waiting", {})
        return str(waiting.get("message", "")) if "ImagePull" in waiting.get("reason", "") else ""

    said = wait_for("the image to be refused", why, seconds=20, seen=lambda: kubectl.run("get", "pod", pod))
    assert "nginx" in said
    assert "headrace/runner" in said
    kubectl.run("delete", "pod", pod, "--grace-period=0", "--force")


def test_a_container_runs_as_root_only_where_root_started_the_cluster(cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    user = {"securityContext": {"runAsUser": 0, "runAsGroup": 0}}
    pod = make_pod(kubectl, pod_spec("id -u", container=user))
    if not cluster.machine.is_ordinary:
        assert ended(kubectl, pod)["exitCode"] == 0
        assert kubectl.run("logs", pod) == "0"
        return

    def why() -> str:
        statuses = kubectl.get("pod", pod)["status"].get("containerStatuses", [{}])
        return str(statuses[0].get("state", {}).get("waiting", {}).get("message", ""))

    assert "ordinary user" in wait_for("root to be refused", why, seconds=20)
    assert "ordinary user" in " ".join(cluster.status()["notes"])
    kubectl.run("delete", "pod", pod, "--grace-period=0", "--force")


def test_both_nodes_run_pods_and_give_their_logs(cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    for node in cluster.first["nodes"]:
        pod = make_pod(kubectl, pod_spec("echo here", nodeName=node))
        ended(kubectl, pod)
        assert kubectl.run("logs", pod) == "here", node
