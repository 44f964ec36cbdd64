"""EtlSources and EtlDestinations, and what callers see of them: never a password."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from headrace.cluster import Manifest
from headrace.errors import InvalidError
from headrace.lifecycle.readings import created_at
from headrace.model import pipeline as naming
from headrace.model.conditions import ConditionType
from headrace.model.connection import (
    ELASTICSEARCH_PORT,
    OPTIONS,
    POSTGRES_PORT,
    ConnectionSpec,
    ConnectionType,
    SecretKey,
    names_a_secret,
    why_not_ca,
    why_not_option,
)
from headrace.model.destination import DestinationSpec
from headrace.model.source import SlotSeen, SourceSpec, WalThresholds
from headrace_api import times
from headrace_api.translate.changes import updated_at
from headrace_api.translate.passwords import is_own, reference_of
from headrace_api.translate.specification import Specification

S = TypeVar("S", bound=ConnectionSpec)

SORTABLE = (
    "id", "name", "type", "host", "port", "database", "username", "ready", "server_version", "pipelines", "created_at",
    "updated_at",
)  # fmt: skip
"""The fields that lists may be sorted by."""
_SOURCE, _DESTINATION = Specification(SourceSpec), Specification(DestinationSpec)
_PORTS = {ConnectionType.POSTGRES: POSTGRES_PORT, ConnectionType.ELASTICSEARCH: ELASTICSEARCH_PORT}
_PLAIN = re.compile(r"[A-Za-z_]{1,40}")
_WHERE = ("host", "port", "database", "username")


def show_source(source: Manifest, pipelines: int) -> dict[str, Any]:
    """The source as callers see it; `pipelines` use it."""
    status = source.get("status") or {}
    wal = WalThresholds.model_validate(source["spec"].get("wal") or {})
    return {
        **_shown("source", source, _SOURCE.fields(source), pipelines),
        "max_connections": source["spec"].get("maxConnections"),
        "wal": wal.model_dump(mode="json"),
        "slots": [SlotSeen.model_validate(slot).model_dump(mode="json") for slot in status.get("slots") or ()],
        "wal_bytes": status.get("walBytes"),
    }


def show_destination(destination: Manifest, pipelines: int) -> dict[str, Any]:
    """As `show_source`, of a destination."""
    return _shown("destination", destination, _DESTINATION.fields(destination), pipelines)


def source_spec(fields: Mapping[str, Any]) -> SourceSpec:
    """The specification that these fields ask for; an error names the field that is wrong."""
    return _spec(_SOURCE, fields)


def destination_spec(fields: Mapping[str, Any]) -> DestinationSpec:
    """As `source_spec`, of a destination."""
    return _spec(_DESTINATION, fields)


def keeping(resource: Manifest, spec: ConnectionSpec) -> ConnectionSpec:
    """The specification with the password that the resource has.

    InvalidError where that is part of a connection string which leads elsewhere: it is not given to another server.
    """
    reference = resource["spec"].get("connectionSecret")
    if not reference:
        return spec.model_copy(update={"password_secret": reference_of(resource)})
    if not _leads_to(spec, resource):
        message = (
            f"the password lies in the connection string of the Secret '{reference['name']}': leave host, port,"
            " database and username as they are shown, or give it, or null for none"
        )
        raise InvalidError(message, field="password")
    whole = {"connection_secret": SecretKey.model_validate(reference)}
    return spec.model_copy(update={**dict.fromkeys(_WHERE), **whole})


def _leads_to(spec: ConnectionSpec, resource: Manifest) -> bool:
    """Whether it is the place that the operator read from the resource's connection string."""
    asked = spec.model_dump(mode="json")
    seen = (resource.get("status") or {}).get("connection") or {}
    is_of_type = asked["type"] == resource["spec"].get("type", ConnectionType.POSTGRES)
    asked["port"] = asked["port"] or _PORTS[ConnectionType(asked["type"])]
    return is_of_type and bool(seen) and all(asked[name] == seen.get(name) for name in _WHERE)


def source_name(pipeline: Manifest) -> str:
    """`metadata.name` of the source that the pipeline reads from."""
    return naming.source_name(pipeline["spec"].get("source"))


def destination_name(pipeline: Manifest) -> str:
    """`metadata.name` of the destination that it writes to."""
    return naming.destination_name(pipeline["spec"].get("destination"), pipeline["spec"]["targetTable"])


def _spec(specification: Specification[S], fields: Mapping[str, Any]) -> S:
    type_ = ConnectionType(fields["type"])
    options = {name: _text(type_, value) for name, value in fields["options"].items()}
    _check_options(type_, options)
    complaint = why_not_ca(type_, options.get("sslmode")) if fields.get("ca") is not None else None
    if complaint:
        raise InvalidError(complaint, field="ca")
    spec = specification.parse({**fields, "options": options})
    if type_ is ConnectionType.POSTGRES and spec.database is None:
        raise InvalidError("database is needed", field="database")
    return spec


def _text(type_: ConnectionType, value: object) -> str:
    if isinstance(value, bool):
        # As libpq has it, and as a URL's parameters do.
        return str(int(value)) if type_ is ConnectionType.POSTGRES else str(value).lower()
    return str(value)


def _check_options(type_: ConnectionType, options: Mapping[str, str]) -> None:
    for name, value in options.items():
        complaint = _why_not(type_, name, value)
        if complaint:
            raise InvalidError(f"options: {complaint}", field="options")


def _why_not(type_: ConnectionType, name: str, value: str) -> str | None:
    allowed = OPTIONS[type_]
    those = f"options of {type_.value} are {', '.join(sorted(allowed))}"
    if name not in allowed and names_a_secret(name):
        return f"a password or key has a field of its own; {those}"
    # A name of another form may be a whole connection string, with a password in it.
    return why_not_option(type_, name, value) if _PLAIN.fullmatch(name) else f"not the name of an option; {those}"


def _shown(noun: str, resource: Manifest, fields: Mapping[str, Any], pipelines: int) -> dict[str, Any]:
    status = resource.get("status") or {}
    return {
        "id": resource["metadata"]["uid"],
        "name": fields["name"],
        "type": str(fields["type"]),
        **_place(fields, status.get("connection") or {}),
        "options": {name: str(value) for name, value in fields["options"].items()},
        "ca": fields["ca"],
        "has_password": bool(fields["password_secret"] or fields["connection_secret"]),
        "password_secret": None if is_own(noun, resource) else fields["password_secret"],
        **_readiness(resource, status),
        "server_version": status.get("serverVersion"),
        "pipelines": pipelines,
        "created_at": times.show(created_at(resource)),
        "updated_at": times.show(updated_at(resource)),
    }


def _place(fields: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    """Where it is: as it was asked for, or as the operator read it from a Secret."""
    if fields["connection_secret"]:
        return {name: seen.get(name) for name in _WHERE}
    return {
        "host": fields["host"],
        "port": fields["port"] or _PORTS[ConnectionType(fields["type"])],
        "database": fields["database"],
        "username": fields["username"] or seen.get("username"),
    }


def _readiness(resource: Manifest, status: Mapping[str, Any]) -> dict[str, Any]:
    """What the operator says of it as it is now: not of how it was before a change."""
    conditions = status.get("conditions") or ()
    ready = next((each for each in conditions if each["type"] == ConditionType.READY), None)
    if ready is None or _is_old(ready, resource):
        return {"ready": None, "reason": None, "message": None}
    known = {"True": True, "False": False}.get(ready["status"])
    return {"ready": known, "reason": ready["reason"], "message": ready.get("message", "")}


def _is_old(condition: Mapping[str, Any], resource: Manifest) -> bool:
    generation = resource["metadata"].get("generation", 1)
    return int(condition.get("observedGeneration", generation)) < int(generation)
