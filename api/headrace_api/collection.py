"""The resources of one kind in Kubernetes: by id live, as lists from a mirror; written on behalf of a caller."""

import asyncio
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from headrace.cluster import Cluster, Manifest
from headrace.errors import InvalidError, NotFoundError, UnavailableError
from headrace_api.auth.access import Access
from headrace_api.auth.rights import CREATE, DELETE, PATCH, UPDATE, Right
from headrace_api.mirror import Mirror

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ECHO = re.compile(r"Invalid value: (\"(?:[^\"\\]|\\.)*\"|[^\s:]+):? ?", re.DOTALL)
"""Where the API server's messages repeat what was sent."""


@dataclass(slots=True)
class _Lookup:
    """The lists that were asked for because an id was not known."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    begun: int = 0


class Collection:
    """All resources of a kind. Every answer feeds the mirror, so that lists show it at once.

    Writes are made on behalf of a caller, who must have the right to them: whatever a route has checked or forgotten.
    """

    def __init__(self, cluster: Cluster, plural: str, noun: str, key: Callable[[Manifest], str]) -> None:
        self._cluster = cluster
        self.mirror = Mirror(cluster, plural, key)
        self.plural = plural
        """The kind."""
        self.missing = f"{noun} not found"
        """What a caller is told of an id that is nobody's."""
        self._lookup = _Lookup()
        self._access: Access | None = None

    def on_behalf_of(self, access: Access) -> Self:
        """The same resources, as one caller may write them."""
        bound = copy.copy(self)
        bound._access = access
        return bound

    async def all(self) -> list[Manifest]:
        """All of them; live while changes do not arrive."""
        await self.freshen()
        return self.mirror.all()

    async def freshen(self) -> None:
        """Returns when the mirror is what Kubernetes has, as far as one can know."""
        if not self.mirror.current:
            await self._refresh()

    def with_key(self, key: str) -> list[Manifest]:
        """Those with this key, from the mirror."""
        return self.mirror.with_key(key)

    def known(self, uid: str) -> Manifest | None:
        """The one with this id, from the mirror: without a request."""
        return self.mirror.get(uid)

    async def find(self, uid: str) -> Manifest:
        """The one with this id, live; NotFoundError."""
        return await self.get(uid, await self.name(uid))

    async def name(self, uid: str) -> str:
        """The `metadata.name` of the one with this id; NotFoundError."""
        if not _UUID.fullmatch(uid) or self.mirror.is_gone(uid):
            raise NotFoundError(self.missing)
        if self.mirror.get(uid) is None:
            await self._look_up()
        resource = self.mirror.get(uid)
        if resource is None:
            raise NotFoundError(self.missing)
        return str(resource["metadata"]["name"])

    async def get(self, uid: str, name: str) -> Manifest:
        """The one with this id and `metadata.name`, live; NotFoundError."""
        resource = await self._cluster.get(self.plural, name)
        if resource is None or resource["metadata"]["uid"] != uid:
            # A resource never changes its name: this one is gone, whoever has its name now.
            self.mirror.drop(uid)
            raise NotFoundError(self.missing)
        return self._noted(resource)

    async def named(self, name: str) -> Manifest | None:
        """The one with this `metadata.name`, live."""
        resource = await self._cluster.get(self.plural, name)
        return None if resource is None else self._noted(resource)

    async def where(self, path: str, value: str) -> list[Manifest]:
        """Those that have a value in a field which Kubernetes can select by, such as `spec.name`; live."""
        with _installed():
            listing = await self._cluster.list(self.plural, field_selector=f"{path}={_escape(value)}")
        return [self._noted(resource) for resource in listing.items]

    async def create(self, body: Manifest) -> Manifest:
        """Creates; ConflictError when the `metadata.name` is taken."""
        await self._require(Right(CREATE, self.plural))
        with _admission(), _installed():
            return self._written(CREATE, await self._cluster.create(self.plural, body))

    async def patch(
        self, resource: Manifest, patch: Mapping[str, Any], *, unchanged: bool = False, verb: str = PATCH
    ) -> Manifest:
        """Applies a merge patch; NotFoundError; `unchanged`: ConflictError if it is no longer as it was read.

        `verb` is the right that it needs: UPDATE for what replaces all.
        """
        await self._require(Right(verb, self.plural, resource["metadata"]["name"]))
        version = resource["metadata"]["resourceVersion"] if unchanged else None
        return self._written(verb, await self._patch(resource, patch, version))

    async def replace(self, resource: Manifest) -> Manifest:
        """Replaces all but the status; NotFoundError; ConflictError if it is no longer as it was read."""
        name = resource["metadata"]["name"]
        await self._require(Right(UPDATE, self.plural, name))
        with _admission(), self._absent():
            return self._written(UPDATE, await self._cluster.replace(self.plural, name, resource))

    async def delete(self, resource: Manifest, *, unchanged: bool = True) -> None:
        """Deletes; `unchanged`: ConflictError if it is no longer as it was read."""
        await self._require(Right(DELETE, self.plural, resource["metadata"]["name"]))
        await self._delete(resource, version=resource["metadata"]["resourceVersion"] if unchanged else None)

    async def annotate(self, resource: Manifest, annotations: Mapping[str, str | None]) -> Manifest:
        """Notes what this call has made, and belongs to it: that needs no right of its own; ConflictError as above."""
        patch = {"metadata": {"annotations": annotations}}
        return self._noted(await self._patch(resource, patch, resource["metadata"]["resourceVersion"]))

    async def take_back(self, resource: Manifest) -> None:
        """Deletes what this call has made, or what goes with what it deletes: that needs no right of its own."""
        await self._delete(resource, version=None)

    async def _require(self, right: Right) -> None:
        if self._access is None:
            raise RuntimeError("resources are written on behalf of a caller")
        await self._access.require(right)

    async def _look_up(self) -> None:
        """Lists all, or waits for a list that began after this call: many misses cost two lists."""
        begun = self._lookup.begun
        async with self._lookup.lock:
            if self._lookup.begun == begun:
                self._lookup.begun += 1
                await self._refresh()

    async def _refresh(self) -> None:
        with _installed():
            listing = await self._cluster.list(self.plural)
        self.mirror.replace(listing.items, listing.resource_version)

    async def _patch(self, resource: Manifest, patch: Mapping[str, Any], version: str | None) -> Manifest:
        # Without a version the uid still makes sure that a namesake is not meant.
        metadata = {**patch.get("metadata", {}), "uid": resource["metadata"]["uid"]}
        body = {**patch, "metadata": metadata}
        with _admission(), self._absent():
            return await self._cluster.patch(self.plural, resource["metadata"]["name"], body, resource_version=version)

    async def _delete(self, resource: Manifest, version: str | None) -> None:
        metadata = resource["metadata"]
        with self._absent():
            await self._cluster.delete(self.plural, metadata["name"], uid=metadata["uid"], resource_version=version)
        self.mirror.drop(metadata["uid"])
        self._note(DELETE, metadata["name"])

    def _written(self, verb: str, resource: Manifest) -> Manifest:
        self._note(verb, resource["metadata"]["name"])
        return self._noted(resource)

    def _note(self, verb: str, name: str) -> None:
        if self._access is not None:
            self._access.note(verb, self.plural, name)

    def _noted(self, resource: Manifest) -> Manifest:
        self.mirror.put(resource)
        return resource

    @contextmanager
    def _absent(self) -> Iterator[None]:
        try:
            yield
        except NotFoundError:
            raise NotFoundError(self.missing) from None


def _escape(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        # Neither a list nor a creation names anything that could be missing but the kind and the namespace.
        raise UnavailableError(
            "Kubernetes lacks our resource definitions or the namespace", part="kubernetes"
        ) from error


@contextmanager
def _admission() -> Iterator[None]:
    try:
        yield
    except InvalidError as error:
        raise InvalidError(f"Kubernetes does not admit it: {_ECHO.sub('', error.message)}") from error
