"""What Docker, kind and kubectl are asked for, where none of them can run: scripts stand in for them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from headrace_chart.values import Values
from headrace_local.chart import images
from headrace_local.chart.forward import forwarded
from headrace_local.errors import LocalError
from headrace_local.kind import __main__ as kind
from headrace_local.kind import postgres as kindpostgres
from headrace_local.kind.cluster import Kind, layout
from headrace_local.machine.cluster import Passwords

# Notes each call, with what it is given, and answers as the programs do.
_SCRIPT = """#!/bin/sh
echo "${0##*/} $*" >> "$LOG"
case "${0##*/} $*" in
  "kind get clusters") /bin/cat "$CLUSTERS" ;;
  "kind create cluster"*) /bin/cat > "$LOG.config"; echo created >&2 ;;
  "kind load"*) test -z "$FULL" || { echo "ERROR: no space left on device" >&2; exit 1; } ;;
  "docker version"*) echo 28.2.2 ;;
  "docker port"*) echo 127.0.0.1:23456 ;;
  "docker image inspect"*) echo sha256:abc ;;
  *" get secret "*) /bin/cat "$SECRET" || { echo 'Error from server (NotFound): secrets "x" not found' >&2; exit 1; } ;;
  *" apply "*) /bin/cat > "$LOG.applied" ;;
  *" port-forward pod/api "*) echo "Forwarding from 127.0.0.1:41237 -> 8000"; read -r _ ;;
  *" port-forward "*) echo "error: pod not found" >&2; exit 1 ;;
esac
"""
Cluster = Callable[..., Kind]


@pytest.fixture
def log(tmp_path: Path) -> Callable[[], list[str]]:
    """The calls so far, without those that ask whether Docker answers."""

    def read() -> list[str]:
        path = tmp_path / "log"
        return [line for line in path.read_text().splitlines() if "version" not in line] if path.exists() else []

    return read


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster by its context, on a machine with these programs and these clusters."""

    def make(
        context: str = kind.CONTEXT, *there: str, programs: str = "docker kind kubectl", full: bool = False
    ) -> Kind:
        binaries, clusters = tmp_path / "bin", tmp_path / "clusters"
        binaries.mkdir()
        clusters.write_text("\n".join(there))
        for name in programs.split():
            (binaries / name).write_text(_SCRIPT)
            (binaries / name).chmod(0o755)
        environ = {
            "PATH": str(binaries), "LOG": str(tmp_path / "log"), "CLUSTERS": str(clusters),
            "SECRET": str(tmp_path / "secret"), "FULL": "1" if full else "", "XDG_STATE_HOME": str(tmp_path / "state"),
        }  # fmt: skip
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return Kind(context, environ)

    return make


@pytest.mark.parametrize("context", ["minikube", "production", "kind-", "my-kind-cluster", ""])
def test_only_clusters_of_kinds_are_touched(cluster: Cluster, log: Callable[[], list[str]], context: str) -> None:
    one = cluster(context)
    for call in (lambda: kind.prepare(one, print), one.delete, one.create, one.exists):
        with pytest.raises(LocalError, match="only clusters of kind's are touched"):
            call()
    assert log() == []


@pytest.mark.parametrize("missing", ["docker", "kind", "kubectl"])
def test_a_program_that_is_missing_is_named(cluster: Cluster, missing: str) -> None:
    there = {"docker", "kind", "kubectl"} - {missing}
    with pytest.raises(LocalError, match=f"CLUSTER=kind needs {missing}, which is not installed"):
        kind.prepare(cluster(programs=" ".join(there)), print)


def test_a_docker_without_an_engine_is_said_before_anything_is_made(cluster: Cluster, tmp_path: Path) -> None:
    one = cluster(programs="kind kubectl")
    docker = tmp_path / "bin" / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    with pytest.raises(LocalError, match="no engine answers it"):
        kind.prepare(one, print)
    assert not one.folder.exists()


def test_a_cluster_is_made_with_a_kubeconfig_of_its_own(
    cluster: Cluster, log: Callable[[], list[str]], tmp_path: Path
) -> None:
    one = cluster(kind.CONTEXT, "another")
    one.create()
    kubeconfig = tmp_path / "state" / "headrace-kind" / "headrace" / "kubeconfig"
    options = f"--name headrace --kubeconfig {kubeconfig} --wait 300s --config -"
    assert log() == ["kind get clusters", f"kind create cluster {options}"]
    config = json.loads((tmp_path / "log.config").read_text())
    (mapping,) = config["nodes"][0]["extraPortMappings"]
    assert config == layout(mapping["hostPort"])
    assert (mapping["containerPort"], mapping["listenAddress"]) == (kindpostgres.NODE_PORT, "127.0.0.1")


def test_a_cluster_that_is_there_stays(cluster: Cluster, log: Callable[[], list[str]]) -> None:
    one = cluster(kind.CONTEXT, "another", "headrace")
    one.create()
    assert log()[1:] == [f"kind export kubeconfig --name headrace --kubeconfig {one.kubeconfig}"]


def test_images_are_given_to_the_node(cluster: Cluster, log: Callable[[], list[str]]) -> None:
    cluster().load({role: images.name_of(role, "1") for role in images.ROLES})
    names = "headrace/api:1 headrace/operator:1 headrace/runner:1"
    assert log() == [f"kind load docker-image --name headrace {names}"]


def test_what_a_program_says_is_passed_on(cluster: Cluster) -> None:
    with pytest.raises(LocalError, match="kind load docker-image failed:\nERROR: no space left on device"):
        cluster(full=True).load({"api": "headrace/api:1"})


def test_an_end_removes_the_cluster_and_its_files(cluster: Cluster, log: Callable[[], list[str]]) -> None:
    one = cluster(kind.CONTEXT, "headrace")
    one.create()
    assert one.delete()
    assert log()[-1] == f"kind delete cluster --name headrace --kubeconfig {one.kubeconfig}"
    assert not one.folder.exists()


def test_where_there_is_no_cluster_nothing_is_removed(cluster: Cluster, log: Callable[[], list[str]]) -> None:
    assert not cluster(kind.CONTEXT, "headrace-of-somebody").delete()
    assert log() == ["kind get clusters"]


def test_postgres_is_made_once_and_keeps_its_passwords(cluster: Cluster, tmp_path: Path) -> None:
    one = cluster().kubectl(kindpostgres.NAMESPACE)
    assert kind.passwords(one) is None
    kind.start_postgres(one)
    applied = json.loads((tmp_path / "log.applied").read_text())["items"]
    (secret,) = [item for item in applied if item["kind"] == "Secret"]
    encoded = dict.fromkeys(secret["stringData"], "YWJj")
    (tmp_path / "secret").write_text(json.dumps({"data": encoded}))
    assert kind.passwords(one) == Passwords(admin="abc", store="abc", source="abc", target="abc")
    kind.start_postgres(one)
    again = json.loads((tmp_path / "log.applied").read_text())["items"]
    assert [item["stringData"]["admin"] for item in again if item["kind"] == "Secret"] == ["abc"]


def test_passwords_are_in_the_secret_and_nowhere_else(cluster: Cluster, log: Callable[[], list[str]]) -> None:
    made = asdict(Passwords())
    for manifest in kindpostgres.manifests(made):
        text = json.dumps({name: value for name, value in manifest.items() if name != "stringData"})
        assert not [password for password in made.values() if password in text]
    kind.start_postgres(cluster().kubectl(kindpostgres.NAMESPACE))
    assert "--server-side" in next(line for line in log() if " apply " in line)


def test_pods_reach_postgres_by_its_service_and_people_by_a_port(cluster: Cluster, tmp_path: Path) -> None:
    one = cluster()
    with pytest.raises(LocalError, match="kind-headrace has no Postgres of ours"):
        kind.seen_from_here(one)
    (tmp_path / "secret").write_text(json.dumps({"data": dict.fromkeys(asdict(Passwords()), "YWJj")}))
    assert kind.status(one).admin_dsn == "postgresql://postgres:abc@127.0.0.1:23456/postgres"
    inside = kind.dsns(kind.seen_from_here(one))
    assert inside == {
        "store": "postgresql://headrace_store:abc@postgres.headrace-postgres.svc:5432/headrace_store",
        "source": "postgresql://source_reader:abc@postgres.headrace-postgres.svc:5432/source",
        "target": "postgresql://target_writer:abc@postgres.headrace-postgres.svc:5432/target",
    }


def test_the_charts_values_are_such_and_follow_the_image(cluster: Cluster) -> None:
    values = kind.values(cluster())
    Values.model_validate(values)
    assert values["image"]["tag"] == images.version()
    assert values["api"]["podAnnotations"] == {"image": "sha256:abc"}


def test_a_pod_is_reached_while_it_is_needed(cluster: Cluster) -> None:
    kubectl = cluster().kubectl("headrace")
    with forwarded(kubectl, "pod/api", 8000) as address:
        assert address == "http://127.0.0.1:41237"
    with pytest.raises(LocalError, match="can't forward to pod/other: error: pod not found"):
        with forwarded(kubectl, "pod/other", 8000):
            pass
