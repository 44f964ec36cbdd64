"""The Lease: one holder, takeover of the dead, and an end for whoever could not renew."""

import asyncio
import itertools
from typing import Any

import pytest

from headrace.errors import ConflictError, UnavailableError
from headrace_operator.lease import DEADLINE_SECONDS, LEASE_SECONDS, Lease, LeaseLostError, Unleased

pytestmark = pytest.mark.looptime


class Server:
    """An API server that keeps one Lease; it can be away, or hang."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.versions = itertools.count(1)
        self.away = self.hangs = False

    async def get_lease(self, name: str) -> dict[str, Any] | None:
        await self._answer()
        return self.lease

    async def create_lease(self, body: dict[str, Any]) -> dict[str, Any]:
        await self._answer()
        if self.lease is not None:
            raise ConflictError("exists")
        return self._keep(body)

    async def replace_lease(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        await self._answer()
        assert self.lease is not None
        if body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise ConflictError("moved on")
        return self._keep(body)

    @property
    def holder(self) -> str | None:
        return self.lease["spec"]["holderIdentity"] if self.lease else None

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.away:
            raise UnavailableError("away", part="kubernetes")

    def _keep(self, body: dict[str, Any]) -> dict[str, Any]:
        metadata = {**body["metadata"], "resourceVersion": str(next(self.versions))}
        self.lease = {**body, "metadata": metadata}
        return self.lease


@pytest.fixture
def server() -> Server:
    return Server()


def lease(server: Server, identity: str) -> Lease:
    clock = asyncio.get_running_loop().time
    return Lease(server, name="headrace", identity=identity, clock=clock)  # type: ignore[arg-type]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_first_has_it_at_once(server):
    mine = lease(server, "a")
    assert not mine.is_held
    await mine.acquire()
    assert (mine.is_held, server.holder, now()) == (True, "a", 0)


async def test_the_lease_says_how_often_it_changed_hands(server):
    first, second = lease(server, "a"), lease(server, "b")
    await first.acquire()
    assert (first.transitions, server.lease["spec"]["leaseTransitions"]) == (0, 0)
    renewing = asyncio.create_task(first.hold())
    await asyncio.sleep(10)
    renewing.cancel()
    assert server.lease["spec"]["leaseTransitions"] == 0
    await second.acquire()
    assert (second.transitions, server.lease["spec"]["leaseTransitions"]) == (1, 1)
    await second.release()
    await first.acquire()
    assert (first.transitions, server.lease["spec"]["leaseTransitions"]) == (2, 2)


async def test_the_second_waits_as_long_as_the_first_renews(server):
    first, second = lease(server, "a"), lease(server, "b")
    await first.acquire()
    renewing = asyncio.create_task(first.hold())
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(600)
    assert (server.holder, waiting.done(), first.is_held) == ("a", False, True)
    renewing.cancel()
    waiting.cancel()


async def test_a_dead_holder_is_followed_when_its_time_is_over(server):
    await lease(server, "a").acquire()
    second = lease(server, "b")
    await second.acquire()
    assert LEASE_SECONDS <= now() <= LEASE_SECONDS + 3
    assert server.holder == "b"


async def test_whoever_was_given_the_dead_ones_name_follows_at_once(server):
    await lease(server, "a").acquire()
    await lease(server, "a").acquire()
    assert now() == 0


async def test_a_released_lease_is_free_at_once(server):
    first = lease(server, "a")
    await first.acquire()
    await first.release()
    assert not first.is_held
    await lease(server, "b").acquire()
    assert now() == 0


@pytest.mark.parametrize("fault", ["away", "hangs"])
async def test_who_can_not_renew_stops_before_anybody_may_follow(server, fault):
    mine = lease(server, "a")
    await mine.acquire()
    setattr(server, fault, True)
    with pytest.raises(LeaseLostError):
        await mine.hold()
    assert not mine.is_held
    assert DEADLINE_SECONDS <= now() < LEASE_SECONDS


async def test_a_short_outage_is_survived(server):
    mine = lease(server, "a")
    await mine.acquire()
    renewing = asyncio.create_task(mine.hold())
    server.away = True
    await asyncio.sleep(7)
    server.away = False
    await asyncio.sleep(60)
    assert mine.is_held
    assert not renewing.done()
    renewing.cancel()


async def test_who_finds_another_name_in_it_ends(server):
    mine = lease(server, "a")
    await mine.acquire()
    assert server.lease is not None
    server._keep({**server.lease, "spec": {**server.lease["spec"], "holderIdentity": "b"}})
    with pytest.raises(LeaseLostError):
        await mine.hold()


async def test_without_a_lease_whoever_runs_works(server):
    """For tests that two operators do no harm."""
    first, second = (Unleased(server, name="headrace", identity=name) for name in "ab")
    for each in (first, second):
        await asyncio.wait_for(each.acquire(), 1)
        assert each.is_held
    await first.release()
    assert first.is_held
    assert server.lease is None
