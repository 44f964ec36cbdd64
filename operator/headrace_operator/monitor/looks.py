"""A look at one source or destination, whatever kind of server it is."""

from dataclasses import dataclass, field

from headrace.connections.resolve import Access, SearchAccess
from headrace.model.source import SourceSpec
from headrace_operator.monitor.destination_look import look_at_destination
from headrace_operator.monitor.search_look import look_at_search
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.source_look import look_at_source
from headrace_operator.monitor.subjects import Spec

ROLE_EVERY = 600.0
"""The grants of a large catalogue take a while to read, and seldom change."""


@dataclass(slots=True, kw_only=True)
class Looks:
    """The looks at one of them, one after the other."""

    seconds: float
    """What a look may take."""
    targets: tuple[str, ...]
    """What pipelines may write to."""
    _role_at: float = field(default=float("-inf"))

    async def look(self, spec: Spec, access: Access, *, now: float, anew: bool) -> Sight:
        """Raises NoWayInError; `anew`: nothing that was seen before counts."""
        if isinstance(access, SearchAccess):
            return await look_at_search(access, seconds=self.seconds, targets=self.targets)
        if not isinstance(spec, SourceSpec):
            return await look_at_destination(access, seconds=self.seconds)
        if anew:
            # Also for the looks after this one, which may fail: what was found was found elsewhere.
            self._role_at = float("-inf")
        with_role = now - self._role_at >= ROLE_EVERY
        sight = await look_at_source(access, seconds=self.seconds, with_role=with_role)
        self._role_at = now if with_role else self._role_at
        return sight
