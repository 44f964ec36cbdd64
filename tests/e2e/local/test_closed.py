"""Who may talk to the local cluster, and see what is in it: nobody who has no certificate or password."""

import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.e2e.local.clusters import Cluster
from tests.e2e.local.pods import ended, make_pod, pod_spec
from tests.e2e.local.seen import listening


def test_a_container_sees_nothing_of_the_cluster_itself(cluster: Cluster) -> None:
    script = f"find {cluster.folder} /run/headrace -mindepth 1 2> /dev/null; set -- /proc/[0-9]*; echo $#"
    pod = make_pod(cluster.kubectl, pod_spec(script))
    ended(cluster.kubectl, pod)
    # The shell itself.
    assert cluster.kubectl.run("logs", pod) == "1"


def test_the_folder_is_closed_to_others(cluster: Cluster) -> None:
    assert cluster.folder.stat().st_mode & 0o777 == 0o700
    assert Path(cluster.first["kubeconfig"]).stat().st_mode & 0o777 == 0o600


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
