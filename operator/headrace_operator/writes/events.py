"""Events of schedules, backfills, sources and destinations: the same one is not told twice within an hour."""

import hashlib
from datetime import datetime
from typing import Literal

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import HeadraceError, UnavailableError
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace.model.times import to_text

EventType = Literal["Normal", "Warning"]
_MESSAGE_LIMIT = 1024
_MOST_TOLD = 10_000
_log = logger(__name__)


class Teller:
    """Creates Events; a schedule that is skipped every second makes one an hour for each reason."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._told: dict[str, None] = {}

    async def warn(self, resource: Manifest, kind: str, *, reason: str, message: str, now: datetime) -> None:
        """Tells of something that is not as it should be."""
        await self.tell(resource, kind, type_="Warning", reason=reason, message=message, now=now)

    async def tell(
        self, resource: Manifest, kind: str, *, type_: EventType, reason: str, message: str, now: datetime
    ) -> None:
        """Tells of something about a resource."""
        body = event(resource, kind, self._cluster.namespace, type_=type_, reason=reason, message=message, now=now)
        name = body["metadata"]["name"]
        if name in self._told:
            return
        try:
            await self._cluster.create_event(body)
        except HeadraceError as error:
            # What it tells is in the status and in the log.
            _log.debug("an Event was not made", reason=reason, error=error.message)
            if isinstance(error, UnavailableError):
                return
        self._remember(name)

    def _remember(self, name: str) -> None:
        self._told[name] = None
        if len(self._told) > _MOST_TOLD:
            del self._told[next(iter(self._told))]


def event(
    resource: Manifest, kind: str, namespace: str, *, type_: EventType, reason: str, message: str, now: datetime
) -> Manifest:
    """The Event; its name is the same for one resource, reason and hour."""
    metadata, hour = resource["metadata"], now.strftime("%Y%m%d%H")
    digest = hashlib.sha256(f"{metadata['uid']}/{reason}/{hour}".encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name'][:200]}.{digest}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": kind,
            "name": metadata["name"],
            "namespace": namespace,
            "uid": metadata["uid"],
        },
        "reason": reason,
        "message": message[:_MESSAGE_LIMIT],
        "type": type_,
        "source": {"component": "headrace-operator"},
        "firstTimestamp": to_text(now),
        "lastTimestamp": to_text(now),
        "count": 1,
    }
