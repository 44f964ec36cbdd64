"""Sources and destinations as they are now, with what is in their Secrets."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from headrace import names
from headrace.cluster import Cluster
from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import Access, PostgresAccess, resolve
from headrace.lifecycle.endpoints import EndKind, EndpointSeen, read_destination, read_source, why_not
from headrace.manifests import Manifest
from headrace.model.conditions import Reason
from headrace.model.destination import DestinationSpec
from headrace.model.source import SourceSpec
from headrace_operator.credentials.reading import read_credentials

_A = TypeVar("_A", bound=Access)


class Ends:
    """Reads both live. What it gives holds passwords: it is for a run's Secret, and for nothing else."""

    def __init__(self, cluster: Cluster, *, installation: str) -> None:
        """`installation`: the name of the installation's own Secret."""
        self._cluster, self._installation = cluster, installation

    async def source(self, name: str) -> PostgresAccess:
        """How an EtlSource is reached; NoWayInError says why it can't be."""
        return await self._current(names.SOURCE_PLURAL, name, self.source_access)

    async def destination(self, name: str) -> Access:
        """How an EtlDestination is reached; NoWayInError says why it can't be."""
        return await self._current(names.DESTINATION_PLURAL, name, self.destination_access)

    async def _current(self, plural: str, name: str, access: Callable[[str, Manifest | None], Awaitable[_A]]) -> _A:
        """Each password that is sent is a Secret of its own: one that is gone may be the one of before."""
        manifest = await self._cluster.get(plural, name)
        try:
            return await access(name, manifest)
        except NoWayInError as error:
            if error.reason is not Reason.SECRET_MISSING:
                raise
            again = await self._cluster.get(plural, name)
            if again is not None and manifest is not None and again["spec"] == manifest["spec"]:
                raise
            return await access(name, again)

    async def source_access(self, name: str, manifest: Manifest | None) -> PostgresAccess:
        """As `source`, of one that was read."""
        seen = read_source(manifest) if manifest else None
        _check("EtlSource", name, seen)
        assert manifest is not None
        access = await self._access("EtlSource", manifest, SourceSpec.model_validate(manifest["spec"]))
        assert isinstance(access, PostgresAccess)
        return access

    async def destination_access(self, name: str, manifest: Manifest | None) -> Access:
        """As `destination`, of one that was read."""
        seen = read_destination(manifest) if manifest else None
        _check("EtlDestination", name, seen)
        assert manifest is not None
        return await self._access("EtlDestination", manifest, DestinationSpec.model_validate(manifest["spec"]))

    async def _access(self, kind: EndKind, manifest: Manifest, spec: SourceSpec | DestinationSpec) -> Access:
        name, uid = manifest["metadata"]["name"], manifest["metadata"]["uid"]
        found = await read_credentials(self._cluster, spec, uid=uid, installation=self._installation)
        try:
            return resolve(spec, found.secrets)
        except NoWayInError as error:
            raise NoWayInError(error.reason, f"the {kind} '{name}' can't be used: {error.message}") from None


def _check(kind: EndKind, name: str, seen: EndpointSeen | None) -> None:
    problem = why_not(kind, name, seen)
    if problem is not None:
        raise NoWayInError(problem.reason, problem.message)
