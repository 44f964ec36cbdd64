"""Following a run while it goes on: its lines as server-sent events, and a wait for its end."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.errors import UnavailableError
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.store.progress import LogLine
from headrace_api.translate.logs import show_line

LINES = 500
"""As many lines as one look at the store brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often is looked, and for how long; in seconds."""

    look: float = 1.0
    heartbeat: float = 15.0
    """So long nothing may be sent: what stands in between takes a silent connection for a dead one."""
    longest: float = 1800.0
    """Then the caller has to come again, and to show again who they are."""
    slack: float = 60.0
    """So much later whoever does not read what is sent is cut off: nothing else would ever end that."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run is."""

    state: RunPhase | None
    """None: it is gone, with its pipeline."""

    @property
    def is_over(self) -> bool:
        """Whether no line can come any more."""
        return self.state is None or self.state in FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A run, as one looks at it; all of these may raise UnavailableError but `left`."""

    run_id: str
    standing: Callable[[], Awaitable[Standing]]
    lines: Callable[[int], Awaitable[Sequence[tuple[int, LogLine]]]]
    """Those after the line with this id, at most LINES."""
    left: Callable[[], Awaitable[bool]]
    """Whether nobody is there any more: the caller has left, or the server ends."""


async def follow(run: Followed, *, after: int, pace: Pace) -> AsyncIterator[str]:
    """Events: each line after the one with the id `after`, and `end` when the run is over and all were sent."""
    clock = asyncio.get_running_loop().time
    began = spoke = clock()
    yield f"retry: {round(pace.look * 2000)}\n\n"
    while not await run.left():
        if clock() - began >= pace.longest:
            yield ": come again\n\n"
            return
        standing, lines = await _look(run, after)
        for after, line in lines:
            yield event(show_line(line), id_=after)
        if len(lines) == LINES:
            continue
        if standing is not None and standing.is_over:
            yield event({"run_id": run.run_id, "state": standing.state}, name="end")
            return
        if lines:
            spoke = clock()
        elif clock() - spoke >= pace.heartbeat:
            yield ": still here\n\n"
            spoke = clock()
        await asyncio.sleep(pace.look)


async def wait_for_end(run: Followed, *, pace: Pace) -> bool:
    """Returns when the run is over, or False when nobody waits any more."""
    while not await run.left():
        try:
            if (await run.standing()).is_over:
                return True
        except UnavailableError:
            pass  # It goes on all the same; the next look may tell.
        await asyncio.sleep(pace.look)
    return False


def event(data: Any, *, id_: int | None = None, name: str | None = None) -> str:
    """One server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    head = (f"id: {id_}\n" if id_ is not None else "") + (f"event: {name}\n" if name else "")
    return f"{head}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


async def _look(run: Followed, after: int) -> tuple[Standing | None, Sequence[tuple[int, LogLine]]]:
    """Where the run is, and the next lines; nothing while the store is away.

    In this order: what was written before its end is in the store when the end is seen.
    """
    try:
        standing = await run.standing()
        return standing, await run.lines(after)
    except UnavailableError:
        return None, ()
