"""Whose token it is."""

from typing import Protocol

from headrace_api.auth.callers import ANYBODY, Caller


class Authenticator(Protocol):
    """One way to tell callers; chosen by HEADRACE_AUTH_MODE."""

    wants_token: bool
    """Whether callers have to send one at all."""

    def knows(self, token: str) -> bool:
        """Whether `authenticate` asks nobody else about this token, so that bad ones cost next to nothing."""

    async def authenticate(self, token: str) -> Caller:
        """The caller; UnauthorizedError says why not, UnavailableError that it can't be found out."""

    async def close(self) -> None:
        """Closes connections."""


class NoAuthentication:
    """Nobody is asked who they are."""

    wants_token = False

    def knows(self, token: str) -> bool:
        """Always."""
        return True

    async def authenticate(self, token: str) -> Caller:
        """Anybody."""
        return ANYBODY

    async def close(self) -> None:
        """There is nothing to close."""
