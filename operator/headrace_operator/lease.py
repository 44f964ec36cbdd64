"""The Lease: of several operators one works. Time is monotonic; the claim on a pipeline is the real fence."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from headrace.cluster import Cluster
from headrace.errors import ConflictError, HeadraceError, UnavailableError
from headrace.logs import logger
from headrace.model.times import to_text

LEASE_SECONDS = 15.0
"""A holder that has not renewed for so long, as we saw it, is taken for dead."""
RENEW_SECONDS = 3.0
DEADLINE_SECONDS = 10.0
"""Who could not renew for so long stops: before anybody may take over."""

_log = logger(__name__)


class LeaseLostError(HeadraceError):
    """Somebody else works now, or may: this process must end."""


class Lease:
    """Our hold on a Lease."""

    def __init__(
        self, cluster: Cluster, *, name: str, identity: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cluster, self._name, self._identity, self._clock = cluster, name, identity, clock
        self._version: str | None = None
        """The version that we wrote; nobody has taken over while it is the stored one."""
        self._renewed = float("-inf")
        self.transitions = 0
        """How often the Lease went from one holder to another, as is written in it."""

    @property
    def is_held(self) -> bool:
        """Whether we may act."""
        return self._clock() - self._renewed < DEADLINE_SECONDS

    async def acquire(self) -> None:
        """Returns when the Lease is ours."""
        seen: tuple[str | None, float] = (None, self._clock())
        while True:
            try:
                lease = await self._cluster.get_lease(self._name)
                if lease is None or self._is_free(lease) or self._has_expired(lease, seen):
                    await self._take(lease)
                    return
                version = lease["metadata"]["resourceVersion"]
                if version != seen[0]:
                    seen = (version, self._clock())
            except (UnavailableError, ConflictError) as error:
                _log.info("the Lease can't be had yet", error=error.message)
            await asyncio.sleep(RENEW_SECONDS / 2)

    async def hold(self) -> None:
        """Renews for ever; raises LeaseLostError when that was not possible for too long."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            left = DEADLINE_SECONDS - (self._clock() - self._renewed)
            if left <= 0:
                raise LeaseLostError("the Lease could not be renewed in time")
            try:
                async with asyncio.timeout(min(left, RENEW_SECONDS)):
                    await self._take({"metadata": {"resourceVersion": self._version}})
            except (UnavailableError, TimeoutError):
                _log.warning("the Lease could not be renewed", left=round(left, 1))
            except ConflictError:
                await self._check()

    async def release(self) -> None:
        """Lets another operator take over at once; it is no harm when this fails."""
        try:
            async with asyncio.timeout(2):
                await self._write({"metadata": {"resourceVersion": self._version}}, holder="")
        except (HeadraceError, TimeoutError):
            _log.info("the Lease could not be released; it expires")
        self._renewed = float("-inf")

    async def _check(self) -> None:
        """A conflict: a renewal of ours whose answer was lost, or another holder."""
        try:
            lease = await self._cluster.get_lease(self._name)
        except UnavailableError:
            return
        if lease is None or lease["spec"].get("holderIdentity") != self._identity:
            raise LeaseLostError("another operator holds the Lease")
        self._version = lease["metadata"]["resourceVersion"]

    def _is_free(self, lease: dict[str, Any]) -> bool:
        # With our own name in it: we are the restarted process of that name.
        return lease["spec"].get("holderIdentity") in {None, "", self._identity}

    def _has_expired(self, lease: dict[str, Any], seen: tuple[str | None, float]) -> bool:
        unchanged = lease["metadata"]["resourceVersion"] == seen[0]
        return unchanged and self._clock() - seen[1] >= float(lease["spec"].get("leaseDurationSeconds", LEASE_SECONDS))

    async def _take(self, lease: dict[str, Any] | None) -> None:
        asked = self._clock()
        if lease is not None and "spec" in lease:
            is_another = lease["spec"].get("holderIdentity") != self._identity
            self.transitions = int(lease["spec"].get("leaseTransitions") or 0) + is_another
        await self._write(lease, holder=self._identity)
        # From when we asked, not from the answer: that may have been long under way.
        self._renewed = asked

    async def _write(self, lease: dict[str, Any] | None, *, holder: str) -> None:
        body: dict[str, Any] = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": int(LEASE_SECONDS),
                "leaseTransitions": self.transitions,
                "renewTime": to_text(datetime.now(UTC)),
            },
        }
        if lease is None:
            written = await self._cluster.create_lease(body)
        else:
            body["metadata"]["resourceVersion"] = lease["metadata"]["resourceVersion"]
            written = await self._cluster.replace_lease(self._name, body)
        self._version = written["metadata"]["resourceVersion"]


class Unleased(Lease):
    """No Lease at all: whoever runs works. The claim on a pipeline and deterministic names are all that is left."""

    @property
    def is_held(self) -> bool:
        """Always."""
        return True

    async def acquire(self) -> None:
        """Returns at once."""
        _log.warning("HEADRACE_LEASE is false: another operator would work beside this one")

    async def hold(self) -> None:
        """Never ends."""
        await asyncio.Event().wait()

    async def release(self) -> None:
        """There is nothing to release."""
