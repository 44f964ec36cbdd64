"""EtlDestination: a database or a search engine that pipelines write to."""

from pydantic import Field, field_validator

from headrace.model.conditions import Condition
from headrace.model.connection import ROW_SECURITY, ConnectionSpec, ConnectionStatus, ConnectionType


class DestinationSpec(ConnectionSpec):
    """Where rows go."""

    type: ConnectionType = ConnectionType.POSTGRES
    """What kind of server it is: postgres, or elasticsearch."""

    @field_validator("options")
    @classmethod
    def _of_no_source(cls, options: dict[str, str]) -> dict[str, str]:
        if ROW_SECURITY in options:
            raise ValueError(f"'{ROW_SECURITY}' is an option of sources: no row is read here")
        return options


class DestinationStatus(ConnectionStatus):
    """What the operator saw; written by the operator only."""

    conditions: list[Condition] = Field(default_factory=list)
    """Ready and CanCreate."""
