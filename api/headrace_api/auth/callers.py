"""Callers: who they are, in the terms of Kubernetes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody whose token was believed; what an access review asks about."""

    username: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What else an authenticator knows; some authorizers decide by it."""

    @property
    def is_known(self) -> bool:
        """Whether it is somebody: nobody has to say who they are where nothing is asked."""
        return bool(self.username)

    def subject(self) -> dict[str, Any]:
        """The caller as an access review names it."""
        extra = {name: list(values) for name, values in self.extra}
        return {"user": self.username, "uid": self.uid, "groups": list(self.groups), "extra": extra}


ANYBODY = Caller(username="")


def caller_of(user: Mapping[str, Any]) -> Caller:
    """The caller that a review of Kubernetes' names (`userInfo`)."""
    extra = user.get("extra") or {}
    return Caller(
        username=str(user.get("username") or ""),
        uid=str(user.get("uid") or ""),
        groups=tuple(map(str, user.get("groups") or ())),
        extra=tuple(sorted((str(name), tuple(map(str, values or ()))) for name, values in extra.items())),
    )
