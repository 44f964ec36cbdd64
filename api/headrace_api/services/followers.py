"""Those who follow runs: how many may do so at once, what they look at, and how it is sent to them."""

from collections.abc import AsyncIterator, Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from headrace.lifecycle.state import RunPhase
from headrace.lifecycle.views import run_view
from headrace.store import listings
from headrace.store.progress import LogLine
from headrace.store.store import Store
from headrace_api.resources import Resources
from headrace_api.services.following import LINES, Followed, Standing

MOST = 100
"""At once, of one process: each asks the store once a second."""


class Followers:
    """Counts them, and knows when they have to go."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.count = 0
        """How many there are."""
        self.is_ending: Callable[[], bool] = lambda: False
        """Whether the server wants to end, and waits for them."""

    def __enter__(self) -> None:
        """One more, if there is room, else 429."""
        if self.count >= self._most:
            message = f"{self._most} callers follow runs already; try again later"
            raise HTTPException(429, message, headers={"Retry-After": "10"})
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


class Watcher:
    """Looks at runs for those who follow them."""

    def __init__(self, resources: Resources, store: Store, *, scope: listings.Scope, followers: Followers) -> None:
        self._resources = resources
        self._store = store
        self._scope = scope
        self._followers = followers

    def of(self, run_id: str, request: Request, level: str = "DEBUG") -> Followed:
        """A run that was found before, for whoever sent this request; with lines of that level and above."""

        async def standing() -> Standing:
            return await self._standing(run_id)

        async def lines(after: int) -> Sequence[tuple[int, LogLine]]:
            return await self._store.logs_after(run_id, after, min_level=level, limit=LINES)

        async def left() -> bool:
            return self._followers.is_ending() or await request.is_disconnected()

        return Followed(run_id=run_id, standing=standing, lines=lines, left=left)

    async def _standing(self, run_id: str) -> Standing:
        """From the mirror while it is up to date: no request for each look."""
        run = self._resources.runs.known(run_id)
        seen = run_view(run) if run is not None else None
        if seen is not None and (self._resources.runs.mirror.current or seen.is_final):
            return Standing(seen.phase)
        record = await self._store.find_run(self._scope, run_id)
        if record is not None:
            return Standing(RunPhase(record.status))
        # The store has no run that has not begun: it is where it was, unless it was seen to be deleted.
        return Standing(seen.phase if seen is not None else None)


class EventStream(StreamingResponse):
    """Server-sent events; whoever gets them counts as long as they are sent."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], followers: Followers) -> None:
        # Whatever stands in between is to keep nothing back.
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._followers = followers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends them."""
        with self._followers:
            await super().__call__(scope, receive, send)
