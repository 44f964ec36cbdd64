"""Who may talk to whom."""

from typing import Annotated

from pydantic import Field

from headrace_chart.section import Cidr, FreeList, Label, Port, Section


class Addresses(Section):
    """Addresses, and ports there."""

    cidr: Cidr
    """Such as `10.2.0.0/16`."""
    ports: Annotated[tuple[Port, ...], Field(min_length=1)]
    """Such as `[5432]`. None at all would be every port, to a NetworkPolicy."""


_EVERYWHERE = "0.0.0.0/0"


class NetworkPolicy(Section):
    """NetworkPolicies for the pods of API, operator and runs. They need a network that enforces them."""

    enabled: bool = False
    """Whether there are any."""
    api_namespaces: tuple[Label, ...] = ()
    """Namespaces from which the API may be called, besides its own, such as that of the ingress controller."""
    metrics_namespaces: tuple[Label, ...] = ("monitoring",)
    """Namespaces from which API and operator may be asked for metrics. Of the API, which has one port, they reach
    everything that their tokens let them."""
    dns: FreeList = ({"namespaceSelector": {}},)
    """Where DNS is asked, port 53, as the `to` of a NetworkPolicy."""
    kubernetes_api: tuple[Addresses, ...] = (Addresses(cidr=_EVERYWHERE, ports=(443, 6443)),)
    """Where API and operator reach the Kubernetes API. Of IPv6, as all of these, `::/0`."""
    databases: tuple[Addresses, ...] = (Addresses(cidr=_EVERYWHERE, ports=(5432, 9200)),)
    """Where operator and runners reach sources and destinations, and all reach the store as long as `store` is empty.
    Whoever may make a source can have any address in here connected to."""
    store: tuple[Addresses, ...] = ()
    """Where the store is. API and migration then reach nothing of `databases`, operator and runners reach both.
    Empty: `databases`."""
    oidc: tuple[Addresses, ...] = (Addresses(cidr=_EVERYWHERE, ports=(443,)),)
    """Where the API reaches the issuer of tokens, in `auth.mode: oidc`."""
    extra_egress: FreeList = Field(default=())
    """More rules of egress for all of them, as in a NetworkPolicy."""
