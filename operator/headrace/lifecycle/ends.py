"""Whether a pipeline's source and destination fit it: rules over several resources that API and operator share."""

from collections.abc import Mapping
from typing import Any

from headrace.errors import InvalidError
from headrace.model.connection import POSTGRES_PORT, ConnectionType
from headrace.model.pipeline import PipelineSpec
from headrace.target import ELASTICSEARCH_PREFIX

Manifest = Mapping[str, Any]
Place = tuple[str, int, str]
"""Host, port and database."""


def check_ends(spec: PipelineSpec, source: Manifest | None, destination: Manifest | None) -> None:
    """Raises InvalidError where they do not fit; what is not there, or not known yet, is no reason."""
    if destination is None:
        return
    _check_type(spec, destination)
    place = place_of(destination)
    if spec.source_table != spec.target_table or source is None or place is None:
        return
    if place_of(source) == place:
        raise InvalidError(
            f"source_table '{spec.source_table}' is the target: source and destination are the same database",
            field="source_table",
        )


def place_of(resource: Manifest) -> Place | None:
    """Where an EtlSource or EtlDestination leads: what it says, or else what the operator read; None: not known."""
    said, seen = resource.get("spec") or {}, (resource.get("status") or {}).get("connection") or {}
    given = said if said.get("host") else seen
    host, database = given.get("host"), given.get("database")
    return (str(host).lower(), int(given.get("port") or POSTGRES_PORT), str(database)) if host and database else None


def _check_type(spec: PipelineSpec, destination: Manifest) -> None:
    is_index = spec.target_table.startswith(ELASTICSEARCH_PREFIX)
    type_ = (destination.get("spec") or {}).get("type") or ConnectionType.POSTGRES.value
    if is_index == (type_ == ConnectionType.ELASTICSEARCH.value):
        return
    wanted = "an index needs one of type elasticsearch" if is_index else "a table needs one of type postgres"
    raise InvalidError(f"the destination is of type {type_}: {wanted}", field="destination_id")
