"""The command lines of etcd and of Kubernetes' control plane: on loopback, and for holders of a certificate only."""

from headrace_local.machine import audit
from headrace_local.machine.cluster import Cluster

CONTROLLERS = (
    "job-controller",
    "cronjob-controller",
    "deployment-controller",
    "replicaset-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "ttl-after-finished-controller",
    "pod-garbage-collector-controller",
    "endpointslice-controller",
    "disruption-controller",
    "resourcequota-controller",
    "node-lifecycle-controller",
    "taint-eviction-controller",
)
# The defaults hold 100 Jobs back for a minute.
FAST = ("--kube-api-qps=500", "--kube-api-burst=1000")


def etcd_url(cluster: Cluster) -> str:
    """Where clients reach it."""
    return f"https://127.0.0.1:{cluster.ports.etcd}"


def etcd(cluster: Cluster) -> tuple[str, ...]:
    """The command line of etcd."""
    pki, clients, peers = cluster.pki, etcd_url(cluster), f"https://127.0.0.1:{cluster.ports.etcd_peer}"
    return (
        str(cluster.binary),
        "etcd",
        f"--data-dir={cluster.folder / 'etcd'}",
        "--log-level=warn",
        # The machine's death ends the cluster anyway, and a process's death loses nothing.
        "--unsafe-no-fsync",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--client-cert-auth",
        f"--trusted-ca-file={pki / 'etcd-ca.crt'}",
        f"--cert-file={pki / 'etcd.crt'}",
        f"--key-file={pki / 'etcd.key'}",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={pki / 'etcd-ca.crt'}",
        f"--peer-cert-file={pki / 'etcd.crt'}",
        f"--peer-key-file={pki / 'etcd.key'}",
    )


def apiserver(cluster: Cluster) -> tuple[str, ...]:
    """The command line of kube-apiserver."""
    pki = cluster.pki
    return (
        str(cluster.binary),
        "apiserver",
        "--bind-address=127.0.0.1",
        f"--secure-port={cluster.ports.apiserver}",
        # Nobody goes there: the Service `kubernetes` has no endpoints. A machine that is offline could not choose one.
        "--advertise-address=192.0.2.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--etcd-servers={etcd_url(cluster)}",
        f"--etcd-cafile={pki / 'etcd-ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        "--kubelet-preferred-address-types=Hostname",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'sa.crt'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        *audit.flags(cluster),
    )


def controllers(cluster: Cluster) -> tuple[str, ...]:
    """The command line of kube-controller-manager, with CONTROLLERS only."""
    pki = cluster.pki
    return (
        str(cluster.binary),
        "controller-manager",
        f"--kubeconfig={pki / 'controller-manager.kubeconfig'}",
        "--leader-elect=false",
        "--secure-port=0",
        # Each controller with the rights that RBAC gives to it.
        "--use-service-account-credentials",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--controllers={','.join(CONTROLLERS)}",
        # Half of the usual time: a lost node is noticed sooner, and kubelets here report twice as often.
        "--node-monitor-grace-period=24s",
        *FAST,
    )


def scheduler(cluster: Cluster) -> tuple[str, ...]:
    """The command line of kube-scheduler."""
    kubeconfig = cluster.pki / "scheduler.kubeconfig"
    return (
        str(cluster.binary),
        "scheduler",
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        *FAST,
    )
