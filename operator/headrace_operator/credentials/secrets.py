"""Makes, renews and drops the Secrets of runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace import names
from headrace.cluster import Cluster
from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import Access, PostgresAccess
from headrace.connections.secrets import SecretSeen
from headrace.errors import ConflictError, HeadraceError, NotFoundError, UnavailableError
from headrace.lifecycle.actions import Way
from headrace.lifecycle.problem import Problem
from headrace.logs import logger
from headrace.manifests import Manifest, secret_data
from headrace.manifests import owner as owner_reference
from headrace_operator.credentials.contents import contents, renewed
from headrace_operator.credentials.ends import Ends

_log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The EtlRun that a Secret goes with."""

    name: str
    uid: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those of its Jobs."""


class RunSecrets:
    """All of them. Each may be made twice, and dropped twice; its run takes it along in any case."""

    def __init__(self, cluster: Cluster, ends: Ends) -> None:
        self._cluster, self._ends = cluster, ends

    async def in_the_way(self, way: Way) -> Problem | None:
        """What keeps a run from source or destination; a run that has its Secret needs neither."""
        if await self._cluster.get_secret_metadata(names.run_secret_name(way.uid)) is not None:
            return None
        try:
            await self._accesses(way)
        except NoWayInError as error:
            return Problem(error.reason, error.message, waits=True)
        return None

    async def is_to_be_made(self, way: Way) -> bool:
        """Whether a run has no Secret, and nothing is in the way of one."""
        if await self._cluster.get_secret_metadata(names.run_secret_name(way.uid)) is not None:
            return False
        try:
            await self._accesses(way)
        except NoWayInError:
            return False
        return True

    async def provide(self, owner: Owner, way: Way) -> None:
        """Makes a run's Secret, or puts the logins of now into it. Raises NoWayInError where it can't be made."""
        there = await self._cluster.get_secret(names.run_secret_name(owner.uid))
        if there is None:
            source, destination = await self._accesses(way)
            return await self.ensure(owner, source=source, destination=destination)
        try:
            source, destination = await self._accesses(way)
            await self._renew(owner.uid, there, source=source, destination=destination)
        except UnavailableError:
            raise
        except NoWayInError:
            return None  # It goes on with what it has.
        except HeadraceError as error:
            _log.error("a run was not given another login", run_id=owner.uid, error=error.message)
        return None

    async def _accesses(self, way: Way) -> tuple[PostgresAccess, Access]:
        source = await self._ends.source(way.source)
        return source, await self._ends.destination(way.destination)

    async def ensure(self, owner: Owner, *, source: PostgresAccess, destination: Access | None) -> None:
        """Makes a run's Secret; one that is there is left as it is."""
        try:
            await self._cluster.create_secret(_body(owner, contents(source, destination)))
        except ConflictError:
            _log.info("the run's Secret is there already", run_id=owner.uid)

    async def renew(
        self, run_uid: str, *, source: PostgresAccess | None = None, destination: Access | None = None
    ) -> bool:
        """Puts another login into a run's Secret, if it is another one; whether there is a Secret."""
        there = await self._cluster.get_secret(names.run_secret_name(run_uid))
        if there is not None:
            await self._renew(run_uid, there, source=source, destination=destination)
        return there is not None

    async def _renew(
        self, run_uid: str, there: Manifest, *, source: PostgresAccess | None, destination: Access | None
    ) -> None:
        changed = renewed(SecretSeen.of(there).data, source=source, destination=destination)
        if not changed:
            return
        try:
            await self._cluster.patch_secret(names.run_secret_name(run_uid), {"data": secret_data(changed)})
        except NotFoundError:
            return
        _log.info("a run was given another login", run_id=run_uid, keys=sorted(changed))

    async def drop(self, run_uid: str) -> None:
        """Deletes a run's Secret; that it is gone is fine."""
        try:
            await self._cluster.delete_secret(names.run_secret_name(run_uid))
        except NotFoundError:
            _log.debug("the run's Secret is gone already", run_id=run_uid)


def _body(owner: Owner, data: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": names.run_secret_name(owner.uid),
            "labels": dict(owner.labels),
            "ownerReferences": [owner_reference(names.RUN_KIND, owner.name, owner.uid)],
        },
        "type": "Opaque",
        "data": secret_data(data),
    }
