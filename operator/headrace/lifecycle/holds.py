"""What the runs of one pipeline hold and wait for: by this slots and connections to sources are counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """All of it, by the runs' uids."""

    at_work: frozenset[str] = frozenset()
    """Runs that hold a slot."""
    streams: frozenset[str] = frozenset()
    """Those of them that are streams: there are slots of their own for them."""
    waits_for_slot: bool = False
    stream_waits_for_slot: bool = False
    connections: Mapping[str, str] = field(default_factory=dict)
    """Of those at work: the source that each has a connection to."""
    waits_for_source: Mapping[str, str] = field(default_factory=dict)
    """Runs that wait for a connection, and to which source."""
    put_off: frozenset[str] = frozenset()
    """Runs that wait for a slot: who waited for a source before keeps its place there."""
    quiet: frozenset[str] = frozenset()
    """Runs that surely have no connection: their pods have ended, or do so now by themselves."""
