"""One line for each call that changes something, or was refused: who, what, from where, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from headrace.logs import logger
from headrace_api.auth.access import Access
from headrace_api.auth.requirements import Requirement

LOGGER = "headrace_api.audit"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_log = logger(LOGGER)


@dataclass(slots=True)
class Visit:
    """What is known of a call so far."""

    method: str
    route: str
    """The path with its parameters' names."""
    requirement: Requirement
    parameters: Mapping[str, str]
    client: str
    access: Access | None = None
    """None until the caller is known."""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """What the answer is to carry, whatever it is."""
    is_written: bool = False

    def write(self) -> None:
        """Writes the line once, unless the call only reads. The request's id is bound to every line of the request."""
        if self.method in SAFE or self.is_written:
            return
        self.is_written = True
        caller = self.access.caller if self.access else None
        wanted = self.requirement.rights[0] if self.requirement.rights else None
        _log.info(
            "audit",
            user=(caller.username or None) if caller else None,
            groups=len(caller.groups) if caller else 0,
            client=self.client,
            method=self.method,
            route=self.route,
            verb=wanted.verb if wanted else None,
            resource=wanted.plural if wanted else None,
            # Of several the last: what comes before it only says where.
            id=next(reversed([*self.parameters.values()]), None),
            done=self.access.done if self.access else [],
            status=self.status,
        )


def write_early(request: Request, *, status: int) -> None:
    """Writes the line of a call that has done what it does and is answered much later, with the status until then."""
    visit: Visit = request.state.visit
    visit.status = status
    visit.write()
