"""How often somebody may call: a moving window for each caller, in this process's memory."""

import math
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from headrace_api.auth.expiring import Expiring

_RATE = re.compile(r"([1-9][0-9]{0,5})/(second|minute|hour|day)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_CALLERS = 10_000
_FAILURES = "50/second"
"""Unknown tokens of one address that turn out to be bad, or are being asked about: questions to the Kubernetes API."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in so many seconds."""

    calls: int
    seconds: int


def rate_of(text: str) -> Rate:
    """The rate that is written as `50/second`; ValueError."""
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError("a rate is a number and a time, such as 50/second or 1000/hour")
    return Rate(int(found[1]), _SECONDS[found[2]])


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left to a caller."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """As answers carry it."""
        said = {"Limit": self.limit, "Remaining": self.remaining, "Reset": self.reset_seconds}
        return {f"RateLimit-{name}": str(value) for name, value in said.items()}


class Limit:
    """Any window of that length holds at most so many calls of one caller.

    Of very many callers those are forgotten who have not called for longest. (The library `limits` never forgets one in
    memory, and looks at all of them at each call.)
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._windows: Expiring[str, deque[float]] = Expiring(_CALLERS, clock=clock)

    def take(self, who: str) -> Quota:
        """Counts a call, unless there are too many."""
        window, now = self._window(who), self._clock()
        allowed = len(window) < self._rate.calls
        if allowed:
            window.append(now)
        self._windows.put(who, window, self._rate.seconds)
        return self._quota(window, allowed=allowed)

    def take_back(self, who: str) -> None:
        """As if the latest call had not been."""
        window = self._windows.get(who)
        if window:
            window.pop()

    def look(self, who: str) -> Quota:
        """As `take`, without counting."""
        window = self._window(who)
        return self._quota(window, allowed=len(window) < self._rate.calls)

    def _window(self, who: str) -> deque[float]:
        window = self._windows.get(who) or deque()
        while window and window[0] <= self._clock() - self._rate.seconds:
            window.popleft()
        return window

    def _quota(self, window: deque[float], *, allowed: bool) -> Quota:
        """`reset_seconds` is when the oldest call of the window no longer counts."""
        reset = window[0] + self._rate.seconds - self._clock() if window else 0
        return Quota(allowed, self._rate.calls, self._rate.calls - len(window), max(1, math.ceil(reset)))


def failures() -> Limit:
    """The limit of failed authentications of one address."""
    return Limit(rate_of(_FAILURES))
