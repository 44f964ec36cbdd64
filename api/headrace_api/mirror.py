"""A mirror of all resources of one kind: a list, then a watch, started again whenever either ends."""

import asyncio
import time
from collections.abc import Callable, Iterable

from headrace.cluster import Cluster, Manifest
from headrace.errors import HeadraceError
from headrace.logs import logger

_FIRST_DELAY, _LONGEST_DELAY = 0.2, 3.0
_GONE_LIMIT = 10_000
_log = logger(__name__)


class Mirror:
    """What is there, by uid and by a key; also what this process wrote a moment ago."""

    def __init__(self, cluster: Cluster, plural: str, key: Callable[[Manifest], str]) -> None:
        self._cluster = cluster
        self.plural = plural
        """The kind."""
        self._key = key
        self._resources: dict[str, Manifest] = {}
        self._by_key: dict[str, dict[str, Manifest]] = {}
        self._gone: dict[str, None] = {}
        """Uids that were deleted: no late event brings them back, for no uid is given twice."""
        self._watching = False
        self._heard = time.monotonic()
        self.filled = False
        """Whether it was ever filled."""

    @property
    def current(self) -> bool:
        """Whether changes arrive; if not, what is here may be old."""
        return self._watching

    @property
    def age(self) -> float:
        """Seconds since Kubernetes was last heard of: a list, a change, or a sign that there is none."""
        return time.monotonic() - self._heard

    def get(self, uid: str) -> Manifest | None:
        """One resource."""
        return self._resources.get(uid)

    def is_gone(self, uid: str) -> bool:
        """Whether it was seen to be deleted."""
        return uid in self._gone

    def all(self) -> list[Manifest]:
        """All resources, in no order."""
        return list(self._resources.values())

    def with_key(self, key: str) -> list[Manifest]:
        """The resources with this key."""
        return list(self._by_key.get(key, {}).values())

    def put(self, resource: Manifest) -> None:
        """Takes what a read, a write or an event brought, unless something newer is here."""
        uid = resource["metadata"]["uid"]
        if uid in self._gone:
            return
        known = self._resources.get(uid)
        if known is None or _version(resource) > _version(known):
            if known is not None:
                self._unlink(known)
            self._resources[uid] = resource
            self._by_key.setdefault(self._key(resource), {})[uid] = resource

    def drop(self, uid: str) -> None:
        """Takes note of a deletion."""
        self._gone[uid] = None
        while len(self._gone) > _GONE_LIMIT:
            del self._gone[next(iter(self._gone))]
        resource = self._resources.pop(uid, None)
        if resource is not None:
            self._unlink(resource)

    def replace(self, resources: Iterable[Manifest], version: str) -> None:
        """Takes a whole list; what is newer than the list stays, what is older and not in it is gone."""
        listed = {resource["metadata"]["uid"]: resource for resource in resources}
        for resource in self.all():
            uid = resource["metadata"]["uid"]
            if uid not in listed and _version(resource) <= int(version):
                self.drop(uid)
        for resource in listed.values():
            self.put(resource)

    def _unlink(self, resource: Manifest) -> None:
        key, uid = self._key(resource), resource["metadata"]["uid"]
        self._by_key[key].pop(uid, None)
        if not self._by_key[key]:
            del self._by_key[key]

    async def run(self) -> None:
        """Keeps the mirror up to date until it is cancelled."""
        delay = _FIRST_DELAY
        while True:
            began = time.monotonic()
            try:
                await self._follow()
            except HeadraceError as error:
                _log.warning("the watch ended", plural=self.plural, reason=error.message)
            except Exception:  # noqa: BLE001  # whatever it was: a mirror that stands still misleads
                _log.exception("the watch failed", plural=self.plural)
            finally:
                self._watching = False
            delay = _FIRST_DELAY if time.monotonic() - began > _LONGEST_DELAY else min(delay * 2, _LONGEST_DELAY)
            await asyncio.sleep(delay)

    async def _follow(self) -> None:
        listing = await self._cluster.list(self.plural)
        self.replace(listing.items, listing.resource_version)
        version = listing.resource_version
        self.filled = self._watching = True
        self._heard = time.monotonic()
        while True:
            async for event, resource in self._cluster.watch(self.plural, resource_version=version):
                self._heard = time.monotonic()
                version = resource["metadata"]["resourceVersion"]
                if event == "DELETED":
                    self.drop(resource["metadata"]["uid"])
                elif event != "BOOKMARK":
                    self.put(resource)


def _version(resource: Manifest) -> int:
    # Comparable as numbers: Kubernetes promises it since 1.35, and etcd's revisions always were.
    return int(resource["metadata"]["resourceVersion"])
