"""What a client needs to connect: made from a source or destination and the Secrets that it names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from headrace.connections.problem import NoWayInError
from headrace.connections.secrets import Secrets
from headrace.model.conditions import Reason
from headrace.model.connection import (
    ELASTICSEARCH_PORT,
    POSTGRES_PORT,
    ROW_SECURITY,
    ConnectionSeen,
    ConnectionSpec,
    ConnectionType,
    SecretKey,
    why_no_host,
    why_not_ca,
    why_not_option,
)
from headrace.model.destination import DestinationSpec
from headrace.model.source import SourceSpec
from headrace.postgres import row_security
from headrace.search.settings import NAMES

_UNREADABLE = "neither a libpq URL (special characters escaped) nor a list of key=value pairs"


@dataclass(frozen=True, slots=True)
class PostgresAccess:
    """How a Postgres is reached."""

    parameters: dict[str, str] = field(repr=False)
    """libpq's, the password among them."""
    ca: str | None = None
    """Certificates in PEM; libpq takes them from a file only."""
    row_security: str | None = None
    """`on`: rows that a policy hides from the role are meant to be left out."""

    def conninfo(self, *, ca_file: str | None = None, reads_rows: bool = False) -> str:
        """The connection string of libpq; `ca_file`: where `ca` was written to.

        `reads_rows`: with what only a reader of rows has to know, and a pooler need not take; else without.
        """
        more = {"sslrootcert": ca_file} if self.ca is not None and ca_file is not None else {}
        given = self.parameters.get("options", "")
        wanted = (self.row_security or row_security.asked_in(given)) if reads_rows else None
        told = self.parameters | more | {"options": row_security.asking(given, wanted)}
        return make_conninfo("", **{name: value for name, value in told.items() if value or name != "options"})

    @property
    def seen(self) -> ConnectionSeen:
        """Where it leads, without the password."""
        port = self.parameters.get("port") or str(POSTGRES_PORT)
        return ConnectionSeen(
            host=self.parameters.get("host") or self.parameters.get("hostaddr"),
            port=int(port) if port.isdecimal() else None,
            database=self.parameters.get("dbname") or self.parameters.get("user"),
            username=self.parameters.get("user"),
        )


@dataclass(frozen=True, slots=True)
class SearchAccess:
    """How an Elasticsearch is reached."""

    settings: dict[str, str] = field(repr=False)
    """By NAMES, as far as they are known."""

    def to_json(self) -> str:
        """What the runner reads."""
        return json.dumps(self.settings)

    @property
    def seen(self) -> ConnectionSeen:
        """Where it leads, without the password."""
        url = urlsplit(self.settings["url"])
        default = 443 if url.scheme == "https" else 80
        # Where there is a key, no user logs in.
        username = None if self.settings.get("api_key") else self.settings.get("username") or url.username
        return ConnectionSeen(host=url.hostname, port=url.port or default, username=username)


Access = PostgresAccess | SearchAccess


def resolve(spec: SourceSpec | DestinationSpec, secrets: Secrets) -> Access:
    """Raises NoWayInError when the specification breaks a rule, or a Secret is missing or was not meant for us."""
    check_options(spec)
    if spec.type == ConnectionType.ELASTICSEARCH.value:
        return SearchAccess(_search(spec, secrets))
    parameters = _verifying(spec, _postgres(spec, secrets))
    return PostgresAccess(parameters, spec.ca, spec.options.get(ROW_SECURITY))


def check_options(spec: SourceSpec | DestinationSpec) -> None:
    """Raises NoWayInError for an option that can't be set, or not with the certificates."""
    for name, value in spec.options.items():
        complaint = why_not_option(ConnectionType(spec.type.value), name, value)
        if complaint:
            raise NoWayInError(Reason.INVALID_SPEC, f"options: {complaint}")
    _check_ca(spec, spec.options.get("sslmode"))


def _check_ca(spec: SourceSpec | DestinationSpec, sslmode: str | None) -> None:
    complaint = why_not_ca(ConnectionType(spec.type.value), sslmode) if spec.ca is not None else None
    if complaint:
        raise NoWayInError(Reason.INVALID_SPEC, complaint)


def _verifying(spec: SourceSpec | DestinationSpec, parameters: dict[str, str]) -> dict[str, str]:
    """With `ca` the server's certificate is always verified by it; libpq alone would not insist."""
    if spec.ca is None:
        return parameters
    _check_ca(spec, parameters.get("sslmode"))
    return {"sslmode": "verify-full"} | parameters


def _postgres(spec: ConnectionSpec, secrets: Secrets) -> dict[str, str]:
    if spec.connection_secret is not None:
        return _parameters(spec.connection_secret, secrets) | _of_libpq(spec)
    if spec.host is None or spec.database is None:
        raise NoWayInError(Reason.INVALID_SPEC, "host and database are needed, or a connectionSecret")
    username, password = _login(spec, secrets)
    own = {
        "host": spec.host,
        "port": str(spec.port or POSTGRES_PORT),
        "dbname": spec.database,
        "user": username,
        "password": password,
    }
    return {name: value for name, value in own.items() if value is not None} | _of_libpq(spec)


def _of_libpq(spec: ConnectionSpec) -> dict[str, str]:
    return {name: value for name, value in spec.options.items() if name != ROW_SECURITY}


def _parameters(reference: SecretKey, secrets: Secrets) -> dict[str, str]:
    """Those of a whole connection string."""
    where = f"the key '{reference.key}' of the Secret '{reference.name}'"
    unreadable = NoWayInError(Reason.INVALID_SPEC, f"{where} is {_UNREADABLE}")
    try:
        given = conninfo_to_dict(secrets.value(reference, whole=True))
    except psycopg.ProgrammingError:
        # libpq's own words would quote it.
        raise unreadable from None
    parameters = {name: str(value) for name, value in given.items()}
    if _is_torn(parameters):
        raise unreadable
    return parameters


def _is_torn(parameters: Mapping[str, str]) -> bool:
    """Whether it is what `@`, `/` or `:` of a password make of a URL when they are not escaped.

    A part of the password is then where host, port or database are looked for, and those are shown.
    """
    hosts = [host for host in parameters.get("host", "").split(",") if host and host[0] not in "/@"]
    ports = parameters.get("port", "").replace(",", "")
    database = parameters.get("dbname", "")
    return (
        any(why_no_host(host) for host in hosts)
        or not (ports or "0").isdecimal()
        or "://" in database
        or "@" in database
        or "://" in parameters.get("user", "")
    )


def _search(spec: ConnectionSpec, secrets: Secrets) -> dict[str, str]:
    if spec.connection_secret is not None:
        reference = spec.connection_secret
        data = secrets.usable(reference, whole=True).data
        found = {name: data.get(f"{reference.key}-{name.replace('_', '-')}", "") for name in NAMES}
        if not found["url"]:
            message = f"the Secret '{reference.name}' has no key '{reference.key}-url'"
            raise NoWayInError(Reason.SECRET_MISSING, message)
        if not _is_url(found["url"]):
            message = (
                f"the key '{reference.key}-url' of the Secret '{reference.name}' is no URL such as https://host:9200"
            )
            raise NoWayInError(Reason.INVALID_SPEC, message)
    else:
        if spec.host is None:
            raise NoWayInError(Reason.INVALID_SPEC, "host is needed, or a connectionSecret")
        username, password = _login(spec, secrets)
        host = f"[{spec.host}]" if ":" in spec.host else quote(spec.host)
        scheme = spec.options.get("scheme", "https")
        own = {"username": username, "password": password} if username else {"api_key": password}
        found = {"url": f"{scheme}://{host}:{spec.port or ELASTICSEARCH_PORT}"}
        found |= {name: value for name, value in own.items() if value is not None}
    more = {"ca": spec.ca, "verify": spec.options.get("verify")}
    found |= {name: value for name, value in more.items() if value is not None}
    return {name: value for name, value in found.items() if value}


def _is_url(text: str) -> bool:
    """Whether it says where a server is; a torn password would be in host, port or path, which are shown."""
    try:
        url = urlsplit(text)
        known = url.scheme in {"http", "https"} and url.hostname is not None and url.port != 0
    except ValueError:
        return False
    return known and why_no_host(url.hostname or "") is None and "@" not in url.path + url.query + url.fragment


def _login(spec: ConnectionSpec, secrets: Secrets) -> tuple[str | None, str | None]:
    """User and password; the user may lie beside the password, as in Secrets of type kubernetes.io/basic-auth."""
    if spec.password_secret is None:
        return spec.username, None
    beside = secrets.usable(spec.password_secret).data.get("username")
    # A trailing newline is what `echo` leaves in a file that a Secret is made of; no password ends with one.
    password = secrets.value(spec.password_secret).rstrip("\n")
    return spec.username or (beside.rstrip("\n") if beside else None), password
