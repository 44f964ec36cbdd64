"""The local cluster: what a pod may expect of it, who may talk to it, and that nothing of it stays behind."""

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from headrace_local import build, hostpids, postgres
from headrace_local.errors import LocalError, UnsupportedMachineError
from headrace_local.kubectl import Kubectl, KubectlError
from headrace_local.namespace import check
from headrace_local.waiting import wait_for

CHECKOUT = Path(__file__).resolve().parents[2]
NOBODY = 65534
SHELL = "headrace/shell:local"
NAMESPACE = "headrace"


@dataclass
class Machine:
    """Somebody who runs `headrace-local`: this user, or an ordinary one."""

    home: Path
    binary: Path
    is_ordinary: bool
    prefix: list[str] = field(default_factory=list)

    def run(self, *arguments: str, seconds: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            "HEADRACE_LOCAL_HOME": str(self.home),
            "HEADRACE_CLUSTER_BINARY": str(self.binary),
            "HOME": str(self.home),
        }
        command = [*self.prefix, sys.executable, "-m", "headrace_local", *arguments]
        if self.prefix:
            command = [
                *self.prefix[:-1],
                json.dumps(json.loads(self.prefix[-1]) | {"command": command[len(self.prefix) :]}),
            ]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=seconds, check=False)
        assert not check or done.returncode == 0, (
            f"{arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def up(self, name: str, *arguments: str) -> "Cluster":
        done = self.run("up", "--name", name, "--no-platform", "--output", "json", *arguments)
        return Cluster(self, name, json.loads(done.stdout))


@dataclass
class Cluster:
    machine: Machine
    name: str
    first: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.machine.home / self.name

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl((str(self.machine.binary), "kubectl"), self.first["kubeconfig"], NAMESPACE)

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.machine.run("status", "--name", self.name, "--output", "json", check=False).stdout))

    def down(self) -> None:
        self.machine.run("down", "--name", self.name)

    def outer(self) -> int:
        return int(json.loads((self.folder / "outer.json").read_text())[0])

    def pids(self) -> list[int]:
        """All processes of the cluster, its containers and the one that holds its namespaces."""
        return [self.outer(), *hostpids.translate(self.outer()).values()]


@pytest.fixture(scope="module")
def binary() -> Path:
    try:
        check()
    except UnsupportedMachineError as error:
        pytest.skip(str(error))
    return build.binary(sys.stderr.write)


def test_the_go_packages_pass_their_own_tests() -> None:
    """Those of ours: all of Kubernetes hangs on the main package alone."""
    try:
        go = build.go()
    except LocalError as error:
        pytest.skip(str(error))
    packages = ["./pki", "./processes", "./rootfs"]
    env = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, "test", *packages], cwd=build.SOURCES, env=env, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def make_machine(home: Path, binary: Path, *, is_ordinary: bool) -> Machine:
    if not is_ordinary or os.geteuid() != 0:
        return Machine(home, binary, is_ordinary=os.geteuid() != 0)
    # Another user may be shut out of the folders above the checkout, the interpreter or the binary. It gets a file tree
    # in which it can reach them, made by the same program that makes those of containers.
    os.chown(home, NOBODY, NOBODY)
    scratch = home / "scratch"
    scratch.mkdir()
    reach = sorted({sys.prefix, sys.base_prefix, str(CHECKOUT), str(binary), os.path.realpath(sys.executable)})
    spec = {"scratch": str(scratch), "reach": reach, "identity": {"user": NOBODY, "group": NOBODY}}
    return Machine(
        home, binary, is_ordinary=True, prefix=["unshare", "--mount", str(binary), "enter", json.dumps(spec)]
    )


@pytest.fixture(scope="module", params=["this user", "an ordinary user"])
def cluster(request: pytest.FixtureRequest, binary: Path) -> Iterator[Cluster]:
    """Two nodes, as whoever runs the tests and, when that is root, as an ordinary user too."""
    is_ordinary = request.param == "an ordinary user"
    if is_ordinary and os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    home = Path(tempfile.mkdtemp(prefix="headrace-test-"))
    machine = make_machine(home, binary, is_ordinary=is_ordinary)
    made = machine.up("core", "--nodes", "2")
    try:
        prepare(made.kubectl)
        yield made
    finally:
        made.down()
        shutil.rmtree(home)


@pytest.fixture
def machine(binary: Path) -> Iterator[Machine]:
    home = Path(tempfile.mkdtemp(prefix="headrace-test-"))
    yield make_machine(home, binary, is_ordinary=False)
    shutil.rmtree(home)


def prepare(kubectl: Kubectl) -> None:
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "word", "namespace": NAMESPACE},
            "stringData": {"word": "xyzzy"},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": NAMESPACE},
            "data": {"colour": "blue"},
        },
    )
    kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=30s")


def pod_spec(script: str, **more: Any) -> dict[str, Any]:
    container = {"name": "main", "image": SHELL, "command": ["sh", "-c", script], **more.pop("container", {})}
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 10,
        "containers": [container],
        **more,
    }


def make_pod(kubectl: Kubectl, spec: dict[str, Any]) -> str:
    name = f"p-{secrets.token_hex(4)}"
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    return name


def make_job(kubectl: Kubectl, spec: dict[str, Any], **more: Any) -> str:
    name = f"j-{secrets.token_hex(4)}"
    job = {"backoffLimit": 0, "template": {"spec": spec}, **more}
    kubectl.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": job})
    return name


def ended(kubectl: Kubectl, pod: str, seconds: float = 30) -> dict[str, Any]:
    """The terminated state of a pod's container."""

    def look() -> dict[str, Any]:
        statuses = kubectl.get("pod", pod).get("status", {}).get("containerStatuses", [{}])
        return dict(statuses[0].get("state", {}).get("terminated") or {})

    return wait_for(f"the end of pod {pod}", look, seconds=seconds, seen=lambda: kubectl.run("get", "pod", pod))


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


def test_a_container_sees_nothing_of_the_cluster_itself(cluster: Cluster) -> None:
    script = f"find {cluster.folder} /run/headrace -mindepth 1 2> /dev/null; ls /proc | grep -c '^[0-9]'"
    pod = make_pod(cluster.kubectl, pod_spec(script))
    ended(cluster.kubectl, pod)
    # Itself, ls and grep.
    assert cluster.kubectl.run("logs", pod) == "3"


def test_a_second_up_finds_the_first(cluster: Cluster) -> None:
    again = cluster.machine.up("core")
    assert again.first["processes"] == cluster.status()["processes"]


def test_the_folder_is_closed_to_others(cluster: Cluster) -> None:
    assert cluster.folder.stat().st_mode & 0o777 == 0o700
    assert Path(cluster.first["kubeconfig"]).stat().st_mode & 0o777 == 0o600


def listening(pids: list[int]) -> set[tuple[str, int]]:
    """Addresses that these processes listen on, TCP, both families."""
    sockets = set()
    for pid in pids:
        try:
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                sockets.add(str(descriptor.readlink()))
        except OSError:
            continue  # ended meanwhile
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
                address, port = words[1].split(":")
                raw = b"".join(bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8))
                family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
                found.add((socket.inet_ntop(family, raw), int(port, 16)))
    return found


def test_every_port_is_on_loopback_and_refuses_who_has_no_certificate(cluster: Cluster) -> None:
    ports = listening([process["pid"] for process in cluster.status()["processes"].values() if process["pid"]])
    assert len(ports) >= 8, f"etcd 2, API server, Postgres, and of each node kubelet and streams; found {sorted(ports)}"
    database = int(conninfo_to_dict(cluster.first["admin_dsn"])["port"])
    answers = {
        (host, port): without_password(port) if port == database else stranger(port) for host, port in sorted(ports)
    }
    assert {host for host, _ in ports} == {"127.0.0.1"}
    assert set(answers.values()) <= {"401", "TLS refused", "password refused"}, answers


def stranger(port: int) -> str:
    """What somebody without certificate, password or token gets."""
    paths = ("/", "/pods", "/api/v1/secrets", "/v3/kv/range", "/exec/x")
    seen = {status for path in paths for status in statuses(port, path)}
    # 400: plain HTTP where TLS is spoken; 404: the kubelet asks who is there only for paths that exist.
    if seen <= {400}:
        return "TLS refused"
    return "401" if 401 in seen and seen <= {400, 401, 404} else f"answers {sorted(seen)}"


def statuses(port: int, path: str) -> Iterator[int]:
    """What comes back over TLS without a certificate, and without TLS; nothing where the connection is refused."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for connection in (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context),
        http.client.HTTPConnection("127.0.0.1", port, timeout=5),
    ):
        try:
            connection.request("GET", path)
            yield connection.getresponse().status
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()


def without_password(port: int) -> str:
    """What Postgres says to somebody who has none."""
    with pytest.raises(psycopg.OperationalError, match=r"no password supplied|password authentication failed"):
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=5, passfile="/dev/null")
    return "password refused"


def test_the_databases_give_each_role_its_right_and_no_more(cluster: Cluster) -> None:
    with psycopg.connect(cluster.first["admin_dsn"], dbname="source", autocommit=True) as admin:
        admin.execute("CREATE SCHEMA IF NOT EXISTS t; CREATE TABLE IF NOT EXISTS t.t AS SELECT 1 AS n")
    with psycopg.connect(cluster.first["source_dsn"], autocommit=True) as reader:
        assert reader.execute("SELECT n FROM t.t").fetchone() == (1,)
        for statement in ("INSERT INTO t.t VALUES (2)", "CREATE TABLE public.x (n int)", "CREATE TEMP TABLE x (n int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement)
    for dsn in (cluster.first["target_dsn"], cluster.first["store_dsn"]):
        with psycopg.connect(dsn) as owner:
            owner.execute("CREATE SCHEMA mine")
            owner.rollback()


@pytest.mark.parametrize(
    "process",
    ["etcd", "kube-apiserver", "postgres", "kubelet-localhost", "runtime-localhost", "kube-controller-manager"],
)
def test_a_killed_process_comes_back_and_jobs_run_again(cluster: Cluster, process: str) -> None:
    if cluster.machine.is_ordinary and process not in ("postgres", "runtime-localhost"):
        pytest.skip("the same for every user")
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


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


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
