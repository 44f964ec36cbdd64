"""Whether a pipeline's source and destination fit it: rules over several resources that API and operator share."""

from headrace.errors import InvalidError
from headrace.manifests import Manifest
from headrace.model.connection import POSTGRES_PORT, ConnectionType
from headrace.model.pipeline import PipelineSpec
from headrace.target import ELASTICSEARCH_PREFIX

Place = tuple[str, int, str]
"""Host, port and database."""


def check_ends(spec: PipelineSpec, source: Manifest | None, destination: Manifest | None) -> None:
    """Raises InvalidError where they do not fit; what is not there, or not known yet, is no reason."""
    if destination is None:
        return
    type_ = (destination.get("spec") or {}).get("type") or ConnectionType.POSTGRES.value
    check_type(type_, is_index=spec.target_table.startswith(ELASTICSEARCH_PREFIX), field="destination_id")
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


def check_type(type_: str, *, is_index: bool, field: str, name: str = "") -> None:
    """Raises InvalidError, with this `field`, where a destination of that type does not take such a target.

    `name`: what it is called, where whoever reads the message did not name it just now.
    """
    if is_index == (type_ == ConnectionType.ELASTICSEARCH.value):
        return
    wanted = "an index needs one of type elasticsearch" if is_index else "a table needs one of type postgres"
    called = f"the destination '{name}'" if name else "the destination"
    raise InvalidError(f"{called} is of type {type_}: {wanted}", field=field)
