"""Measurements of the WAL that replication slots hold back."""

from pydantic import BaseModel, ConfigDict, Field

from headrace_api.bodies.examples import WAL_MEASUREMENT
from headrace_api.bodies.time import Time


class WalMeasurement(BaseModel):
    """What one slot of a source, or all of them together, held back at one moment."""

    model_config = ConfigDict(json_schema_extra={"examples": [WAL_MEASUREMENT]})

    source_id: str = Field(description="Id of the source; it may be gone since.")
    slot: str | None = Field(description="The replication slot; null: what all of them together hold back.")
    wal_bytes: int = Field(description="WAL that the server keeps for it.")
    restart_lsn: str | None = Field(description="From where on it is kept.")
    confirmed_flush_lsn: str | None = Field(description="Up to where the slot's reader has confirmed it.")
    wal_status: str | None = Field(description="reserved, extended, unreserved or lost, as PostgreSQL has it.")
    safe_wal_size: int | None = Field(description="Bytes until the slot may be lost; null: no limit is set.")
    active: bool | None = Field(description="Whether somebody reads from it.")
    growth_per_minute: float | None = Field(description="Bytes more a minute; null: not known yet.")
    seconds_left: float | None = Field(
        description="Until it is lost or the disk is full, if it goes on like this; null: not in sight, or not known."
    )
    measured_at: Time = Field(description="When the source was asked.")
