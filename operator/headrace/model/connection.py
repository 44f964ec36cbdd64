"""What a source and a destination have in common: a server, a database, a role, and where its password lies."""

import ipaddress
import re
import unicodedata
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from headrace.model.base import NAME_PATTERN, RESOURCE_NAME_PATTERN, Resource, Status, Time, printable

CA_LIMIT = 65_536
"""Characters of certificates in PEM: a dozen of them."""
HOST_PATTERN = r"^[A-Za-z0-9:_]([A-Za-z0-9._:-]*[A-Za-z0-9.:_])?$"
DATA_KEY_PATTERN = r"^[-._a-zA-Z0-9]+$"
NAME_AND_VALUE = r"[A-Za-z0-9_]\s*="
"""Of libpq's connection strings, which may have a password in them."""
_LABEL_LIMIT = 63
"""Characters between two points of a host name: RFC 1035, 2.3.4."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?")
_SECRET_OPTION = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)
_PAIR = re.compile(NAME_AND_VALUE)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_PRIVATE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")

POSTGRES_PORT, ELASTICSEARCH_PORT = 5432, 9200


class ConnectionType(StrEnum):
    """What kind of server it is."""

    POSTGRES = "postgres"
    ELASTICSEARCH = "elasticsearch"


class SecretKey(Resource):
    """A key of a Secret in the same namespace, which must have the label `headrace.dev/credentials: "true"`."""

    name: str = Field(min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """The Secret's metadata.name."""
    key: str = Field(default="password", min_length=1, max_length=253, pattern=DATA_KEY_PATTERN)
    """Under which key it lies there."""


class ConnectionKey(SecretKey):
    """As SecretKey; a whole connection string lies under no key that goes without saying."""

    key: str = Field(min_length=1, max_length=253, pattern=DATA_KEY_PATTERN)
    """Under which key it lies there; of elasticsearch what its keys begin with."""


ROW_SECURITY = "row_security"
"""The option of a source that may leave out rows which a policy hides from its role. None of libpq's: the server's."""
_WHOLE = r"[0-9]{1,9}"
_ON_OFF = r"[01]"
POSTGRES_OPTIONS: dict[str, str] = {
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    "sslmode": r"disable|allow|prefer|require|verify-ca|verify-full",
    "sslnegotiation": r"postgres|direct",
    "sslsni": _ON_OFF,
    "ssl_min_protocol_version": r"TLSv1\.[23]",
    "ssl_max_protocol_version": r"TLSv1\.[23]",
    "channel_binding": r"disable|prefer|require",
    "require_auth": r"!?[a-z0-9-]+(,!?[a-z0-9-]+)*",
    "gssencmode": r"disable|prefer|require",
    "connect_timeout": r"[1-9][0-9]?",
    "application_name": r"[ -~]{1,63}",
    "target_session_attrs": r"any|read-write|read-only|primary|standby|prefer-standby",
    "keepalives": _ON_OFF,
    "keepalives_idle": _WHOLE,
    "keepalives_interval": _WHOLE,
    "keepalives_count": _WHOLE,
    "tcp_user_timeout": _WHOLE,
    # https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-ROW-SECURITY
    ROW_SECURITY: r"on|off",
}
"""What may be said of a connection to Postgres besides, and how; all else, and so each password, is refused."""
VERIFYING = ("verify-ca", "verify-full")
"""Values of sslmode by which the server has to show a certificate that is trusted."""
ELASTICSEARCH_OPTIONS: dict[str, str] = {"scheme": r"https|http", "verify": r"true|false"}
OPTIONS = {ConnectionType.POSTGRES: POSTGRES_OPTIONS, ConnectionType.ELASTICSEARCH: ELASTICSEARCH_OPTIONS}

_Option = Annotated[str, StringConstraints(max_length=200)]


class ConnectionSpec(Resource):
    """How a server is reached; its password lies in a Secret."""

    name: str = Field(min_length=1, max_length=200, pattern=NAME_PATTERN)
    """Name shown to people, unique in the namespace (case counts): 1 to 200 characters of any script, no control
    characters, no space at either end."""
    # Refused in words, not by the pattern: what is wrong is most often that it is a URL.
    host: str | None = Field(default=None, json_schema_extra={"maxLength": 253, "pattern": HOST_PATTERN})
    """The server's name or address, without scheme, port, user or path."""
    port: int | None = Field(default=None, ge=1, le=65_535)
    """The server's port; null: 5432, or 9200 for elasticsearch."""
    database: str | None = Field(default=None, min_length=1, max_length=63)
    """The database; of no use to elasticsearch."""
    username: str | None = Field(default=None, min_length=1, max_length=128)
    """The role that connects; null: the Secret's key `username`. Of elasticsearch without any, the password is an API
    key."""
    password_secret: SecretKey | None = None
    """Where the password lies; null: none is sent."""
    connection_secret: ConnectionKey | None = None
    """Instead of host, port, database, username and password: where a whole connection string lies (a URL, or libpq's
    key=value pairs). Of elasticsearch the key is the beginning of several: `…-url`, `…-api-key`, `…-username`,
    `…-password`, `…-ca`, `…-verify`."""
    options: dict[str, _Option] = Field(default_factory=dict, max_length=20)
    """How to connect: of postgres sslmode, connect_timeout, target_session_attrs and others of libpq's; of
    elasticsearch scheme (https) and verify (true). Never a password."""
    ca: str | None = Field(default=None, min_length=1, max_length=CA_LIMIT)
    """Certificates in PEM that the server's is verified by. Of postgres sslmode is then verify-full, or verify-ca if
    options say so; no other. null: with verify-full those count that the machine knows."""

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        return printable(name)

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str | None) -> str | None:
        complaint = None if host is None else why_no_host(host)
        if complaint:
            raise ValueError(complaint)
        if host is not None and "%" in host:
            # The CRD's pattern has no room for a zone; a connection string may have one.
            raise ValueError("give an IPv6 address without its zone (what stands after %)")
        return host

    @field_validator("database", "username")
    @classmethod
    def _storable(cls, text: str | None) -> str | None:
        if text is not None and any(unicodedata.category(character) == "Cc" for character in text):
            raise ValueError("no control characters")
        if text is not None and "://" in text:
            # A whole URL has a password in it, and would be shown.
            raise ValueError("give the name alone, no URL")
        return text

    @field_validator("database")
    @classmethod
    def _is_no_list(cls, database: str | None) -> str | None:
        if database is not None and _PAIR.search(database):
            raise ValueError("give the name alone, no connection string")
        return database

    @field_validator("ca")
    @classmethod
    def _is_pem(cls, ca: str | None) -> str | None:
        if ca is None:
            return ca
        if _PRIVATE.search(ca):
            raise ValueError("a private key must not be here: only certificates")
        if not _PEM.search(ca):
            raise ValueError("there is no certificate in PEM in it (-----BEGIN CERTIFICATE-----)")
        return ca

    @field_validator("options")
    @classmethod
    def _without_secret(cls, options: dict[str, str]) -> dict[str, str]:
        if any(names_a_secret(name) for name in options):
            raise ValueError("a password or key does not belong into options: it has a field of its own")
        return options


class ConnectionSeen(Status):
    """Where it leads, as the operator read it: also where that lies in a Secret. Without any password."""

    host: str | None = None
    """The server."""
    port: int | None = None
    """Its port."""
    database: str | None = None
    """The database."""
    username: str | None = None
    """The role that connects."""


class ConnectionStatus(Status):
    """What the operator saw of a source or destination."""

    observed_generation: int | None = None
    """The generation of the specification that this status was computed from."""
    connection: ConnectionSeen | None = None
    """Where it leads."""
    server_version: str | None = None
    """What the server says it is."""
    pipelines: int = 0
    """How many pipelines use it."""
    checked_at: Time | None = None
    """When it was last tried, at most every five minutes while nothing changes."""


def names_a_secret(option: str) -> bool:
    """Whether an option of this name would hold a password, or where one lies."""
    return _SECRET_OPTION.search(option) is not None


def why_no_host(host: str) -> str | None:
    """What is wrong with a host, in words that do not repeat it (it may hold a password); None when it is one."""
    alone = "give the server's name or address alone"
    if "@" in host:
        return f"{alone}: username and password have fields of their own"
    if "://" in host or "/" in host or "\\" in host or "?" in host:
        return f"{alone}, without a scheme or a path"
    if "," in host:
        return f"{alone}: one server, not a list"
    if not host or len(host) > 253 or any(c.isspace() or unicodedata.category(c) == "Cc" for c in host):
        return f"{alone}: 1 to 253 characters, no space"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if ":" in host or "[" in host:
            return f"{alone}: the port has a field of its own"
        return _why_no_name(host, alone)
    return None


def _why_no_name(host: str, alone: str) -> str | None:
    if not _HOST_NAME.fullmatch(host):
        return f"{alone}: letters, digits, points and hyphens"
    # The point at the end is the root's.
    if not all(1 <= len(label) <= _LABEL_LIMIT for label in host.removesuffix(".").split(".")):
        return f"{alone}: between its points stand 1 to {_LABEL_LIMIT} characters"
    return None


def why_not_ca(type_: ConnectionType, sslmode: str | None) -> str | None:
    """Why certificates can't be given with an `sslmode`; None when they can.

    With a weaker one libpq would take them in one attempt, and do without in the next.
    """
    if type_ is ConnectionType.POSTGRES and sslmode is not None and sslmode not in VERIFYING:
        return f"ca needs sslmode {' or '.join(VERIFYING)}"
    return None


def why_not_option(type_: ConnectionType, name: str, value: str) -> str | None:
    """Why an option can't be set so, in words that do not repeat its value; None when it can."""
    allowed = OPTIONS[type_]
    if name not in allowed:
        return f"'{name[:60]}' is not an option of {type_.value}; those are {', '.join(sorted(allowed))}"
    return None if re.fullmatch(allowed[name], value) else f"the value of '{name}' is not one that it takes"
