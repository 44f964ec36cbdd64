"""What can be done to any kind of a namespace: read, listed page by page, watched, patched and deleted."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.cluster.transport import JSON, MERGE_PATCH, Transport
from headrace.errors import ConflictError, NotFoundError
from headrace.manifests import Manifest

PAGE = 500
"""Objects per page of a list: what kubectl asks for."""
WATCH_SECONDS = 290
"""The server ends a watch by then, before load balancers that drop connections after 5 minutes."""
WATCH_SILENCE = 100.0
"""Bookmarks come about once a minute: a watch that is silent for longer is dead."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects, and the version from which a watch goes on."""

    items: list[Manifest]
    resource_version: str


class Verbs:
    """One namespace of one cluster, by paths."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self.namespace = namespace

    async def _get(self, path: str, *, accept: str = JSON) -> Manifest | None:
        try:
            return await self._transport.request("GET", path, accept=accept)
        except NotFoundError:
            return None

    async def _list(self, path: str, field_selector: str, label_selector: str) -> Listing:
        query = {"limit": str(PAGE)}
        query |= {"fieldSelector": field_selector} if field_selector else {}
        query |= {"labelSelector": label_selector} if label_selector else {}
        items: list[Manifest] = []
        while True:
            page = await self._transport.request("GET", path, query=query)
            items += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return Listing(items, page["metadata"].get("resourceVersion", ""))
            query["continue"] = token

    async def _watch(
        self, path: str, resource_version: str, label_selector: str
    ) -> AsyncIterator[tuple[str, Manifest]]:
        query = {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        query |= {"labelSelector": label_selector} if label_selector else {}
        async for event in self._transport.lines(path, query=query, silence=WATCH_SILENCE):
            if event["type"] == "ERROR":
                raise ConflictError(str(event["object"].get("message", "the watch has ended")))
            yield event["type"], event["object"]

    async def _patch(
        self, path: str, patch: Mapping[str, Any], resource_version: str | None, *, accept: str = JSON
    ) -> Manifest:
        if resource_version is not None:
            patch = {**patch, "metadata": {**patch.get("metadata", {}), "resourceVersion": resource_version}}
        return await self._transport.request("PATCH", path, body=patch, content=MERGE_PATCH, accept=accept)

    async def _delete(self, path: str, uid: str | None, resource_version: str | None) -> None:
        conditions = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {name: value for name, value in conditions.items() if value is not None}
        body = {"propagationPolicy": "Background", "preconditions": preconditions}
        await self._transport.request("DELETE", path, body=body)
