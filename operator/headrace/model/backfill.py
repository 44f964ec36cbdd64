"""EtlBackfill: runs for all due times of a schedule within a range."""

from enum import StrEnum

from pydantic import Field

from headrace.model.base import RESOURCE_NAME_PATTERN, Resource, Status, Time
from headrace.model.conditions import Condition


class Order(StrEnum):
    """Which due time comes first."""

    OLDEST_FIRST = "oldestFirst"
    """In the order of time."""
    NEWEST_FIRST = "newestFirst"
    """What people look at first comes first."""


class BackfillPhase(StrEnum):
    """Where a backfill stands."""

    PENDING = "PENDING"
    """Nothing was begun."""
    RUNNING = "RUNNING"
    """Runs are made."""
    PAUSED = "PAUSED"
    """No further run is made; those that were go on."""
    SUCCESS = "SUCCESS"
    """All runs succeeded, or there was nothing to run."""
    FAILED = "FAILED"
    """All runs are over, and some failed; or the specification can't be run."""


class BackfillSpec(Resource):
    """Which due times are to be run."""

    schedule: str = Field(min_length=1, max_length=253, pattern=RESOURCE_NAME_PATTERN)
    """metadata.name of the EtlSchedule, which will own this backfill. Can't be changed."""
    from_: Time = Field(alias="from")
    """The first due time may be this. Can't be changed."""
    to: Time
    """All due times are before this. Can't be changed."""
    order: Order = Order.OLDEST_FIRST
    """Which due time comes first."""
    parallelism: int = Field(default=1, ge=1, le=100)
    """So many of its runs may be unfinished at once. A pipeline's runs go one after the other all the same."""
    suspend: bool = False
    """true: no further run is made; false goes on."""
    rerun: bool = False
    """Whether due times that have a run are run again."""
    retry: int = Field(default=0, ge=0, le=100)
    """Raise it to run the failed ones again."""


class FailedRun(Status):
    """A due time whose run failed."""

    due_at: Time
    """The due time."""
    run: str
    """The run's metadata.name."""


class BackfillStatus(Status):
    """What the operator saw; written by the operator only."""

    observed_generation: int | None = None
    """The generation of the specification that this status was computed from."""
    phase: BackfillPhase | None = None
    """PENDING, RUNNING, PAUSED, SUCCESS or FAILED."""
    total: int = 0
    """Due times in the range."""
    succeeded: int = 0
    """Due times whose run succeeded, and those that had a run before."""
    failed: int = 0
    """Due times whose run failed or was cancelled."""
    active: int = 0
    """Runs that are not over."""
    existing: int = 0
    """Due times that had a run before and were left alone."""
    progress: str | None = None
    """In words: `17 of 90, 2 failed`."""
    failed_runs: list[FailedRun] = Field(default_factory=list)
    """Some of those that failed, at most 20."""
    started_at: Time | None = None
    """When the first run was made."""
    finished_at: Time | None = None
    """When the last run was over."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, Complete and Failed."""
