"""Whether a caller may do something."""

from typing import Protocol

from headrace.cluster import Cluster
from headrace_api.auth.callers import Caller
from headrace_api.auth.expiring import Expiring
from headrace_api.auth.rights import Right

_SECONDS = 5.0
"""A right that was granted or taken away shows after so long."""
_ENTRIES = 10_000


class Authorizer(Protocol):
    """Decides, and knows nothing of HTTP."""

    async def allows(self, caller: Caller, right: Right) -> bool:
        """Whether the caller has the right; UnavailableError when that can't be found out."""


class Unrestricted:
    """Everybody may do everything: the API's own rights are the limit."""

    async def allows(self, caller: Caller, right: Right) -> bool:
        """Yes."""
        return True


class AccessReviews:
    """Asks Kubernetes for each caller and right, so that its RBAC decides, and remembers the answer for a moment."""

    def __init__(self, cluster: Cluster, *, seconds: float = _SECONDS) -> None:
        self._cluster = cluster
        self._seconds = seconds
        self._known: Expiring[tuple[Caller, Right], bool] = Expiring(_ENTRIES)

    async def allows(self, caller: Caller, right: Right) -> bool:
        """What a LocalSubjectAccessReview says."""
        known = self._known.get((caller, right))
        if known is None:
            known = await self._cluster.review_access(caller.subject(), right.attributes())
            self._known.put((caller, right), known, self._seconds)
        return known
