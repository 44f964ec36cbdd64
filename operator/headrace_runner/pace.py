"""Holds a read back to a number of rows a second, to protect the source."""

import time
from collections.abc import Callable


class Pace:
    """Says how long to wait after so many rows; time is monotonic."""

    def __init__(self, rows_per_second: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rows_per_second
        self._clock = clock
        self._due = clock()

    def batch_size(self, wanted: int) -> int:
        """At most what a second allows, so that a slow read still commits every second."""
        return wanted if self._rate is None else max(1, min(wanted, self._rate))

    def delay_after(self, rows: int) -> float:
        """How long to wait before the rows just read may be handed on."""
        if self._rate is None:
            return 0.0
        # Time in which the target was busy earns at most one second's worth of rows.
        now = self._clock()
        self._due = max(self._due, now - 1.0) + rows / self._rate
        return max(0.0, self._due - now)
