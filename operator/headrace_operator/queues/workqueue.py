"""Keys to be looked at: each by one worker at a time, once however often it was asked for, at its time."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable

FIRST_DELAY, LONGEST_DELAY = 0.2, 30.0
AWAY_DELAY = 5.0
"""The longest while a part is away: nothing tells us that it is back, and whoever waits for it has waited long enough.

With 30 s an API server that was away for 13 s made a run begin 25 s after it had been asked for.
"""
_MOST_DOUBLINGS = 10
Handle = Callable[[str], Awaitable[None]]
"""Handles a key; raises nothing that is not the end of everything."""


class WorkQueue:
    """A queue of keys with due times.

    A key that is added while it is at work is looked at again afterwards: what was read before may be old.
    """

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._at_work: set[str] = set()
        self._failures: dict[str, int] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: str, *, delay: float = 0.0) -> None:
        """Asks for a key; an earlier time wins over a later one."""
        at = asyncio.get_running_loop().time() + max(0.0, delay)
        if self._due.get(key, float("inf")) <= at:
            return
        self._due[key] = at
        heapq.heappush(self._heap, (at, key))
        self._changed.set()

    def is_due_within(self, key: str, seconds: float) -> bool:
        """Whether a key is looked at by then, if nobody asks for it before."""
        return self._due.get(key, float("inf")) <= asyncio.get_running_loop().time() + seconds

    def retry(self, key: str, *, longest: float = LONGEST_DELAY) -> float:
        """Asks for a key that failed, later each time; returns the delay."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(longest, FIRST_DELAY * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
        self.add(key, delay=delay)
        return delay

    def succeed(self, key: str) -> None:
        """Forgets the failures of a key."""
        self._failures.pop(key, None)

    async def work(self, handle: Handle) -> None:
        """One worker: handles keys for ever."""
        while True:
            key = await self._take()
            try:
                await handle(key)
            finally:
                self._at_work.discard(key)
                self._changed.set()

    async def _take(self) -> str:
        while True:
            key, wait = self._next()
            if key is not None:
                return key
            self._changed.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def _next(self) -> tuple[str | None, float | None]:
        """A key that is due and free, or how long to wait for one."""
        now = asyncio.get_running_loop().time()
        held: list[tuple[float, str]] = []
        found, wait = None, None
        while self._heap:
            at, key = self._heap[0]
            if self._due.get(key) != at:
                heapq.heappop(self._heap)
                continue
            if at > now:
                wait = at - now
                break
            heapq.heappop(self._heap)
            if key in self._at_work:
                held.append((at, key))
                continue
            found = key
            break
        for entry in held:
            heapq.heappush(self._heap, entry)
        if found is not None:
            del self._due[found]
            self._at_work.add(found)
        return found, wait
