"""What is in the Secret of a run, and what of it changes with a password or a certificate. Pure."""

import json
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from headrace.connections.resolve import Access, PostgresAccess, SearchAccess
from headrace.errors import HeadraceError
from headrace.model.connection import POSTGRES_PORT
from headrace.postgres import row_security
from headrace_operator.mounts import ELASTICSEARCH, MOUNT, SOURCE, TARGET

_CA = "{}-ca.pem"
_OPTIONS = "options"
_RENEWED = ("user", "password", "sslmode", "sslrootcert")
"""What may change at any time, of libpq's parameters: who we are, and whom we trust."""


def contents(source: PostgresAccess, destination: Access | None) -> dict[str, str]:
    """The Secret's keys: `source`, `target` or `elasticsearch`, and the certificates that they point to."""
    found = _postgres(SOURCE, source)
    if isinstance(destination, SearchAccess):
        return found | {ELASTICSEARCH: destination.to_json()}
    return found | (_postgres(TARGET, destination) if destination is not None else {})


def _postgres(key: str, access: PostgresAccess) -> dict[str, str]:
    ca = _CA.format(key)
    conninfo = access.conninfo(ca_file=f"{MOUNT}/{ca}", reads_rows=key == SOURCE)
    return {key: conninfo} | ({ca: access.ca} if access.ca is not None else {})


def renewed(
    old: Mapping[str, str], *, source: PostgresAccess | None = None, destination: Access | None = None
) -> dict[str, str]:
    """The keys that change, with another login and other certificates, and all else as it was.

    None: nothing is known of that end. What is for another server than the run talks to is none of its business.
    Raises HeadraceError, in words that quote nothing, where the Secret is not as it was made.
    """
    new: dict[str, str] = {}
    if source is not None and SOURCE in old:
        new |= _renewed_postgres(SOURCE, old, source)
    if isinstance(destination, PostgresAccess) and TARGET in old:
        new |= _renewed_postgres(TARGET, old, destination)
    if isinstance(destination, SearchAccess) and ELASTICSEARCH in old:
        new |= _renewed_search(old[ELASTICSEARCH], destination)
    return {key: value for key, value in new.items() if value != old.get(key)}


def _renewed_postgres(key: str, old: Mapping[str, str], access: PostgresAccess) -> dict[str, str]:
    """The certificates of before stay where there are none any more: a runner may be about to read the file."""
    before, now = _parameters(key, old[key]), _postgres(key, access)
    if not _is_for(access.parameters, before):
        return {}
    given = _parameters(key, now[key])
    wanted = {name: value for name, value in given.items() if name in _RENEWED}
    after = {name: value for name, value in before.items() if name not in _RENEWED} | wanted
    # And which rows are meant: a run that failed to see all of them is resumed with what was said since.
    asked = row_security.asked_in(given.get(_OPTIONS, ""))
    options = before.get(_OPTIONS, "")
    if asked != row_security.asked_in(options):
        after[_OPTIONS] = row_security.asking(options, asked)
    return now | {key: old[key] if after == before else make_conninfo("", **after)}


def _parameters(key: str, conninfo: str) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    except psycopg.ProgrammingError:
        # libpq's own words would quote it.
        raise _damaged(key) from None


def _is_for(access: Mapping[str, str], run: Mapping[str, str]) -> bool:
    """Whether a login is for where the run talks to: a role and its password are good for all of a server."""
    return _server(access) == _server(run) and (
        access.get("user") == run.get("user") or access.get("dbname") == run.get("dbname")
    )


def _server(parameters: Mapping[str, str]) -> tuple[str | None, ...]:
    return parameters.get("host"), parameters.get("hostaddr"), parameters.get("port") or str(POSTGRES_PORT)


def _renewed_search(old: str, access: SearchAccess) -> dict[str, str]:
    try:
        wanted = _without_login(access.settings["url"])
    except ValueError:
        # The destination's own Secret is what is wrong: its condition says so.
        return {}
    try:
        before = json.loads(old)
        is_for = _without_login(before["url"]) == wanted
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _damaged(ELASTICSEARCH) from None
    return {ELASTICSEARCH: access.to_json()} if is_for and before != access.settings else {}


def _without_login(url: str) -> SplitResult:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])


def _damaged(key: str) -> HeadraceError:
    return HeadraceError(f"the key '{key}' of the run's Secret can't be read: delete the Secret, and it is made again")
