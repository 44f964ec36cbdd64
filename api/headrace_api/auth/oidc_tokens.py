"""Tokens of an OpenID Connect issuer: JWTs that are checked here, with the issuer's published keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from headrace.errors import UnauthorizedError
from headrace_api.auth.callers import Caller
from headrace_api.auth.signing_keys import ALLOWED, SigningKeys

RESERVED = "system:"
"""Names that begin so are Kubernetes' own: an issuer must not make administrators of a cluster."""
_CLOCKS_DIFFER = 30
_TEXT = 1024
_GROUPS = 1000

_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired"),
    (jwt.ImmatureSignatureError, "The token is not valid yet"),
    (jwt.InvalidAudienceError, "The token is for another audience"),
    (jwt.InvalidIssuerError, "The token is of another issuer"),
    (jwt.InvalidSignatureError, "The token's signature is wrong"),
    (jwt.InvalidAlgorithmError, "The token is signed with an algorithm that is not allowed"),
    (jwt.DecodeError, "The token is no JWT"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token has to say, and how its claims become a caller."""

    issuer: str
    audience: str
    username: str = "sub"
    username_prefix: str = ""
    groups: str = "groups"
    groups_prefix: str = ""


class OidcTokens:
    """Believes tokens that the issuer signed for us."""

    wants_token = True

    def __init__(self, claims: Claims, keys: SigningKeys) -> None:
        self._claims = claims
        self._keys = keys

    def knows(self, token: str) -> bool:
        """Always: a signature is checked here in a fraction of a millisecond."""
        return True

    async def authenticate(self, token: str) -> Caller:
        """Checks signature, issuer, audience and times; nothing is remembered."""
        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in ALLOWED:
                raise jwt.InvalidAlgorithmError
            key = await self._keys.find(kid, algorithm)
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self._claims.issuer,
                audience=self._claims.audience,
                leeway=_CLOCKS_DIFFER,
                options={"require": ["exp", "iss", "aud", self._claims.username]},
            )
        except jwt.MissingRequiredClaimError as error:
            raise UnauthorizedError(f"The token lacks the claim {error.claim}") from error
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise UnauthorizedError(_reason(error)) from error
        return caller_from(claims, self._claims)

    async def close(self) -> None:
        """Closes the connections to the issuer."""
        await self._keys.close()


def caller_from(claims: Mapping[str, Any], how: Claims) -> Caller:
    """The caller that verified claims name; UnauthorizedError when they name none."""
    name = claims.get(how.username)
    if not isinstance(name, str) or not name.strip() or not _is_text(name):
        raise UnauthorizedError(f"The token's claim {how.username} is no name")
    if how.username == "email" and claims.get("email_verified", True) is not True:
        raise UnauthorizedError("The token's email address is not verified")
    username = how.username_prefix + name
    if username.startswith(RESERVED):
        raise UnauthorizedError(f"The token's user name begins with {RESERVED}, which is Kubernetes' own")
    # Whoever has proved who they are is in this one, as for kubectl.
    groups = (*_groups(claims.get(how.groups), how.groups_prefix), "system:authenticated")
    return Caller(username=username, groups=groups)


def _groups(value: object, prefix: str) -> list[str]:
    """The groups that the claim names; one group may come without a list. Kubernetes' own are left out."""
    named = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    groups = [prefix + group for group in named if isinstance(group, str) and group and _is_text(group)]
    return [group for group in dict.fromkeys(groups) if not group.startswith(RESERVED)][:_GROUPS]


def _is_text(value: str) -> bool:
    """Whether an access review can carry it: half of a character can't be sent."""
    return len(value) <= _TEXT and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _reason(error: Exception) -> str:
    return next((said for kind, said in _REASONS if isinstance(error, kind)), "The token is not valid")
