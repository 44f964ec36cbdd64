"""What `up` decides about a cluster, and the files it writes."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace_local.elasticsearch.node import Node
from headrace_local.errors import LocalError, UnsupportedMachineError
from headrace_local.machine import kubelet, namespace, platform
from headrace_local.machine.cluster import Cluster, Elasticsearch, design, folder_of, home, load
from headrace_local.machine.processes import Process, table
from headrace_local.ports import PORTS, free_ports


def make(folder: Path, **more: Any) -> Cluster:
    wanted = {"nodes": 2, "apis": 2, "operators": 1, "platform": True, "settings": {"A": "b"}} | more
    return design("blue", folder, Path("/opt/headrace-cluster"), **wanted)


def test_a_cluster_is_read_as_it_was_written(tmp_path: Path) -> None:
    cluster = make(tmp_path)
    cluster.save()
    assert load(tmp_path) == cluster


SERVERS = [
    Elasticsearch("https://search:9200", None, {"api-key": "secret", "verify": "false"}),
    Elasticsearch("http://127.0.0.1:1", Node(Path("/home"), Path("/folder"), 1, 2, "1g")),
]


@pytest.mark.parametrize("server", SERVERS)
def test_so_is_its_elasticsearch(tmp_path: Path, server: Elasticsearch) -> None:
    cluster = make(tmp_path, elasticsearch=server)
    cluster.save()
    assert load(tmp_path) == cluster


def test_no_port_of_its_elasticsearch_is_given_away_again(tmp_path: Path) -> None:
    # All that are left but six: those that a node has are among them at all times.
    taken = [*PORTS[6:]]
    assert set(free_ports(4, taken)) <= set(PORTS[:6])


@pytest.mark.parametrize(("server", "keys"), [(SERVERS[0], {"url", "api-key", "verify"}), (SERVERS[1], {"url"})])
def test_runners_are_told_of_elasticsearch_in_the_secret_of_the_dsns(tmp_path, server, keys) -> None:
    (secret,) = [m for m in platform.manifests(make(tmp_path, elasticsearch=server)) if m["kind"] == "Secret"]
    assert set(secret["stringData"]) == {"store", "source", "target", *(f"elasticsearch-{key}" for key in keys)}
    assert secret["stringData"]["elasticsearch-url"] == server.url


def test_only_a_node_of_its_own_is_a_process(tmp_path: Path) -> None:
    names = [{p.name for p in table(make(tmp_path, elasticsearch=server))} for server in (None, *SERVERS)]
    assert ["elasticsearch" in found for found in names] == [False, False, True]


def test_a_folder_without_a_cluster_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="no cluster in"):
        load(tmp_path / "nothing")


def test_no_port_is_used_twice_and_none_is_one_of_outgoing_connections(tmp_path: Path) -> None:
    cluster = make(tmp_path)
    ports = [
        cluster.ports.etcd,
        cluster.ports.etcd_peer,
        cluster.ports.apiserver,
        cluster.ports.postgres,
        *cluster.ports.apis,
        *cluster.ports.operators,
        *(node.port for node in cluster.nodes),
    ]
    assert len(set(ports)) == len(ports) == 9
    assert all(port in PORTS for port in ports)


def test_passwords_differ_between_clusters_and_roles(tmp_path: Path) -> None:
    dsns = [
        dsn for c in (make(tmp_path), make(tmp_path)) for dsn in (c.store_dsn, c.source_dsn, c.target_dsn, c.admin_dsn)
    ]
    assert len({dsn.split(":")[2].split("@")[0] for dsn in dsns}) == 8


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HEADRACE_LOCAL_HOME": "/h", "XDG_STATE_HOME": "/x", "HOME": "/u"}, "/h"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/u"}, "/x/headrace"),
        ({"HOME": "/u"}, "/u/.local/state/headrace"),
    ],
)
def test_clusters_live_where_the_environment_says(environ: dict[str, str], expected: str) -> None:
    assert home(environ) == Path(expected)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", "A", "-a", "a-", "a" * 31, "a b"])
def test_only_a_plain_name_has_a_folder(name: str) -> None:
    with pytest.raises(LocalError, match="lower-case letters"):
        folder_of(name)


@pytest.mark.parametrize(("name", "context"), [("default", "headrace-local"), ("blue", "headrace-local-blue")])
def test_the_context_tells_a_cluster_that_tests_may_use(tmp_path: Path, name: str, context: str) -> None:
    cluster = design(name, tmp_path, Path("/b"), nodes=1, apis=1, operators=1, platform=False, settings={})
    assert cluster.context == context


def test_every_process_waits_only_for_processes_above_it(tmp_path: Path) -> None:
    seen: set[str] = set()
    for process in table(make(tmp_path)):
        assert set(process.after) <= seen, process.name
        assert process.name not in seen
        seen.add(process.name)


def test_no_command_line_shows_a_password(tmp_path: Path) -> None:
    cluster = make(tmp_path)
    secrets = vars(cluster.passwords).values()
    arguments = [word for process in table(cluster) for word in process.argv]
    assert not [word for word in arguments for secret in secrets if secret in word]


def test_a_step_is_never_ready_and_a_process_without_a_probe_always() -> None:
    assert not Process("step", ("true",), once=True).is_ready()
    assert Process("server", ("true",)).is_ready()


def test_the_kubelet_asks_everybody_who_they_are(tmp_path: Path) -> None:
    cluster = make(tmp_path)
    config = kubelet.kubelet(cluster, cluster.nodes[1])
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert config["authorization"] == {"mode": "Webhook"}
    assert (config["healthzPort"], config["readOnlyPort"]) == (0, 0)
    assert config["address"] == "127.0.0.1"


def test_the_socket_of_a_runtime_is_short_enough_for_the_kernel(tmp_path: Path) -> None:
    cluster = make(tmp_path / ("long" * 60))
    assert all(len(str(kubelet.socket(node))) <= 107 for node in cluster.nodes)


def test_the_runtime_knows_only_our_images() -> None:
    assert sorted(kubelet.images()) == ["headrace/api", "headrace/operator", "headrace/runner", "headrace/shell"]


def test_settings_win_over_what_the_platform_is_given(tmp_path: Path) -> None:
    cluster = make(tmp_path, settings={"HEADRACE_NAMESPACE": "other", "HEADRACE_LOST_AFTER_SECONDS": "15"})
    for role in platform.roles(cluster):
        assert role.environment["HEADRACE_LOST_AFTER_SECONDS"] == "15"
        assert role.environment["HEADRACE_NAMESPACE"] == "other"


def test_elsewhere_than_on_linux_there_is_a_sentence() -> None:
    with pytest.raises(UnsupportedMachineError, match="use a Linux VM"):
        namespace.check("darwin")


def test_a_kernel_that_is_too_old_is_named() -> None:
    with pytest.raises(UnsupportedMachineError, match=r"needs Linux 5\.12 or newer; this is 5\.4\.0-42-generic"):
        namespace.check("linux", "5.4.0-42-generic")


def test_the_secret_of_the_runs_holds_the_three_addresses(tmp_path: Path) -> None:
    cluster = make(tmp_path)
    secret = next(m for m in platform.manifests(cluster) if m["kind"] == "Secret")
    assert secret["stringData"] == {
        "store": cluster.store_dsn,
        "source": cluster.source_dsn,
        "target": cluster.target_dsn,
    }
    assert json.dumps(secret)
