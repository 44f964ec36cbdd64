"""What a look at a server found, as the looks at each kind of server give it."""

from dataclasses import dataclass

from headrace.postgres.replication_slots import Slot
from headrace_operator.monitor.verdicts import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A server that let us in."""

    server_version: str | None
    """None: it does not say."""
    verdicts: tuple[Verdict, ...] = ()
    """Conditions besides those of the WAL; Ready only where it is not True."""
    slots: tuple[Slot, ...] | None = None
    """None: they were not read."""
    why_no_slots: str = ""
