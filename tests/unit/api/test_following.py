"""Following a run: each line once, then its end; bounded whatever happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request

from headrace.errors import UnavailableError
from headrace.lifecycle.state import RunPhase
from headrace.store.progress import LogLine
from headrace_api import problems
from headrace_api.requests import RequestMiddleware, lift_limit
from headrace_api.resources import Resources
from headrace_api.services.followers import EventStream, Followers, Watcher
from headrace_api.services.following import LINES, Followed, Pace, Standing, event, follow, wait_for_end

pytestmark = pytest.mark.looptime
PACE = Pace()
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def line(number):
    return number, LogLine(MOMENT, "INFO", f"line {number}")


class Run:
    """A run in a script: at these seconds these lines are written; it ends, or it is gone, or the store is away."""

    def __init__(self, lines=(), *, ends=None, state=RunPhase.SUCCESS, leaves=None, away=()):
        self.lines, self.ends, self.state, self.leaves, self.away = lines, ends, state, leaves, away
        self.began = asyncio.get_running_loop().time()

    def now(self):
        return asyncio.get_running_loop().time() - self.began

    async def standing(self):
        if any(start <= self.now() < end for start, end in self.away):
            raise UnavailableError("The store's Postgres can't be reached", part="postgres")
        return Standing(self.state if self.ends is not None and self.now() >= self.ends else RunPhase.RUNNING)

    async def after(self, number):
        written = [found for second, found in self.lines if second <= self.now() and found[0] > number]
        return written[:LINES]

    async def left(self):
        return self.leaves is not None and self.now() >= self.leaves

    def followed(self):
        return Followed(run_id="r-1", standing=self.standing, lines=self.after, left=self.left)


async def events(run, *, after=0) -> list[str]:
    return [part async for part in follow(run.followed(), after=after, pace=PACE)]


def ids(parts):
    return [int(part.split("\n")[0].removeprefix("id: ")) for part in parts if part.startswith("id: ")]


async def test_lines_come_as_they_are_written_and_then_the_end():
    run = Run([(0, line(3)), (2.5, line(7)), (4, line(8))], ends=4)
    parts = await events(run)
    assert parts[0] == "retry: 2000\n\n"
    assert ids(parts) == [3, 7, 8]
    shown = {"timestamp": "2026-03-01T12:00:00Z", "level": "INFO", "message": "line 3"}
    assert json.loads(parts[1].split("data: ")[1]) == shown
    assert parts[-1] == 'event: end\ndata: {"run_id":"r-1","state":"SUCCESS"}\n\n'
    assert run.now() == 4


async def test_what_came_before_the_last_event_id_is_not_sent_again():
    assert ids(await events(Run([(0, line(n)) for n in range(1, 9)], ends=0), after=6)) == [7, 8]


async def test_many_lines_are_read_in_parts_without_a_pause():
    run = Run([(0, line(n)) for n in range(1, 2 * LINES + 4)], ends=0)
    parts = await events(run)
    assert ids(parts) == list(range(1, 2 * LINES + 4))
    assert parts[-1].startswith("event: end")
    assert run.now() == 0


async def test_a_run_that_is_gone_has_ended():
    assert (await events(Run(ends=1, state=None)))[-1] == 'event: end\ndata: {"run_id":"r-1","state":null}\n\n'


async def test_silence_is_broken_every_15_seconds():
    parts = await events(Run([(20, line(1))], ends=60))
    heartbeats = [part for part in parts if part.startswith(":")]
    assert len(heartbeats) == 3  # At 15, 35, 50.


async def test_nobody_follows_for_longer_than_half_an_hour():
    run = Run()
    parts = await events(run)
    assert parts[-1] == ": come again\n\n"
    assert run.now() == pytest.approx(PACE.longest, abs=PACE.look)


async def test_whoever_leaves_is_not_served_any_longer():
    run = Run([(0, line(1))], leaves=5)
    parts = await events(run)
    assert run.now() == 5
    assert not parts[-1].startswith("event: end")


async def test_a_store_that_is_away_for_a_while_loses_no_line():
    run = Run([(0, line(1)), (3, line(2)), (9, line(3))], ends=10, away=[(2, 8)])
    parts = await events(run)
    assert ids(parts) == [1, 2, 3]
    assert parts[-1].startswith("event: end")


async def test_the_end_is_looked_for_before_the_lines():
    """What was written just before the end is there when the end is seen; the other way round it might be lost."""
    order = []
    run = Run([(0, line(1))], ends=0).followed()

    async def standing():
        order.append("standing")
        return Standing(RunPhase.SUCCESS)

    async def lines(after):
        order.append("lines")
        return ()

    looked = Followed(run_id="r", standing=standing, lines=lines, left=run.left)
    assert [part async for part in follow(looked, after=0, pace=PACE)][-1].startswith("event: end")
    assert order == ["standing", "lines"]


async def test_a_wait_ends_with_the_run_or_with_whoever_waits():
    run = Run(ends=7, away=[(2, 4)])
    assert await wait_for_end(run.followed(), pace=PACE)
    assert run.now() == 7
    assert not await wait_for_end(Run(leaves=3).followed(), pace=PACE)


def test_an_event_is_one_whatever_its_text_holds():
    """A line break in a message would end the event's data."""
    text = event({"message": "a\nb\r\nid: 7\n\nevent: end"}, id_=3)
    assert text.count("\n") == 3
    assert text.endswith("\n\n")
    assert text.startswith("id: 3\ndata: {")


async def test_only_so_many_follow_at_once():
    followers = Followers(most=1)

    async def endless() -> AsyncIterator[str]:
        while True:
            yield ": still here\n\n"
            await asyncio.sleep(1)

    async def receive():
        await asyncio.sleep(5)
        return {"type": "http.disconnect"}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    streaming = asyncio.create_task(EventStream(endless(), followers)(scope, receive, send))
    await asyncio.sleep(2)
    assert followers.count == 1
    with pytest.raises(HTTPException) as refused, followers:
        pass
    assert (refused.value.status_code, refused.value.headers) == (429, {"Retry-After": "10"})
    await streaming  # The caller has left after 5 seconds.
    assert followers.count == 0
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store"


async def test_whoever_is_one_too_many_gets_a_429_and_no_stream():
    app = FastAPI()
    problems.install(app)
    followers = Followers(most=0)

    @app.get("/lines")
    async def lines():
        return EventStream(follow(Run().followed(), after=0, pace=PACE), followers)

    transport = httpx.ASGITransport(app=RequestMiddleware(app, seconds=5))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.get("/lines")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert answer.json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert followers.count == 0


async def test_whoever_does_not_read_does_not_keep_their_place_for_ever():
    followers, pace = Followers(), Pace(longest=20, slack=5)

    async def app(scope, receive, send):
        lift_limit(Request(scope), seconds=pace.longest + pace.slack)
        await EventStream(follow(Run().followed(), after=0, pace=pace), followers)(scope, receive, send)

    async def send(message):
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # Its buffers are full.

    began = asyncio.get_running_loop().time()
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "asgi": {"spec_version": "2.3"}}
    await RequestMiddleware(app, seconds=5)(scope, asyncio.Event().wait, send)
    assert asyncio.get_running_loop().time() - began == pytest.approx(25)
    assert followers.count == 0


class Kept:
    """What the store has of one run."""

    def __init__(self, status=None):
        self.record = SimpleNamespace(status=status) if status else None

    async def find_run(self, scope, run_id):
        return self.record


@pytest.mark.parametrize(
    ("seen", "watched", "kept", "state"),
    [
        ("RUNNING", True, "SUCCESS", RunPhase.RUNNING),  # The resource decides.
        ("RUNNING", False, "SUCCESS", RunPhase.SUCCESS),
        ("SUCCESS", False, None, RunPhase.SUCCESS),
        # The store has no run that has not begun, and a watch may end for a moment.
        ("PENDING", False, None, RunPhase.PENDING),
        (None, True, "FAILED", RunPhase.FAILED),
        (None, True, None, None),
        (None, False, None, None),
    ],
)
async def test_a_run_is_gone_only_when_nobody_has_it(seen, watched, kept, state):
    resources, followers = Resources(None), Followers()
    if seen is not None:
        metadata = {"name": "r", "uid": "r-1", "resourceVersion": "1", "creationTimestamp": "2026-03-01T12:00:00Z"}
        run = {"metadata": metadata, "spec": {"pipeline": "p"}, "status": {"phase": seen}}
        resources.runs.mirror.put(run)
    resources.runs.mirror._watching = watched
    request = Request({"type": "http"}, asyncio.Event().wait)
    watched_run = Watcher(resources, Kept(kept), scope=("i", "n"), followers=followers).of("r-1", request)
    assert (await watched_run.standing()).state == state
