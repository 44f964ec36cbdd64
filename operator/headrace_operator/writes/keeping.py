"""Writes to schedules, backfills and projects: each fails when the resource is not as it was seen."""

import time
from collections.abc import Mapping
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.cluster.patches import merge_patch
from headrace.errors import ConflictError, NotFoundError, UnavailableError
from headrace.logs import logger
from headrace.manifests import Manifest, owner
from headrace.model.base import Status
from headrace_operator.index import Index

REFUSED_SECONDS = 300.0
OWNERS = {names.PIPELINE_PLURAL: names.PIPELINE_KIND, names.SCHEDULE_PLURAL: names.SCHEDULE_KIND}
"""The kinds of what may own something, by plural."""
_log = logger(__name__)


class Keeper:
    """Saves what was decided, and keeps the index as new as the answers."""

    def __init__(self, cluster: Cluster, index: Index) -> None:
        self._cluster, self._index = cluster, index
        self._refused: dict[str, float] = {}
        """By uid: until when an owner is not tried again."""

    async def save(self, plural: str, seen: Manifest, status: Status) -> Manifest:
        """The resource with this status; the same object where nothing was to be written.

        Raises ConflictError when it is not the newest any more, or another one of its name.
        """
        patch = merge_patch(seen.get("status") or {}, status.manifest())
        return await self._patch(plural, seen, {"status": patch}, status=True) if patch else seen

    async def adopt(self, plural: str, seen: Manifest, owned_by: Manifest, *, owner_plural: str) -> Manifest:
        """The resource with its owner noted, so that it is removed with it; raises as `save`.

        Where Kubernetes refuses that it goes on without an owner: some clusters ask for the right to delete it too.
        """
        owners, uid = with_owner(seen, OWNERS[owner_plural], owned_by), seen["metadata"]["uid"]
        if owners is None or time.monotonic() < self._refused.get(uid, 0):
            return seen
        if not await self._is_there(owner_plural, owned_by):
            return seen
        try:
            return await self._patch(plural, seen, {"metadata": {"ownerReferences": owners}}, status=False)
        except UnavailableError as error:
            self._refused[uid] = time.monotonic() + REFUSED_SECONDS
            why = getattr(error, "__notes__", [])
            _log.warning("the owner can't be noted: going on without", error=error.message, why=why)
            return seen

    async def _is_there(self, plural: str, owned_by: Manifest) -> bool:
        """Asked live: what names an owner that is gone is deleted at once, and a new one may have taken its name."""
        now = await self._cluster.get(plural, owned_by["metadata"]["name"])
        return now is not None and now["metadata"]["uid"] == owned_by["metadata"]["uid"]

    async def read_again(self, plural: str, seen: Manifest) -> Manifest | None:
        """The resource of that name as it is now, which the index has from then on; None when it is gone."""
        now = await self._cluster.get(plural, seen["metadata"]["name"])
        if now is None or now["metadata"]["uid"] != seen["metadata"]["uid"]:
            self._index.remove(plural, seen["metadata"]["uid"])
        if now is not None:
            self._index.put(plural, now)
        return now

    async def _patch(self, plural: str, seen: Manifest, patch: Mapping[str, Any], *, status: bool) -> Manifest:
        metadata = seen["metadata"]
        try:
            saved = await self._cluster.patch(
                plural, metadata["name"], patch, resource_version=metadata["resourceVersion"], status=status
            )
        except NotFoundError as error:
            raise ConflictError(error.message) from error
        self._index.put(plural, saved)
        return saved


def is_doomed(seen: Mapping[str, Any], kind: str, owned_by: Mapping[str, Any]) -> bool:
    """Whether what owns it is gone, and another one has taken the name: Kubernetes is about to delete it."""
    metadata = owned_by["metadata"]
    uids = {o.get("uid") for o in _owners(seen, kind) if o.get("name") == metadata["name"]}
    return bool(uids) and metadata["uid"] not in uids


def with_owner(seen: Mapping[str, Any], kind: str, owned_by: Mapping[str, Any]) -> list[Manifest] | None:
    """The owner references that it ought to have; None when it has them.

    An owner of the same name and another uid was deleted, and takes what it owned along. One of another name was
    named by `spec` before.
    """
    ours, metadata = _owners(seen, kind), owned_by["metadata"]
    if any(o.get("name") == metadata["name"] for o in ours):
        return None
    others = [o for o in seen["metadata"].get("ownerReferences") or [] if o not in ours]
    # Kubernetes takes one controller only.
    is_controller = not any(o.get("controller") for o in others)
    return [*others, owner(kind, metadata["name"], metadata["uid"], controller=is_controller)]


def _owners(seen: Mapping[str, Any], kind: str) -> list[Manifest]:
    owners = seen["metadata"].get("ownerReferences") or []
    return [o for o in owners if o.get("kind") == kind and o.get("apiVersion") == names.API_VERSION]
