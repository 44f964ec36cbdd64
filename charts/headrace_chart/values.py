"""The chart's values: the only source of values.yaml, values.schema.json and docs/values.md."""

from typing import Annotated, Any, Literal

from pydantic import Field

from headrace.target import DEFAULT_ALLOWED
from headrace_chart.api import Api
from headrace_chart.auth import Auth
from headrace_chart.cluster import AdmissionPolicy, Crds, Rbac
from headrace_chart.connections import Connections
from headrace_chart.monitoring import Monitoring
from headrace_chart.network import NetworkPolicy
from headrace_chart.operator import Migration, Operator, Runner
from headrace_chart.section import Free, LabelOrEmpty, Section, UrlOrEmpty, Words
from headrace_chart.workload import Images, resources

NOBODY = 65532
"""The user of all images: `nonroot` of distroless ones."""


def _pod_security() -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": NOBODY,
        "runAsGroup": NOBODY,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _container_security() -> dict[str, Any]:
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


class Examples(Section):
    """Two pipelines to look at, of a film catalogue in the source."""

    enabled: bool = False
    """Whether they are made, once, after the installation. They stay after an uninstall."""


class Test(Section):
    """What `helm test` asks."""

    url: UrlOrEmpty = ""
    """An address of the API that answers 200 when all is well. Empty: its `/health`, by the Service; `/readyz` where
    `health` is not in `auth.open`."""
    timeout_seconds: Annotated[int, Field(ge=1)] = 30
    """How long it tries."""
    resources: Free = Field(default_factory=lambda: resources("10m", "32Mi", "250m", "128Mi"))
    """What its pod asks for, and what it may use."""


class Values(Section):
    """All that can be set."""

    connections: Connections = Field(default_factory=Connections)
    """Where the databases are. The store is the one thing that has no default."""
    allowed_targets: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[^\s,]([^,\x00-\x1f\x7f]*[^\s,])?$")], ...], Field(min_length=1)
    ] = DEFAULT_ALLOWED
    """Where pipelines may write: `schema.table` in Postgres, `es:index` in Elasticsearch; `*` stands for any
    characters. Operator, API and admission policy hold every pipeline to it."""
    installation: Annotated[str, Field(pattern=r"^$|^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")] = ""
    """Tells installations apart that share a store or a target; checkpoints are kept under it. Empty: the release's
    name. Another one starts all pipelines over."""
    auth: Auth = Field(default_factory=Auth)
    """Who may call the API."""
    rbac: Rbac = Field(default_factory=Rbac)
    """The rights of API and operator."""
    crds: Crds = Field(default_factory=Crds)
    """The definitions of Headrace's kinds of resources."""
    admission_policy: AdmissionPolicy = Field(default_factory=AdmissionPolicy)
    """Holds pipelines that are applied with kubectl to `allowedTargets`."""
    image: Images = Field(default_factory=Images)
    """Where images come from."""
    api: Api = Field(default_factory=Api)
    """The API."""
    operator: Operator = Field(default_factory=Operator)
    """The operator."""
    runner: Runner = Field(default_factory=Runner)
    """The pods of runs."""
    migration: Migration = Field(default_factory=Migration)
    """The store's tables."""
    network_policy: NetworkPolicy = Field(default_factory=NetworkPolicy)
    """Who may talk to whom."""
    monitoring: Monitoring = Field(default_factory=Monitoring)
    """How it is watched."""
    listen_on: Literal["all", "podIP"] = "all"
    """What API and operator listen on: all addresses (of IPv4), or the pod's own, which a cluster of IPv6 only
    needs."""
    pod_security_context: Free = Field(default_factory=_pod_security)
    """Of the pods of API, operator, migration and test. It passes the restricted Pod Security Standard."""
    security_context: Free = Field(default_factory=_container_security)
    """Of their containers."""
    common_labels: Words = Field(default_factory=dict)
    """More labels of everything that the chart makes."""
    common_annotations: Words = Field(default_factory=dict)
    """More annotations of everything that the chart makes."""
    name_override: LabelOrEmpty = ""
    """The name in labels, instead of `headrace`."""
    fullname_override: LabelOrEmpty = ""
    """What all names begin with, instead of the release's name and `headrace`."""
    examples: Examples = Field(default_factory=Examples)
    """Two pipelines to look at."""
    test: Test = Field(default_factory=Test)
    """What `helm test` asks."""
    global_: Free = Field(default_factory=dict, alias="global")
    """What a chart gives to all charts that it contains. Nothing here reads it."""
