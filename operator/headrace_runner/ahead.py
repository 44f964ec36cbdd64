"""Work that is begun before its result is needed: a connection is made while something else goes on."""

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What has to be let go of when nobody takes it."""

    def close(self) -> None:
        """Lets go."""


T = TypeVar("T", bound=Closable)


class Ahead(Generic[T]):
    """Calls `make` in a thread at once; `take` gives what it made, or raises what it raised."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: T | None = None
        self._error: BaseException | None = None
        self._unwanted = False
        # A daemon: a server that never answers must not keep the process.
        self._thread: threading.Thread | None = threading.Thread(target=self._work, name="ahead", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Waits for the result, and leaves it to `take`; raises what was raised instead."""
        if self._thread is not None:
            self._thread.join()
            if self._error is not None:
                raise self._error

    def take(self) -> T:
        """Waits for the result; every further call makes a new one here and now."""
        thread, self._thread = self._thread, None
        if thread is None:
            return self._make()
        thread.join()
        made, self._made = self._made, None
        if made is None:
            assert self._error is not None
            raise self._error
        return made

    def close(self) -> None:
        """Nobody takes it: what was made, or is yet to be, is closed. Never waits; what was taken is left alone."""
        with self._lock:
            self._unwanted = True
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _work(self) -> None:
        try:
            made = self._make()
        except BaseException as error:  # noqa: BLE001  # it is raised again where the result is wanted
            self._error = error
            return
        with self._lock:
            if not self._unwanted:
                self._made = made
                return
        made.close()
