"""The guard that the settings ask for. Another way to tell callers apart is a class and a line here."""

from headrace.cluster import Cluster
from headrace_api.auth.addresses import Addresses
from headrace_api.auth.authenticators import Authenticator, NoAuthentication
from headrace_api.auth.authorizers import AccessReviews, Unrestricted
from headrace_api.auth.issuers import Reader
from headrace_api.auth.kubernetes_tokens import KubernetesTokens, self_reviews, token_reviews
from headrace_api.auth.limiting import Limit, rate_of
from headrace_api.auth.oidc_tokens import Claims, OidcTokens
from headrace_api.auth.signing_keys import SigningKeys
from headrace_api.gate import Guard, Names
from headrace_api.settings import Settings


def guard_of(settings: Settings, cluster: Cluster, names: Names) -> Guard:
    """Puts it together; connects to nothing."""
    return Guard(
        authenticator=_WAYS[settings.auth_mode](settings, cluster),
        authorizer=Unrestricted() if settings.auth_mode == "none" else AccessReviews(cluster),
        addresses=Addresses(settings.trusted_proxies),
        names=names,
        namespace=settings.namespace,
        open_parts=frozenset(settings.auth_open),
        limit=Limit(rate_of(settings.rate_limit)) if settings.rate_limit else None,
    )


def _none(settings: Settings, cluster: Cluster) -> Authenticator:
    return NoAuthentication()


def _kubernetes(settings: Settings, cluster: Cluster) -> Authenticator:
    if settings.auth_review == "self":
        return KubernetesTokens(self_reviews(cluster))
    return KubernetesTokens(token_reviews(cluster, settings.auth_audiences), audiences=settings.auth_audiences)


def _oidc(settings: Settings, cluster: Cluster) -> Authenticator:
    issuer, audience = settings.oidc_issuer or "", settings.oidc_audience or ""
    claims = Claims(
        issuer=issuer,
        audience=audience,
        username=settings.oidc_username_claim,
        username_prefix=settings.oidc_username_prefix or "",
        groups=settings.oidc_groups_claim,
        groups_prefix=settings.oidc_groups_prefix or "",
    )
    return OidcTokens(claims, SigningKeys(issuer, Reader(settings.oidc_ca_file), jwks_url=settings.oidc_jwks_url))


_WAYS = {"none": _none, "kubernetes": _kubernetes, "oidc": _oidc}
