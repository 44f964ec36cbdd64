"""What is in the Secret of a run, and what of it changes with a password. Pure."""

import json
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from headrace.connections.resolve import Access, PostgresAccess, SearchAccess
from headrace.model.connection import POSTGRES_PORT

MOUNT = "/etc/headrace/connections"
"""Where the Secret's keys are files."""
SOURCE, TARGET, ELASTICSEARCH = "source", "target", "elasticsearch"
_CA = "{}-ca.pem"
_LOGIN = ("user", "password")
_SEARCH_LOGIN = ("url", "api_key", "username", "password")
"""The URL may hold user and password."""


def contents(source: PostgresAccess, destination: Access | None) -> dict[str, str]:
    """The Secret's keys: `source`, `target` or `elasticsearch`, and the certificates that they point to."""
    found = _postgres(SOURCE, source)
    if isinstance(destination, SearchAccess):
        return found | {ELASTICSEARCH: destination.to_json()}
    return found | (_postgres(TARGET, destination) if destination is not None else {})


def _postgres(key: str, access: PostgresAccess) -> dict[str, str]:
    ca = _CA.format(key)
    return {key: access.conninfo(ca_file=f"{MOUNT}/{ca}")} | ({ca: access.ca} if access.ca is not None else {})


def renewed(
    old: Mapping[str, str], *, source: PostgresAccess | None = None, destination: Access | None = None
) -> dict[str, str]:
    """The keys that change, with another login and all else as it was; None: nothing is known of that end.

    The login of another server than the run talks to is none of its business.
    """
    new: dict[str, str] = {}
    if source is not None and SOURCE in old:
        new[SOURCE] = _with_login(old[SOURCE], source)
    if isinstance(destination, PostgresAccess) and TARGET in old:
        new[TARGET] = _with_login(old[TARGET], destination)
    if isinstance(destination, SearchAccess) and ELASTICSEARCH in old:
        new[ELASTICSEARCH] = _with_search_login(old[ELASTICSEARCH], destination)
    return {key: value for key, value in new.items() if value != old[key]}


def _with_login(old: str, access: PostgresAccess) -> str:
    before = {name: str(value) for name, value in conninfo_to_dict(old).items()}
    if not _is_for(access.parameters, before):
        return old
    login = {name: access.parameters[name] for name in _LOGIN if name in access.parameters}
    after = {name: value for name, value in before.items() if name not in _LOGIN} | login
    return old if after == before else make_conninfo("", **after)


def _is_for(access: Mapping[str, str], run: Mapping[str, str]) -> bool:
    """Whether a login is for where the run talks to: a role and its password are good for all of a server."""
    return _server(access) == _server(run) and (
        access.get("user") == run.get("user") or access.get("dbname") == run.get("dbname")
    )


def _server(parameters: Mapping[str, str]) -> tuple[str | None, ...]:
    return parameters.get("host"), parameters.get("hostaddr"), parameters.get("port") or str(POSTGRES_PORT)


def _with_search_login(old: str, access: SearchAccess) -> str:
    before: dict[str, str] = json.loads(old)
    if _without_login(before["url"]) != _without_login(access.settings["url"]):
        return old
    login = {name: access.settings[name] for name in _SEARCH_LOGIN if name in access.settings}
    after = {name: value for name, value in before.items() if name not in _SEARCH_LOGIN} | login
    return old if after == before else json.dumps(after)


def _without_login(url: str) -> SplitResult:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])
