"""Tokens of the cluster's own accounts and of whoever else its API server knows: that is asked about each."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import jwt

from headrace.cluster import Cluster, Manifest
from headrace.errors import UnauthorizedError
from headrace_api.auth.callers import Caller, caller_of
from headrace_api.auth.expiring import Expiring

Review = Callable[[str], Awaitable[Manifest | None]]
"""Whose token it is, or None."""
_SECONDS = 10.0
"""A token that was revoked, or whose account is gone, is refused after so long."""
_ENTRIES = 10_000
_CLOCKS_DIFFER = 60.0
"""Seconds after which a token is surely over, whatever the API server's clock says."""
_UNKNOWN = (
    "The token is not valid for this cluster: it may be another's, for another audience, or of an account that is gone"
)


class KubernetesTokens:
    """Believes what the API server says of a token, for a moment, and never longer than the token itself says."""

    wants_token = True

    def __init__(
        self,
        review: Review,
        *,
        audiences: Sequence[str] = (),
        seconds: float = _SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._review = review
        self._audiences = frozenset(audiences)
        self._seconds = seconds
        self._now = now
        self._known: Expiring[bytes, Caller] = Expiring(_ENTRIES)

    def knows(self, token: str) -> bool:
        """Whether it was reviewed a moment ago, or says itself that it can't be valid."""
        return self._known.get(_digest(token)) is not None or self._complaint(_claims(token)) is not None

    async def authenticate(self, token: str) -> Caller:
        """Asks the API server, unless it did a moment ago."""
        digest, claims = _digest(token), _claims(token)
        if complaint := self._complaint(claims):
            raise UnauthorizedError(complaint)
        known = self._known.get(digest)
        if known is not None:
            return known
        user = await self._review(token)
        caller = caller_of(user) if user else None
        if caller is None or not caller.is_known or "system:unauthenticated" in caller.groups:
            raise UnauthorizedError(_UNKNOWN)
        self._known.put(digest, caller, min(self._seconds, _expiry(claims, self._now() + self._seconds) - self._now()))
        return caller

    async def close(self) -> None:
        """There is nothing to close: the cluster is another's."""

    def _complaint(self, claims: Mapping[str, Any]) -> str | None:
        """What a token says against itself; nobody has checked its signature yet, and nobody has to."""
        if _expiry(claims, self._now()) < self._now() - _CLOCKS_DIFFER:
            return "The token has expired"
        meant = claims.get("aud")
        named = {meant} if isinstance(meant, str) else set(map(str, meant)) if isinstance(meant, list) else set()
        if self._audiences and named and not named & self._audiences:
            return "The token is for another audience"
        return None


def token_reviews(cluster: Cluster, audiences: Sequence[str]) -> Review:
    """By TokenReview: it needs a ClusterRole, and may ask for audiences."""

    async def review(token: str) -> Manifest | None:
        return await cluster.review_token(token, audiences)

    return review


def self_reviews(cluster: Cluster) -> Review:
    """By SelfSubjectReview with the token itself: it needs no right, and takes the API server's own audience only."""
    return cluster.who_is


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _claims(token: str) -> Mapping[str, Any]:
    """What a token says of itself; nothing when it is no JWT."""
    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}
    return claims


def _expiry(claims: Mapping[str, Any], otherwise: float) -> float:
    expiry = claims.get("exp")
    try:
        return float(expiry) if isinstance(expiry, int | float) else otherwise
    except OverflowError:
        return otherwise
