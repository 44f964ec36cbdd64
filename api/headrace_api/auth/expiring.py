"""A table that forgets: each entry after its time, the oldest when there are too many."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """Never holds more than `limit` entries."""

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._entries: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        """What was put, while its time lasts."""
        found = self._entries.get(key)
        if found is None:
            return None
        if found[0] <= self._clock():
            del self._entries[key]
            return None
        return found[1]

    def put(self, key: K, value: V, seconds: float) -> None:
        """Keeps a value for so long; not at all when that is nothing."""
        self._entries.pop(key, None)
        if seconds <= 0:
            return
        while len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (self._clock() + seconds, value)

    def __len__(self) -> int:
        return len(self._entries)
