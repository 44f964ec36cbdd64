"""One source or destination, looked at from time to time on a clock of its own."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import Access, resolve
from headrace.errors import HeadraceError
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace.model.conditions import Reason
from headrace.model.connection import ConnectionSeen
from headrace_operator.credentials.reading import read_credentials
from headrace_operator.figures import metrics
from headrace_operator.index import Index
from headrace_operator.monitor.gauge import Gauge
from headrace_operator.monitor.looks import Looks
from headrace_operator.monitor.pauses import pause_after
from headrace_operator.monitor.recorder import Recorder
from headrace_operator.monitor.sights import Sight
from headrace_operator.monitor.statuses import Outcome
from headrace_operator.monitor.subjects import Spec, Subject

FIRST_SECONDS = 1.0
"""Within so many the first look begins: not all at once."""
_AT_ONCE = 0.01
FAULT = "Something failed that Headrace has no words for: look at the operator's log"
Refresh = Callable[[str, Manifest], Awaitable[None]]
"""Brings new credentials to the runs at work; given plural and resource."""
_log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What all watchmen share."""

    cluster: Cluster
    index: Index
    recorder: Recorder
    refresh: Refresh
    interval: float
    dsn_secret: str


@dataclass(slots=True, kw_only=True)
class Watchman:
    """Looks at one of them for ever; waits for nobody but its own server."""

    subject: Subject
    uid: str
    post: Post
    looks: Looks
    gauge: Gauge
    _stamp: Any = None
    """What a change of is a reason to try at once: specification, credentials."""
    _given: Any = None
    """That of what the runs at work have."""
    _failures: int = 0
    _is_at_fault: bool = False
    """A fault of ours ended the last look."""
    _due: float = field(default=float("-inf"))
    """When it may be tried again."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    is_dismissed: bool = False
    """Its work is over. A cancel alone may get lost: psycopg waits by `asyncio.wait_for`, and 3.11's drops one."""

    def wake(self) -> None:
        """Something changed: it looks at once."""
        self._woken.set()

    def dismiss(self) -> None:
        """It ends with the look that it has begun, if nothing ends it before."""
        self.is_dismissed = True
        self._woken.set()

    async def run(self) -> None:
        """Looks until the resource is gone."""
        await asyncio.sleep(random.uniform(0, min(FIRST_SECONDS, self.post.interval)))  # noqa: S311 - no secret
        while (resource := self._resource()) is not None:
            began = _now()
            self._woken.clear()
            again_at = await self._round(resource, began + self.post.interval)
            await self._rest(again_at - _now())

    def _resource(self) -> Manifest | None:
        return None if self.is_dismissed else self.post.index.get(self.subject.plural, self.uid)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(_AT_ONCE, seconds)):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _round(self, resource: Manifest, next_at: float) -> float:
        """Looks, if it is time to; returns when to come again: at the latest at `next_at`, for the Secret's sake."""
        try:
            spec, access = await self._way_in(resource)
        except NoWayInError as error:
            self._stamp = None
            await self._record(self._failed(resource, error, None, self.post.interval))
        except HeadraceError as error:
            name = resource["metadata"]["name"]
            _log.warning("Kubernetes is away: trying again", name=name, error=error.message, notes=error.notes)
        else:
            if _now() >= self._due:
                await self._try(resource, spec, access)
            return min(next_at, self._due)
        return next_at

    async def _way_in(self, resource: Manifest) -> tuple[Spec, Access]:
        """Raises NoWayInError where no connection is to be attempted."""
        spec = self.subject.read_spec(resource, self.post.index)
        metadata, post = resource["metadata"], self.post
        credentials = await read_credentials(post.cluster, spec, uid=metadata["uid"], installation=post.dsn_secret)
        access = resolve(spec, credentials.secrets)
        changed_at = (metadata.get("annotations") or {}).get(names.CREDENTIALS_CHANGED_ANNOTATION)
        stamp = (metadata.get("generation"), changed_at, credentials.versions)
        if stamp != self._given and await self._hand_on(resource):
            self._given = stamp
        if stamp != self._stamp:
            self._stamp, self._failures, self._due = stamp, 0, float("-inf")
        return spec, access

    async def _hand_on(self, resource: Manifest) -> bool:
        """Gives the runs at work what is new; whether all have it. One that can't be given it keeps no look off."""
        try:
            await self.post.refresh(self.subject.plural, resource)
        except HeadraceError as error:
            name = resource["metadata"]["name"]
            _log.warning("runs are given their login later", name=name, error=error.message, notes=error.notes)
            return False
        return True

    async def _try(self, resource: Manifest, spec: Spec, access: Access) -> None:
        began, seen, anew = _now(), _seen(access), self._due == float("-inf")
        try:
            sight = await self.looks.look(spec, access, now=began, anew=anew)
            outcome = await self._succeeded(resource, spec, seen, sight)
        except NoWayInError as error:
            self._is_at_fault = False
            outcome = self._refused(resource, error, seen)
        except Exception:  # noqa: BLE001 - it would be tried again at once, for ever
            self._tell_fault(resource)
            outcome = self._refused(resource, NoWayInError(Reason.CONNECTION_FAILED, FAULT), seen)
        else:
            self._failures, self._is_at_fault = 0, False
        self._due = began + (outcome.next_seconds or self.post.interval)
        ended = "ok" if outcome.failure is None else "failed"
        metrics.SERVER_LOOK_SECONDS.labels(self.subject.kind, ended).observe(_now() - began)
        await self._record(outcome)

    def _refused(self, resource: Manifest, error: NoWayInError, seen: ConnectionSeen | None) -> Outcome:
        self._failures += 1
        return self._failed(resource, error, seen, pause_after(self._failures, error.reason, self.post.interval))

    def _tell_fault(self, resource: Manifest) -> None:
        """Once, while it goes on."""
        if not self._is_at_fault:
            _log.exception("a fault: trying again", plural=self.subject.plural, name=resource["metadata"]["name"])
        self._is_at_fault = True

    async def _succeeded(self, resource: Manifest, spec: Spec, seen: ConnectionSeen | None, sight: Sight) -> Outcome:
        at = datetime.now(UTC)
        known = self.subject.read_status(resource).connection
        wal, verdicts = await self.gauge.read(spec, sight, seen, known=known, at=at)
        return Outcome(**self._facts(resource, at), connection=seen, sight=sight, wal=wal, wal_verdicts=verdicts)

    def _failed(self, resource: Manifest, error: NoWayInError, seen: ConnectionSeen | None, pause: float) -> Outcome:
        facts = self._facts(resource, datetime.now(UTC))
        return Outcome(**facts, connection=seen, reason=error.reason, message=error.message, next_seconds=pause)

    def _facts(self, resource: Manifest, at: datetime) -> dict[str, Any]:
        users = self.subject.users(resource, self.post.index)
        return {"at": at, "generation": resource["metadata"].get("generation", 1), "pipelines": users}

    async def _record(self, outcome: Outcome) -> None:
        try:
            await self.post.recorder.record(self.subject, self.uid, outcome)
        except HeadraceError as error:
            _log.warning("what was seen can't be written now", uid=self.uid, error=error.message)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _seen(access: Access) -> ConnectionSeen | None:
    try:
        return access.seen
    except ValueError:
        # A URL whose port is no number.
        return None
