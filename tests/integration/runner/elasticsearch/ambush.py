"""The moments at which a runner is killed or stopped: requests on the way to its index, or answers on the way back."""

import os
import re
import signal
import threading

from tests.integration.runner.elasticsearch.faultproxy import CutError, FaultProxy

SECONDS = 30


class Ambush:
    """Waits until something like `pattern` passes for the `number`th time; a subclass says what happens then."""

    def __init__(self, proxy: FaultProxy, pattern: str = "", number: int = 1) -> None:
        self.fired = threading.Event()
        self._pattern = re.compile(pattern)
        self._left = number
        self._pid = 0
        self._known = threading.Event()
        self._lock = threading.Lock()
        proxy.listener = self._hear

    def aim(self, pid: int) -> None:
        """Takes the process to wait for."""
        self._pid = pid
        self._known.set()

    def strike(self) -> None:
        """Called when the moment is there, and for all that wants to pass later."""
        raise NotImplementedError

    def _hear(self, what: str) -> None:
        with self._lock:
            self._left -= bool(self._pattern.search(what))
            if self._left > 0:
                return
            self._known.wait(SECONDS)
        self.strike()


class Killer(Ambush):
    """Kills the process, and lets nothing more of it pass."""

    def strike(self) -> None:
        if not self.fired.is_set():
            os.kill(self._pid, signal.SIGKILL)
            self.fired.set()
        raise CutError


class Freezer(Ambush):
    """Stops the process, and holds what it had sent until it is woken."""

    def __init__(self, proxy: FaultProxy, pattern: str = "", number: int = 1) -> None:
        super().__init__(proxy, pattern, number)
        self._woken = threading.Event()

    def strike(self) -> None:
        if not self.fired.is_set():
            os.kill(self._pid, signal.SIGSTOP)
            self.fired.set()
        self._woken.wait(2 * SECONDS)

    def wake(self) -> None:
        """Lets the process go on, and passes what it had sent."""
        os.kill(self._pid, signal.SIGCONT)
        self._woken.set()
