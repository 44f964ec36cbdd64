"""SIGTERM: the batch in hand may finish within a grace period; after it the batch is rolled back."""

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue

from headrace.errors import StoppedError

EXIT_SECONDS = 5.0
"""How long after the grace period the process may still need to say its last word."""


class Stop:
    """Whether, and how urgently, we were asked to stop."""

    def __init__(self, grace_seconds: float) -> None:
        self._grace = grace_seconds
        self._requested = threading.Event()
        self._expired = threading.Event()
        self._cancel: Callable[[], None] = lambda: None

    def install(self, give_up: Callable[[], None]) -> None:
        """Listens to SIGTERM and SIGINT; `give_up` ends the process when nothing else did."""
        # The signal may come while this thread holds the event's own lock: only a SimpleQueue may be used then.
        signals: SimpleQueue[int] = SimpleQueue()

        def listen() -> None:
            signals.get()
            self.request(give_up)

        threading.Thread(target=listen, name="stop", daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: signals.put(number))

    def request(self, give_up: Callable[[], None] = lambda: None) -> None:
        """Asks to stop now: between batches at once, in a batch when it is written or the grace period is over."""
        self._requested.set()
        for delay, action in ((self._grace, self.expire), (self._grace + EXIT_SECONDS, give_up)):
            timer = threading.Timer(delay, action)
            timer.daemon = True
            timer.start()

    def on_expiry(self, cancel: Callable[[], None]) -> None:
        """What ends the statement in hand when the grace period is over."""
        self._cancel = cancel

    def is_requested(self) -> bool:
        """Whether we were asked to stop."""
        return self._requested.is_set()

    def has_expired(self) -> bool:
        """Whether the grace period is over."""
        return self._expired.is_set()

    def wait(self, seconds: float) -> None:
        """Sleeps; raises StoppedError as soon as we are asked to stop."""
        if self._requested.wait(max(seconds, 0.0)):
            raise StoppedError("Stopped between two batches")

    def check(self) -> None:
        """Raises StoppedError when we were asked to stop."""
        self.wait(0)

    def expire(self) -> None:
        """The grace period is over: the statement in hand is ended."""
        self._expired.set()
        self._cancel()
