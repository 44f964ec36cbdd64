"""EtlSources and EtlDestinations, and what callers see of them: never a password."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

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
_WAL = Specification(WalThresholds)
_PORTS = {ConnectionType.POSTGRES.value: POSTGRES_PORT, ConnectionType.ELASTICSEARCH.value: ELASTICSEARCH_PORT}
_PLAIN = re.compile(r"[A-Za-z_]{1,40}")
_WHERE = ("host", "port", "database", "username")


def show_source(source: Manifest, pipelines: int) -> dict[str, Any]:
    """The source as callers see it; `pipelines` use it."""
    status = source.get("status") or {}
    return {
        **_shown("source", source, _SOURCE.fields(source), pipelines),
        "max_connections": source["spec"].get("maxConnections"),
        # A newer version's thresholds are left out.
        "wal": _WAL.fields({"spec": source["spec"].get("wal") or {}}),
        "slots": [SlotSeen.model_validate(slot).model_dump(mode="json") for slot in status.get("slots") or ()],
        "wal_bytes": status.get("walBytes"),
        "measured_at": times.show_text(status.get("measuredAt")),
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


def keeping(
    resource: Manifest, fields: Mapping[str, Any], spec_of: Callable[[Mapping[str, Any]], ConnectionSpec]
) -> ConnectionSpec:
    """The specification that these fields ask for, with the password that the resource has.

    InvalidError where that is part of a connection string which leads elsewhere: it is not given to another server.
    Where it leads is not looked at: a connection string may name what no field can, such as several servers.
    """
    reference = resource["spec"].get("connectionSecret")
    if not reference:
        return spec_of(fields).model_copy(update={"password_secret": reference_of(resource)})
    if not _leads_to(fields, resource):
        spec_of(fields)  # What is wrong with a field of its own is said first.
        message = (
            f"the password lies in the connection string of the Secret '{reference['name']}': leave host, port,"
            " database and username as they are shown, or give it, or null for none"
        )
        raise InvalidError(message, field="password")
    return spec_of({**fields, **dict.fromkeys(_WHERE), "connection_secret": reference})


def unpinned(resource: Manifest, spec: ConnectionSpec) -> ConnectionSpec:
    """The specification without a username that is shown because the Secret has it: it changes with the password."""
    seen = (resource.get("status") or {}).get("connection") or {}
    is_only_seen = not resource["spec"].get("username") and spec.username == seen.get("username")
    if is_only_seen and spec.password_secret == reference_of(resource):
        return spec.model_copy(update={"username": None})
    return spec


def says(resource: Manifest, spec: ConnectionSpec) -> bool:
    """Whether the resource asks for just this already, perhaps with defaults left out."""
    try:
        before = type(spec).model_validate(resource["spec"])
    except ValidationError:
        return False  # kubectl, or a newer version, let something in that we would not.
    return _with_port(before) == _with_port(spec)


def check_sent_back(resource: Manifest, connection: SecretKey | None) -> None:
    """InvalidError for a connection string other than the one that is shown: only kubectl can refer to one."""
    reference = resource["spec"].get("connectionSecret")
    if connection is not None and (not reference or SecretKey.model_validate(reference) != connection):
        raise InvalidError(
            "connection_secret is not changed here: leave it out, or send it as it is shown", field="connection_secret"
        )


def _with_port(spec: ConnectionSpec) -> ConnectionSpec:
    is_shown = spec.port is None and spec.connection_secret is None
    return spec.model_copy(update={"port": _port(spec.model_dump(mode="json")["type"])}) if is_shown else spec


def _leads_to(fields: Mapping[str, Any], resource: Manifest) -> bool:
    """Whether it is the place that the operator read from the resource's connection string."""
    seen = (resource.get("status") or {}).get("connection") or {}
    is_of_type = fields["type"] == resource["spec"].get("type", ConnectionType.POSTGRES)
    ports = {fields.get("port"), fields.get("port") or _port(fields["type"])}
    is_there = all(fields.get(name) == seen.get(name) for name in _WHERE if name != "port")
    return is_of_type and bool(seen) and is_there and seen.get("port") in ports


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
    if type_ is ConnectionType.POSTGRES and spec.database is None and spec.connection_secret is None:
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
        "connection_secret": fields["connection_secret"],
        **_readiness(resource, status),
        "conditions": _conditions(resource, status),
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
        "port": fields["port"] or _port(fields["type"]),
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


def _conditions(resource: Manifest, status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All that is known of it as it is now, in the order of their types."""
    shown = [
        {
            "type": each["type"],
            "status": each["status"],
            "reason": each["reason"],
            "message": each.get("message", ""),
            "last_transition_time": times.show_text(each.get("lastTransitionTime")),
        }
        for each in status.get("conditions") or ()
        if not _is_old(each, resource)
    ]
    return sorted(shown, key=lambda each: str(each["type"]))


def _port(type_: object) -> int | None:
    """The port that a server of this type has where none is given."""
    return _PORTS.get(str(type_))


def _is_old(condition: Mapping[str, Any], resource: Manifest) -> bool:
    generation = resource["metadata"].get("generation", 1)
    return int(condition.get("observedGeneration", generation)) < int(generation)
