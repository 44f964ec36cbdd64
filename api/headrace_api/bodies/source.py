"""Sources as callers send and see them."""

from typing import TYPE_CHECKING, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model

from headrace.model.source import SlotSeen, SourceSpec, SourceType, WalThresholds
from headrace_api.bodies import derive
from headrace_api.bodies.connection import ConnectionIdentity, ConnectionIn, ConnectionShown, SentBack
from headrace_api.bodies.examples import SLOT, SOURCE, SOURCE_IN, WAL
from headrace_api.bodies.time import Time

_MOST = SourceSpec.model_fields["max_connections"]

if TYPE_CHECKING:
    WalIn: TypeAlias = BaseModel
    _Limited: TypeAlias = BaseModel
    Wal: TypeAlias = BaseModel
    Slot: TypeAlias = BaseModel
else:
    WalIn = create_model(
        "WalIn",
        __config__=ConfigDict(extra="forbid", json_schema_extra={"examples": [WAL]}),
        __doc__="From when on the WAL that replication slots hold back is a matter of concern.",
        **{name: derive.required_or_default(info) for name, info in WalThresholds.model_fields.items()},
    )
    Wal = create_model(
        "Wal",
        __config__=ConfigDict(json_schema_extra={"examples": [WAL]}),
        __doc__="From when on the WAL that replication slots hold back is a matter of concern.",
        **{name: derive.shown(info) for name, info in WalThresholds.model_fields.items()},
    )
    Slot = create_model(
        "Slot",
        __config__=ConfigDict(json_schema_extra={"examples": [SLOT]}),
        __doc__="A replication slot, as last measured.",
        **{name: derive.shown(info) for name, info in SlotSeen.model_fields.items()},
    )
    _Limited = create_model("_Limited", max_connections=derive.required_or_default(_MOST))


class SourceIn(ConnectionIn, _Limited):
    """Where rows come from; what is left out gets its default, but for the password."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SOURCE_IN]})

    type: SourceType = Field(description="What kind of server it is: postgres.")
    database: str = Field(min_length=1, max_length=63, description="The database.")
    wal: WalIn = Field(default_factory=WalIn, description=str(SourceSpec.model_fields["wal"].description))


class _Measured(BaseModel):
    max_connections: int | None = Field(description=str(_MOST.description))
    wal: Wal = Field(description=str(SourceSpec.model_fields["wal"].description))
    slots: list[Slot] = Field(description="Its replication slots, those that hold back most first; at most 50.")
    wal_bytes: int | None = Field(description="What all slots together hold back; null: not measured yet.")
    measured_at: Time | None = Field(description="When slots and wal_bytes were measured; null: not yet.")


class Source(_Measured, ConnectionShown, ConnectionIdentity):
    """A database that pipelines read from."""

    model_config = ConfigDict(json_schema_extra={"examples": [SOURCE]})

    type: SourceType = Field(description="What kind of server it is: postgres.")


class SourcePut(SentBack, SourceIn):
    """A source's new configuration, or what GET showed with some of it changed.

    What is left out gets its default, but for the password; what only answers have may be there, and is ignored.
    """

    only_shown = frozenset(Source.model_fields) - {*SourceIn.model_fields, *SentBack.model_fields}
