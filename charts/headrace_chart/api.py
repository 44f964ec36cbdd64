"""The API: how it is reached, and how much of it there is."""

from typing import Annotated, Literal

from pydantic import Field

from headrace_chart.section import Cidr, Free, FreeList, Port, Section, Words
from headrace_chart.workload import Image, Workload, resources


class Service(Section):
    """How the API is reached within the cluster."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Its type."""
    port: Port = 80
    """Its port."""
    annotations: Words = Field(default_factory=dict)
    """Such as those for a load balancer."""


class IngressPath(Section):
    """A path of a host."""

    path: Annotated[str, Field(pattern="^/")] = "/"
    """What a call's path begins with."""
    path_type: Literal["Prefix", "Exact", "ImplementationSpecific"] = "Prefix"
    """How it is compared."""


class IngressHost(Section):
    """A host name."""

    host: Annotated[str, Field(min_length=1)]
    """Such as `headrace.example`."""
    paths: tuple[IngressPath, ...] = (IngressPath(),)
    """Which paths lead to the API."""


class Ingress(Section):
    """How the API is reached from outside."""

    enabled: bool = False
    """Whether there is one. It needs `hosts`."""
    class_name: str = ""
    """Which controller serves it. Empty: the cluster's default."""
    annotations: Words = Field(default_factory=dict)
    """For that controller."""
    hosts: tuple[IngressHost, ...] = ()
    """`[{host, paths: [{path, pathType}]}]`; without `paths`, all."""
    tls: FreeList = ()
    """`[{secretName, hosts}]`, as in an Ingress."""


class HttpRoute(Section):
    """How the API is reached through a Gateway."""

    enabled: bool = False
    """Whether there is one (gateway.networking.k8s.io/v1). It needs `parentRefs`."""
    annotations: Words = Field(default_factory=dict)
    """For the Gateway's controller."""
    parent_refs: FreeList = ()
    """The Gateways, as in an HTTPRoute."""
    hostnames: tuple[str, ...] = ()
    """Host names. Empty: those of the Gateway."""
    path_prefix: Annotated[str, Field(pattern="^/")] = "/"
    """Which paths lead to the API."""


class Autoscaling(Section):
    """As many pods as there is work for (autoscaling/v2)."""

    enabled: bool = False
    """Whether `replicas` is left to a HorizontalPodAutoscaler."""
    min_replicas: Annotated[int, Field(ge=1)] = 2
    """At least so many."""
    max_replicas: Annotated[int, Field(ge=1)] = 6
    """At most so many."""
    target_cpu: Annotated[int, Field(ge=0)] = 80
    """Percent of the CPU that pods ask for, on average; 0: not looked at."""
    target_memory: Annotated[int, Field(ge=0)] = 0
    """The same of memory."""
    behavior: Free = Field(default_factory=dict)
    """How fast, as in a HorizontalPodAutoscaler."""


class Api(Workload):
    """The API's Deployment, and how it is reached."""

    image: Image = Image(repository="headrace/api")
    """The API's image."""
    resources: Free = Field(default_factory=lambda: resources("100m", "192Mi", "1", "512Mi"))
    """What a pod asks for, and what it may use."""
    port: Port = 8000
    """The port that pods listen on."""
    prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = "/api/v1"
    """What the paths of all calls begin with."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 4194304
    """A larger body is answered with 413."""
    request_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    """A call that takes longer is answered with 504."""
    reconcile_seconds: Annotated[float, Field(ge=0, le=60)] = 10
    """A reconcile that takes longer is answered with 202."""
    preview_seconds: Annotated[float, Field(ge=1, le=600)] = 25
    """A preview, or a list of a source's tables, that takes longer is answered with 504."""
    rate_limit: Annotated[str, Field(pattern=r"^$|^[0-9]+ ?(/|per) ?([0-9]+ ?)?(second|minute|hour|day)s?$")] = ""
    """How often each caller may call, such as `50/second`; more is answered with 429. Empty: as often as they like."""
    cors_origins: tuple[Annotated[str, Field(pattern=r"^[^,\s]+$")], ...] = ()
    """Origins whose pages in a browser may call, such as `https://console.example`. Empty: none."""
    trusted_proxies: tuple[Cidr, ...] = ()
    """Networks of proxies, such as that of the ingress controller, whose X-Forwarded-For is believed."""
    docs_assets: Annotated[str, Field(pattern=r"^(https?:/)?(/[A-Za-z0-9._~@:-]+)*$")] = "https://cdn.jsdelivr.net/npm"
    """Where `/docs` and `/redoc` find their scripts. For browsers without a way to the internet: a copy of these
    packages as a npm registry's CDN lays them out."""
    pre_stop_seconds: Annotated[int, Field(ge=0)] = 5
    """How long a pod that is to end still takes calls, so that all have heard of it."""
    service: Service = Field(default_factory=Service)
    """How it is reached within the cluster."""
    ingress: Ingress = Field(default_factory=Ingress)
    """How it is reached from outside."""
    http_route: HttpRoute = Field(default_factory=HttpRoute)
    """How it is reached through a Gateway."""
    autoscaling: Autoscaling = Field(default_factory=Autoscaling)
    """As many pods as there is work for."""
