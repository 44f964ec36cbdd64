"""The runner's exit codes: what they say to its Job."""

from enum import IntEnum


class Exit(IntEnum):
    """How a runner ended."""

    DONE = 0
    """The run is done."""
    FAULT = 1
    """A new pod may get over it."""
    FAILED = 64
    """No retry can help."""
    STOPPED = 75
    """Stopped between two batches, as asked."""
    SUPERSEDED = 76
    """A newer pod or Job of the same run is at work; nothing was reported."""
