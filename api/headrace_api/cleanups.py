"""Clean-ups of a request that ended half-way: carried through, though its answer does not wait for them for ever."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from headrace.logs import logger

LONGEST_SECONDS = 10.0
"""The answer waits so long for each, on top of the request's own limit: a clean-up makes several calls."""
_log = logger(__name__)
_T = TypeVar("_T")
_going_on: set["asyncio.Task[Any]"] = set()
"""Those for which no answer waits any more; the event loop alone would not keep them."""


async def carry_through(work: Coroutine[Any, Any, _T], *, seconds: float = LONGEST_SECONDS) -> _T | None:
    """What comes of the work, which goes on where the caller is cancelled; None where it still does after `seconds`."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            _going_on.add(task)
            task.add_done_callback(_ended)
    return task.result() if task.done() else None


def _ended(task: "asyncio.Task[Any]") -> None:
    _going_on.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("a clean-up failed for which no answer waited", error=str(error))
