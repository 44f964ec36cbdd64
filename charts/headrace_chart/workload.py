"""What the pods of API and operator have in common."""

from typing import Annotated, Any

from pydantic import Field

from headrace_chart.section import (
    Free,
    FreeList,
    IntOrPercent,
    LogLevel,
    NameOrEmpty,
    PullPolicy,
    Section,
    Words,
)

SPREAD: tuple[dict[str, Any], ...] = (
    {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"},
)


def resources(cpu: str, memory: str, cpu_limit: str, memory_limit: str) -> dict[str, Any]:
    """Requests and limits, of which a namespace with a quota wants all four."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu_limit, "memory": memory_limit}}


class Images(Section):
    """Where images come from; each role has its own below its section."""

    registry: Annotated[str, Field(pattern=r"^$|^[a-z0-9]([a-z0-9./:_-]*[a-z0-9])?$")] = ""
    """A registry, with a path if it has one, such as `registry.example:5000/mirror`."""
    tag: Annotated[str, Field(pattern=r"^$|^[\w][\w.-]{0,127}$")] = ""
    """The tag of all images. Empty: the chart's appVersion."""
    pull_policy: PullPolicy = "IfNotPresent"
    """When nodes pull them."""
    pull_secrets: tuple[NameOrEmpty, ...] = ()
    """Secrets for the registry, by name."""


class Image(Section):
    """The image of one role."""

    repository: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9./_-]*[a-z0-9])?$")]
    """The image's name, below `image.registry`."""
    tag: Annotated[str, Field(pattern=r"^$|^[\w][\w.-]{0,127}$")] = ""
    """Empty: `image.tag`."""
    digest: Annotated[str, Field(pattern=r"^$|^sha256:[0-9a-f]{64}$")] = ""
    """Pins the image, whatever its tag is."""


class ServiceAccount(Section):
    """Whom the pods are in the cluster."""

    create: bool = True
    """Whether the chart makes it."""
    name: NameOrEmpty = ""
    """Its name. Empty: that of the Deployment. Without `create` it has to be given, except with
    `rbac.create: false`: then none is `default`."""
    annotations: Words = Field(default_factory=dict)
    """Such as those by which a cloud gives the pods an identity."""


class StorePool(Section):
    """Connections to the store, of each process."""

    size: Annotated[int, Field(ge=1, le=1000)] = 5
    """Connections that are kept."""
    max_overflow: Annotated[int, Field(ge=0, le=1000)] = 5
    """How many more there may be under load."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 10
    """How long to wait for one."""


class DisruptionBudget(Section):
    """How many pods may be taken away at once, such as when a node is drained."""

    enabled: bool = True
    """Whether there is one."""
    max_unavailable: IntOrPercent = 1
    """A number, or a percentage such as `50%`."""


class Probe(Section):
    """When the kubelet asks."""

    period_seconds: Annotated[int, Field(ge=1)] = 10
    """How often."""
    timeout_seconds: Annotated[int, Field(ge=1)] = 5
    """How long an answer may take."""
    failure_threshold: Annotated[int, Field(ge=1)] = 3
    """After how many failures in a row it acts."""


class Probes(Section):
    """What the kubelet asks each pod."""

    startup: Probe = Field(default_factory=lambda: Probe(period_seconds=2, failure_threshold=60))
    """Until the first answer of `/livez`, the others wait."""
    liveness: Probe = Field(default_factory=Probe)
    """`/livez`: restarts the container."""
    readiness: Probe = Field(default_factory=Probe)
    """`/readyz`: whether the pod counts, for a Service and while pods are replaced."""


class Workload(Section):
    """A Deployment and its pods."""

    replicas: Annotated[int, Field(ge=0)] = 2
    """How many pods."""
    image: Image
    """Its image."""
    log_level: LogLevel = "INFO"
    """How much is logged."""
    store_pool: StorePool = Field(default_factory=StorePool)
    """Connections to the store, of each pod."""
    resources: Free
    """What a pod asks for, and what it may use."""
    probes: Probes = Field(default_factory=Probes)
    """When the kubelet asks."""
    pod_disruption_budget: DisruptionBudget = Field(default_factory=DisruptionBudget)
    """How many pods may be taken away at once."""
    service_account: ServiceAccount = Field(default_factory=ServiceAccount)
    """Whom its pods are in the cluster."""
    pod_labels: Words = Field(default_factory=dict)
    """More labels of its pods."""
    pod_annotations: Words = Field(default_factory=dict)
    """More annotations of its pods."""
    node_selector: Words = Field(default_factory=dict)
    """On which nodes pods may be."""
    tolerations: FreeList = ()
    """Which taints pods bear."""
    affinity: Free = Field(default_factory=dict)
    """Near what pods like to be."""
    topology_spread_constraints: FreeList = SPREAD
    """How pods are spread. Without a `labelSelector` a constraint counts the pods of this Deployment."""
    priority_class_name: NameOrEmpty = ""
    """Which pods go first when a node is full."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1)] = 30
    """How long a pod may take to end."""
    extra_env: FreeList = ()
    """More environment variables, as in a pod. One that the chart sets too is set to this; one that other objects
    go by as well, such as the port, is refused."""
    extra_volumes: FreeList = ()
    """More volumes, as in a pod. Runners have their own."""
    extra_volume_mounts: FreeList = ()
    """Where they are mounted."""
