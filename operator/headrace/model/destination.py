"""EtlDestination: a database or a search engine that pipelines write to."""

from pydantic import Field

from headrace.model.conditions import Condition
from headrace.model.connection import ConnectionSpec, ConnectionStatus, ConnectionType


class DestinationSpec(ConnectionSpec):
    """Where rows go."""

    type: ConnectionType = ConnectionType.POSTGRES
    """What kind of server it is: postgres, or elasticsearch."""


class DestinationStatus(ConnectionStatus):
    """What the operator saw; written by the operator only."""

    conditions: list[Condition] = Field(default_factory=list)
    """Ready and CanCreate."""
