"""One caller's way to the resources: what they may do, and what was done for them."""

from headrace.errors import ForbiddenError
from headrace_api.auth.authorizers import Authorizer
from headrace_api.auth.callers import Caller
from headrace_api.auth.rights import Right


class Access:
    """Made for each request; what writes resources goes through it."""

    def __init__(self, caller: Caller, authorizer: Authorizer, *, namespace: str) -> None:
        self.caller = caller
        self._authorizer = authorizer
        self._namespace = namespace
        self.done: list[str] = []
        """The changes that were made, such as `create etlruns films-1`."""

    async def require(self, *rights: Right) -> None:
        """Returns when the caller has all of these rights, else raises ForbiddenError."""
        for right in rights:
            if not await self._authorizer.allows(self.caller, right):
                who = self.caller.username
                raise ForbiddenError(f"{who} may not {right} in namespace {self._namespace}")

    def note(self, verb: str, plural: str, name: str) -> None:
        """Takes note of a change that was made."""
        self.done.append(f"{verb} {plural} {name}")
