"""Who may call the API."""

from typing import Annotated, Literal

from pydantic import Field

from headrace_chart.section import HttpsOrEmpty, NameOrEmpty, Section


class Oidc(Section):
    """An issuer of tokens, for `mode: oidc`."""

    issuer: HttpsOrEmpty = ""
    """The issuer's URL, as it stands in the tokens. Required for `mode: oidc`."""
    audience: str = ""
    """Whom a token must be meant for. Required for `mode: oidc`."""
    username_claim: Annotated[str, Field(min_length=1)] = "sub"
    """The claim that names the user."""
    username_prefix: str = ""
    """What is put before that name, as kube-apiserver's `--oidc-username-prefix`."""
    groups_claim: Annotated[str, Field(min_length=1)] = "groups"
    """The claim with the user's groups."""
    groups_prefix: str = ""
    """What is put before each group."""
    ca_config_map: NameOrEmpty = ""
    """A ConfigMap whose key `ca.crt` signed the issuer's certificate. Empty: the certificates of the image."""
    jwks_url: HttpsOrEmpty = ""
    """Where the issuer's keys are. Empty: what its discovery document says."""


class Auth(Section):
    """Who may call the API. Everybody may do over REST what the cluster's RBAC lets them do with kubectl."""

    mode: Literal["kubernetes", "oidc", "none"] = "kubernetes"
    """`kubernetes`: tokens of the cluster. `oidc`: tokens of an issuer of yours. `none`: everybody may do
    everything."""
    review: Literal["auto", "token", "self"] = "auto"
    """How a token of the cluster is checked. `token`: by TokenReview, which takes a ClusterRole. `self`: by asking the
    cluster with the caller's own token, which takes no right. `auto`: `token` in `rbac.scope: cluster`, else `self`."""
    audiences: tuple[Annotated[str, Field(pattern=r"^[^,\s]+$")], ...] = ()
    """Whom a token of the cluster must be meant for. Empty: the API server itself. With `review: token` only."""
    open: tuple[Literal["health", "docs", "metrics"], ...] = ("health", "docs", "metrics")
    """What needs no token. Probes never need one."""
    oidc: Oidc = Field(default_factory=Oidc)
    """The issuer, for `mode: oidc`."""
