"""The keys that an issuer signs with (JWKS, RFC 7517): kept while it is down, and replaced when it rotates them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from headrace.errors import UnauthorizedError, UnavailableError
from headrace.logs import logger
from headrace_api.auth.issuers import Reader, UnreadableError

ALGORITHMS: Mapping[str, frozenset[str]] = {
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "P-256": frozenset({"ES256"}),
    "P-384": frozenset({"ES384"}),
    "P-521": frozenset({"ES512"}),
    "Ed25519": frozenset({"EdDSA"}),
}
"""By type or curve. None that is symmetric: whoever knows a published key could sign."""
ALLOWED = frozenset[str]().union(*ALGORITHMS.values())
_RSA_BITS = 2048
_FRESH_SECONDS = 300.0
_BETWEEN_SECONDS = 10.0
"""So often at most is asked for a key that is not there: anybody can name one."""
_WITHOUT_SECONDS = 1.0
"""So often while there are none at all."""
PART = "oidc"
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, and what it may have signed."""

    kid: str | None
    algorithms: frozenset[str]
    key: Any


def keys_of(document: Mapping[str, Any]) -> tuple[SigningKey, ...]:
    """The keys of a JWKS that can be used; others (for encryption, of unknown types, too short) are left out."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise UnreadableError("no list of keys")
    return tuple(key for entry in entries if isinstance(entry, dict) and (key := _key(entry)) is not None)


def _key(entry: Mapping[str, Any]) -> SigningKey | None:
    algorithms = ALGORITHMS.get("RSA" if entry.get("kty") == "RSA" else str(entry.get("crv")), frozenset())
    if entry.get("alg") is not None:
        algorithms &= {str(entry["alg"])}
    if not algorithms or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(dict(entry), min(algorithms)).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if not hasattr(key, "verify") or (isinstance(key, RSAPublicKey) and key.key_size < _RSA_BITS):
        return None
    kid = entry.get("kid")
    return SigningKey(str(kid) if kid is not None else None, algorithms, key)


class SigningKeys:
    """The keys of one issuer. A key that it no longer publishes is forgotten when the keys are read again."""

    def __init__(
        self,
        issuer: str,
        reader: Reader,
        *,
        jwks_url: str | None = None,
        fresh: float = _FRESH_SECONDS,
        between: float = _BETWEEN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._reader = reader
        self._jwks_url = jwks_url
        self._fresh = fresh
        self._between = between
        self._clock = clock
        self._keys: tuple[SigningKey, ...] | None = None
        self._read_at = self._tried_at = float("-inf")
        self._reading = asyncio.Lock()

    async def find(self, kid: str | None, algorithm: str) -> Any:
        """The key for a token; UnauthorizedError when there is none, UnavailableError when that can't be found out."""
        is_old = self._clock() - self._read_at > self._fresh
        # While one asks a slow issuer again, the others go on with the keys that are there.
        if self._keys is None or (is_old and not self._reading.locked()):
            await self._refresh()
        key = self._pick(kid, algorithm)
        if key is None:
            await self._refresh()
            key = self._pick(kid, algorithm)
        if key is not None:
            return key
        if self._keys is None or self._read_at < self._tried_at:
            raise UnavailableError("The identity provider's keys can't be had; try again later", part=PART)
        if kid is None:
            raise UnauthorizedError("The token does not say which of the issuer's keys it is signed with")
        raise UnauthorizedError("The token is signed with a key that the issuer does not publish")

    async def close(self) -> None:
        """Closes the connections."""
        await self._reader.close()

    def _pick(self, kid: str | None, algorithm: str) -> Any:
        fit = [key for key in self._keys or () if algorithm in key.algorithms]
        if kid is not None:
            return next((key.key for key in fit if key.kid == kid), None)
        # Without a name only where nothing is to be chosen.
        return fit[0].key if len(fit) == 1 else None

    async def _refresh(self) -> None:
        """Reads the keys, but not again when somebody just did."""
        async with self._reading:
            if self._clock() - self._tried_at < (self._between if self._keys is not None else _WITHOUT_SECONDS):
                return
            self._tried_at = self._clock()
            try:
                keys = keys_of(await self._reader.read(await self._address()))
            except UnreadableError as error:
                _log.warning("the issuer's keys can't be read", reason=error.message, kept=len(self._keys or ()))
                # From the end on: those who waited for a slow issuer would ask it again, one after the other.
                self._tried_at = self._clock()
                return
            self._keys, self._read_at = keys, self._tried_at

    async def _address(self) -> str:
        if self._jwks_url is not None:
            return self._jwks_url
        found = await self._reader.read(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise UnreadableError("its discovery document is another issuer's")
        if not isinstance(found.get("jwks_uri"), str):
            raise UnreadableError("its discovery document names no jwks_uri")
        return str(found["jwks_uri"])
