"""Settings of authentication that do not go together; each complaint is a sentence that names the variables."""

import ssl
from collections.abc import Iterator, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from headrace_api.auth.addresses import network
from headrace_api.auth.issuers import is_safe
from headrace_api.auth.limiting import rate_of
from headrace_api.auth.requirements import OPENABLE


class Settings(Protocol):
    """What is looked at here."""

    @property
    def auth_mode(self) -> str: ...
    @property
    def auth_review(self) -> str: ...
    @property
    def auth_audiences(self) -> Sequence[str]: ...
    @property
    def auth_open(self) -> Sequence[str]: ...
    @property
    def oidc_issuer(self) -> str | None: ...
    @property
    def oidc_audience(self) -> str | None: ...
    @property
    def oidc_jwks_url(self) -> str | None: ...
    @property
    def oidc_ca_file(self) -> str | None: ...
    @property
    def rate_limit(self) -> str | None: ...
    @property
    def trusted_proxies(self) -> Sequence[str]: ...
    @property
    def cors_origins(self) -> Sequence[str]: ...


def complaints(settings: Settings) -> Iterator[str]:
    """What is wrong, if anything."""
    yield from _mode(settings)
    yield from _oidc(settings)
    yield from _around(settings)


def _mode(settings: Settings) -> Iterator[str]:
    # Who has set up one way and forgotten the mode must not be left with a server that is open to all.
    if settings.auth_mode != "oidc":
        given = {"HEADRACE_OIDC_ISSUER": settings.oidc_issuer, "HEADRACE_OIDC_AUDIENCE": settings.oidc_audience}
        for name, value in given.items():
            if value:
                yield f"{name} is set, but HEADRACE_AUTH_MODE is {settings.auth_mode}: set it to oidc"
    if settings.auth_audiences and settings.auth_mode != "kubernetes":
        yield f"HEADRACE_AUTH_AUDIENCES is set, but HEADRACE_AUTH_MODE is {settings.auth_mode}: set it to kubernetes"
    if settings.auth_review == "self" and settings.auth_mode != "kubernetes":
        yield f"HEADRACE_AUTH_REVIEW is self, but HEADRACE_AUTH_MODE is {settings.auth_mode}: set it to kubernetes"
    if settings.auth_audiences and settings.auth_review == "self":
        yield "HEADRACE_AUTH_AUDIENCES needs HEADRACE_AUTH_REVIEW=token: a SelfSubjectReview knows no audiences"
    unknown = [part for part in settings.auth_open if part not in OPENABLE]
    if unknown:
        yield f"HEADRACE_AUTH_OPEN can have {', '.join(OPENABLE)}, and not {', '.join(unknown)}"


def _oidc(settings: Settings) -> Iterator[str]:
    if settings.auth_mode != "oidc":
        return
    if not settings.oidc_issuer:
        yield "HEADRACE_AUTH_MODE is oidc, and HEADRACE_OIDC_ISSUER is missing: whose tokens are taken"
    if not settings.oidc_audience:
        yield "HEADRACE_AUTH_MODE is oidc, and HEADRACE_OIDC_AUDIENCE is missing: whom their tokens must be for"
    addresses = {"HEADRACE_OIDC_ISSUER": settings.oidc_issuer, "HEADRACE_OIDC_JWKS_URL": settings.oidc_jwks_url}
    for name, address in addresses.items():
        if address and not is_safe(address):
            yield f"{name} must be an https address: who can change what it answers can be anybody"
    if settings.oidc_ca_file:
        try:
            ssl.create_default_context(cafile=settings.oidc_ca_file)
        except OSError as error:
            yield f"HEADRACE_OIDC_CA_FILE can't be read as certificates: {error.strerror or 'no certificate in it'}"


def _around(settings: Settings) -> Iterator[str]:
    if settings.rate_limit:
        try:
            rate_of(settings.rate_limit)
        except ValueError:
            yield "HEADRACE_RATE_LIMIT is a number and a time, such as 50/second or 1000/hour"
    for proxy in settings.trusted_proxies:
        try:
            network(proxy)
        except ValueError:
            yield f"HEADRACE_TRUSTED_PROXIES is a list of networks such as 10.0.0.0/8, and {proxy} is none"
    for origin in settings.cors_origins:
        if origin != "*" and not _is_origin(origin):
            yield f"HEADRACE_CORS_ORIGINS is a list of origins such as https://example.com, and {origin} is none"


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and f"{parts.scheme}://{parts.netloc}" == text
