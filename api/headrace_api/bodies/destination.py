"""Destinations as callers send and see them."""

from pydantic import ConfigDict, Field

from headrace.model.connection import ConnectionType
from headrace_api.bodies.connection import ConnectionIdentity, ConnectionIn, ConnectionShown, SentBack
from headrace_api.bodies.examples import DESTINATION, DESTINATION_IN


class DestinationIn(ConnectionIn):
    """Where rows go; what is left out gets its default, but for the password."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": DESTINATION_IN})

    type: ConnectionType = Field(description="What kind of server it is: postgres, or elasticsearch.")
    database: str | None = Field(
        default=None, min_length=1, max_length=63, description="The database; postgres needs it."
    )


class Destination(ConnectionShown, ConnectionIdentity):
    """A database or a search engine that pipelines write to."""

    model_config = ConfigDict(json_schema_extra={"examples": [DESTINATION]})

    type: ConnectionType = Field(description="What kind of server it is: postgres, or elasticsearch.")


class DestinationPut(SentBack, DestinationIn):
    """A destination's new configuration, or what GET showed with some of it changed.

    What is left out gets its default, but for the password; what only answers have may be there, and is ignored.
    """

    only_shown = frozenset(Destination.model_fields) - {*DestinationIn.model_fields, *SentBack.model_fields}
