"""Values to render the chart with: each turns on what belongs together, and all of them together turn on everything."""

from typing import Any

from tests.chart.rendering import Values

SECRET = {"connections": {"existingSecret": "headrace-dsn"}}
PLANTED = {
    "store": "postgresql://store:planted-store@db.example/store",
    "source": "postgresql://source:planted-source@db.example/shop",
    "target": "postgresql://target:planted-target@db.example/warehouse",
    "elasticsearch": {
        "url": "https://planted-host.example:9200",
        "apiKey": "planted-key",
        "username": "planted-user",
        "password": "planted-password",
        "ca": "planted-ca",
        "verify": False,
    },
}
_OIDC = {"mode": "oidc", "oidc": {"issuer": "https://login.example", "audience": "headrace"}}
_PLACED: dict[str, Any] = {
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "data", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "priorityClassName": "system-cluster-critical",
    "podLabels": {"team": "data"},
    "podAnnotations": {"note": "kept"},
    "extraEnv": [{"name": "TZ", "value": "UTC"}, {"name": "LOG_LEVEL", "value": "DEBUG"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "database-ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/database", "readOnly": True}],
}
_OF_RUNNERS = (
    "nodeSelector", "tolerations", "priorityClassName", "podLabels", "podAnnotations", "extraVolumes",
    "extraVolumeMounts",
)  # fmt: skip

_VALUES: dict[str, Values] = {
    "minimal": SECRET,
    "from-values": {"connections": PLANTED},
    "namespaced": {**SECRET, "rbac": {"scope": "namespaced"}},
    "namespaced-without-crds": {**SECRET, "rbac": {"scope": "namespaced"}, "crds": {"install": False}},
    "without-rbac": {**SECRET, "rbac": {"create": False}, "api": {"serviceAccount": {"create": False, "name": "mine"}}},
    "without-authentication": {**SECRET, "auth": {"mode": "none"}},
    "oidc": {**SECRET, "auth": {**_OIDC, "open": [], "oidc": {**_OIDC["oidc"], "caConfigMap": "issuer-ca"}}},
    "asked-with-their-own-token": {**SECRET, "auth": {"review": "self"}},
    "for-audiences": {**SECRET, "auth": {"audiences": ["headrace", "other"]}},
    "reached-from-outside": {
        **SECRET,
        "api": {
            "ingress": {
                "enabled": True,
                "className": "nginx",
                "annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "40"},
                "hosts": [{"host": "headrace.example"}, {"host": "etl.example", "paths": [{"path": "/api"}]}],
                "tls": [{"secretName": "headrace-tls", "hosts": ["headrace.example"]}],
            },
            "httpRoute": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways"}]},
            "service": {"type": "LoadBalancer", "port": 8080, "annotations": {"example.com/internal": "true"}},
            "corsOrigins": ["https://console.example"],
            "rateLimit": "50/second",
            "trustedProxies": ["10.1.0.0/16"],
            "docsAssets": "https://mirror.example/npm",
        },
    },
    "scaled": {
        **SECRET,
        "api": {
            "autoscaling": {"enabled": True, "targetMemory": 75, "behavior": {"scaleDown": {"selectPolicy": "Min"}}},
            "podDisruptionBudget": {"maxUnavailable": "50%"},
        },
    },
    "one-of-each": {
        **SECRET,
        "api": {"replicas": 1, "podDisruptionBudget": {"enabled": False}, "preStopSeconds": 0},
        "operator": {"replicas": 1, "podDisruptionBudget": {"enabled": False}},
    },
    "fenced": {
        **SECRET,
        "auth": _OIDC,
        "networkPolicy": {
            "enabled": True,
            "apiNamespaces": ["ingress"],
            "databases": [{"cidr": "10.2.0.0/16", "ports": [5432, 9200]}],
            "store": [{"cidr": "10.3.0.7/32", "ports": [6432]}],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}]}],
        },
    },
    "watched": {
        **SECRET,
        "monitoring": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "podMonitor": {"enabled": True, "interval": "15s"},
            "rules": {"enabled": True},
            "dashboard": {"enabled": True},
        },
    },
    "placed": {
        **SECRET,
        "api": _PLACED,
        "operator": _PLACED,
        "runner": {key: _PLACED[key] for key in _OF_RUNNERS},
        "commonLabels": {"cost-centre": "42"},
        "commonAnnotations": {"owner": "data"},
    },
    "users-of-the-cluster": {
        **SECRET,
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None},
        "runner": {"user": "auto"},
    },
    "mirrored": {
        **SECRET,
        "image": {"registry": "registry.example:5000/mirror", "tag": "1.2.3", "pullSecrets": ["mirror"]},
        "api": {"image": {"digest": "sha256:" + "ab" * 32}},
    },
    "every-target": {**SECRET, "allowedTargets": ["analytics.*", "es:*", "we[i]rd.t+(x)|\\*y"], "listenOn": "podIP"},
    "named-otherwise": {**SECRET, "fullnameOverride": "rows", "nameOverride": "etl", "installation": "Team_A.prod"},
    "with-examples": {**SECRET, "examples": {"enabled": True}},
    "without-a-migration": {**SECRET, "migration": {"enabled": False}, "admissionPolicy": {"enabled": False}},
    "for-a-parent": {**SECRET, "global": {"imageRegistry": "registry.example"}},
}

_WITH_CRDS = ("minimal", "namespaced", "placed")
# They are the same everywhere, and nine tenths of what is rendered and read.
MATRIX = {
    name: values if name in _WITH_CRDS else {"crds": {"install": False}} | values for name, values in _VALUES.items()
}

GOLDEN = ("minimal", "namespaced", "reached-from-outside", "fenced")
"""Those whose text is kept in golden/."""


def is_unknown_here(manifest: dict[str, Any]) -> bool:
    """Whether its kind is one that a cluster without the Prometheus operator and the Gateway API does not have."""
    return str(manifest["apiVersion"]).partition("/")[0] in {"monitoring.coreos.com", "gateway.networking.k8s.io"}
