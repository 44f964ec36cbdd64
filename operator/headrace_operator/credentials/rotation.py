"""Another password of a source or destination, put into the Secrets of the runs that use it while they go on."""

from typing import TypedDict

from headrace import names
from headrace.connections.problem import NoWayInError
from headrace.connections.resolve import Access, PostgresAccess
from headrace.errors import HeadraceError, UnavailableError
from headrace.lifecycle.state import FINAL, RunPhase
from headrace.logs import logger
from headrace.manifests import Manifest
from headrace_operator.credentials.ends import Ends
from headrace_operator.credentials.secrets import RunSecrets
from headrace_operator.index import Index

_log = logger(__name__)
_FIELD = {names.SOURCE_PLURAL: "status.source", names.DESTINATION_PLURAL: "status.destination"}


class _Ends(TypedDict, total=False):
    source: PostgresAccess
    destination: Access


class Rotation:
    """A run that is paused, or between two attempts, gets it when it goes on."""

    def __init__(self, index: Index, ends: Ends, secrets: RunSecrets) -> None:
        self._index, self._ends, self._secrets = index, ends, secrets

    async def refresh(self, plural: str, resource: Manifest) -> None:
        """Gives the runs at work the login of now. Raises UnavailableError when some have to be given it later."""
        name = resource["metadata"]["name"]
        runs = [run for run in self._index.find(names.RUN_PLURAL, _FIELD[plural], name) if _is_at_work(run)]
        if not runs:
            return
        try:
            ends = await self._ends_of(plural, name, resource)
        except NoWayInError:
            return  # They go on with what they have.
        away: UnavailableError | None = None
        for run in runs:
            try:
                has_one = await self._secrets.renew(run["metadata"]["uid"], **ends)
                if not has_one and _is_beginning(run):
                    # Whoever makes it may have read the login of before already.
                    away = UnavailableError("the Secret of a run is being made", part="kubernetes")
            except UnavailableError as error:
                away = error
            except HeadraceError as error:
                _log.error("a run was not given another login", run=run["metadata"]["name"], error=error.message)
        if away is not None:
            raise away

    async def _ends_of(self, plural: str, name: str, resource: Manifest) -> _Ends:
        if plural == names.SOURCE_PLURAL:
            return {"source": await self._ends.source_access(name, resource)}
        return {"destination": await self._ends.destination_access(name, resource)}


def _is_at_work(run: Manifest) -> bool:
    status = run["status"]
    return status.get("phase") not in FINAL and bool((status.get("job") or {}).get("active"))


def _is_beginning(run: Manifest) -> bool:
    """One that is further and has none began under the version before, and needs none."""
    return bool(run["status"].get("phase") == RunPhase.PENDING)
