"""The installation's own source and destinations, as resources like any other: made where its Secret has them."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from headrace import names
from headrace.cluster import Cluster
from headrace.errors import ConflictError, HeadraceError, UnavailableError
from headrace.logs import logger
from headrace.manifests import Manifest, labels
from headrace.model.connection import ConnectionType

_log = logger(__name__)


class Defaults:
    """Makes what is missing; what exists is never changed."""

    def __init__(self, cluster: Cluster, *, dsn_secret: str, installation: str) -> None:
        self._cluster, self._dsn_secret, self._installation = cluster, dsn_secret, installation

    async def ensure(self) -> None:
        """Raises UnavailableError when Kubernetes is away."""
        secret = await self._cluster.get_secret(self._dsn_secret)
        if secret is None:
            return
        for plural, body in wanted(secret, self._dsn_secret, self._installation):
            await self._create(plural, body)

    async def _create(self, plural: str, body: Manifest) -> None:
        name = body["metadata"]["name"]
        try:
            if await self._cluster.get(plural, name) is None:
                await self._cluster.create(plural, await self._named(plural, body))
                _log.info("made of what the installation's Secret has", plural=plural, name=name)
        except ConflictError:
            pass  # Somebody was first.
        except UnavailableError:
            raise
        except HeadraceError as error:
            _log.warning("a default can't be made", plural=plural, name=name, error=error.message)

    async def _named(self, plural: str, body: Manifest) -> Manifest:
        """With a spec.name that no other has: of two of one name the younger is never looked at."""
        listing = await self._cluster.list(plural)
        taken = {(each.get("spec") or {}).get("name") for each in listing.items}
        name = next(name for name in _names(body["spec"]["name"]) if name not in taken)
        return {**body, "spec": {**body["spec"], "name": name}}


def _names(name: str) -> Iterator[str]:
    yield name
    yield f"{name} (installation)"
    yield from (f"{name} (installation {number})" for number in count(2))


def wanted(secret: Mapping[str, Any], dsn_secret: str, installation: str) -> list[tuple[str, Manifest]]:
    """Plural and manifest of each of which the Secret has the key."""
    keys = (secret.get("data") or {}).keys()
    found = []
    if "source" in keys:
        found.append((names.SOURCE_PLURAL, _body(names.SOURCE_KIND, names.DEFAULT_SOURCE, dsn_secret, "source")))
    if "target" in keys:
        body = _body(names.DESTINATION_KIND, names.DEFAULT_DESTINATION, dsn_secret, "target")
        found.append((names.DESTINATION_PLURAL, body))
    if "elasticsearch-url" in keys:
        body = _body(names.DESTINATION_KIND, names.DEFAULT_SEARCH, dsn_secret, "elasticsearch")
        body["spec"]["type"] = ConnectionType.ELASTICSEARCH.value
        found.append((names.DESTINATION_PLURAL, body))
    for _, body in found:
        body["metadata"]["labels"] = labels(installation)
    return found


def _body(kind: str, name: str, dsn_secret: str, key: str) -> Manifest:
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"name": name, "connectionSecret": {"name": dsn_secret, "key": key}},
    }
