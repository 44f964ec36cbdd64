"""EtlSource: a database that pipelines read from."""

from enum import StrEnum

from pydantic import Field

from headrace.model.base import DURATION_PATTERN, Resource, Status, Time
from headrace.model.conditions import Condition
from headrace.model.connection import ConnectionSpec, ConnectionStatus

_MOST_BYTES = 10**18
"""More than there is, and few enough for a signed integer of 64 bits, and for a float without a loss."""


class SourceType(StrEnum):
    """What kinds of servers pipelines can read from."""

    POSTGRES = "postgres"


class WalThresholds(Resource):
    """From when on the WAL that a source's replication slots hold back is a matter of concern."""

    slot_bytes: int = Field(default=1024**3, ge=1, le=_MOST_BYTES)
    """A slot that nobody reads, and that holds back more than this, is not healthy (1 GiB)."""
    pressure_bytes: int = Field(default=10 * 1024**3, ge=1, le=_MOST_BYTES)
    """All slots together hold back this much or more: there is pressure (10 GiB)."""
    time_left: str = Field(default="1h", pattern=DURATION_PATTERN)
    """Before a slot is lost, or the disk is full: less is pressure. A number and s, m, h or d."""
    disk_bytes: int | None = Field(default=None, ge=1, le=_MOST_BYTES)
    """The room that the server has for WAL: no server tells it. null: not known."""


class SourceSpec(ConnectionSpec):
    """Where rows come from, how much it can take, and when its WAL is a matter of concern."""

    type: SourceType = SourceType.POSTGRES
    """What kind of server it is: postgres."""
    max_connections: int | None = Field(default=None, ge=2, le=10_000)
    """How many connections Headrace may have there at once: one is the operator's, each run, stream and preview at
    work has one. Further runs wait. null: only the installation's limit."""
    wal: WalThresholds = Field(default_factory=WalThresholds)
    """When the WAL that its replication slots hold back is a matter of concern."""


class SlotSeen(Status):
    """A replication slot, as last measured."""

    name: str
    """Its name."""
    active: bool = False
    """Whether somebody reads from it."""
    wal_bytes: int = 0
    """WAL that the server keeps for it."""
    wal_status: str | None = None
    """reserved, extended, unreserved or lost, as PostgreSQL has it."""
    seconds_left: int | None = None
    """Until it is lost or the disk is full, if it goes on like this; 0: it is lost, or may be at any time; null: that
    is not in sight, or not known."""


class SourceStatus(ConnectionStatus):
    """What the operator saw; written by the operator only."""

    slots: list[SlotSeen] = Field(default_factory=list)
    """Its replication slots, those in danger first, then those that hold back most; at most 50. The history is in
    /metrics/wal."""
    wal_bytes: int | None = None
    """WAL that all slots together hold back: as much as the one that holds back most."""
    measured_at: Time | None = None
    """When that was measured."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, SourceReadOnly, SlotHealthy and WalPressure."""
