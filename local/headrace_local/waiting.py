"""Waits that are bounded, and say what they waited for."""

import time
from collections.abc import Callable
from typing import TypeVar

from headrace_local.errors import LocalError

T = TypeVar("T")


class TooLongError(LocalError):
    """What was waited for did not come in time; the message says what was seen last."""


def wait_for(
    what: str, look: Callable[[], T | None], *, seconds: float, every: float = 0.1, seen: Callable[[], object] = str
) -> T:
    """Returns the first true answer of `look`; raises TooLongError, which quotes `seen()`, after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            last = str(seen())
            raise TooLongError(f"waited {seconds:g} s for {what}" + (f"; last seen: {last}" if last else ""))
        time.sleep(every)
    return answer
