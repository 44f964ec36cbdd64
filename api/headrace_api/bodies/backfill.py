"""Backfills: runs for due times of the past, as callers ask for them and see them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from headrace.errors import InvalidError
from headrace.model.backfill import BackfillPhase, Order
from headrace_api.bodies.examples import BACKFILL, BACKFILL_IN, BACKFILL_RUNS
from headrace_api.bodies.time import Time

MOST = 1000
_NUMBER = re.compile(r"\s*[-+]?[0-9._]*\s*")
_OF_A_RANGE = {"from_", "to", "order", "parallelism", "rerun"}
_WAYS: list[Any] = [{"required": ["count"]}, {"required": ["from", "to"]}]


def _text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    if value is not None and _NUMBER.fullmatch(value):
        # Seconds since 1970 to pydantic, and to nobody who knows RFC 3339.
        raise PydanticCustomError("datetime_parsing", "Input should be a valid datetime, as in RFC 3339")
    return value


def _in_utc(moment: datetime | None) -> datetime | None:
    try:
        return moment.astimezone(UTC) if moment else None
    except OverflowError:
        raise PydanticCustomError("datetime_object_invalid", "Input is before or after the calendar, in UTC") from None


Moment = Annotated[AwareDatetime | None, BeforeValidator(_text), AfterValidator(_in_utc)]
"""As RFC 3339 has it: no number. Read into UTC."""


class BackfillIn(BaseModel):
    """Which due times: the last `count` before now, or all from `from` until before `to`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": BACKFILL_IN, "oneOf": _WAYS})

    count: Annotated[int, Field(strict=True, ge=1, le=MOST)] | None = Field(
        default=None, description="So many due times, also those before the schedule existed."
    )
    from_: Moment = Field(default=None, alias="from", description="The first due time may be this.")
    to: Moment = Field(default=None, description="All due times are before this.")
    order: Order = Field(default=Order.OLDEST_FIRST, description="Of a range: which due time comes first.")
    parallelism: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        default=1, description="Of a range: so many of its runs may be unfinished at once."
    )
    rerun: bool = Field(
        default=False, strict=True, description="Of a range: whether due times that have a run are run again."
    )

    def way(self) -> int | None:
        """The count, or None for a range; InvalidError when it is neither or both."""
        if self.count is not None and self.model_fields_set & _OF_A_RANGE:
            raise InvalidError("count goes without from and to", field="count")
        if self.count is None and self.from_ is None and self.to is None:
            raise InvalidError("count is missing: give count, or from and to", field="count")
        return self.count


class BackfillPatch(BaseModel):
    """The fields to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"suspend": True}, {"retry": 1}]})

    suspend: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="true: no further run is made; false goes on."
    )
    parallelism: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        default=1, description="So many of its runs may be unfinished at once."
    )
    retry: Annotated[int, Field(strict=True, ge=0, le=100)] = Field(
        default=0, description="Raise it to run the failed ones again."
    )


class BackfilledRun(BaseModel):
    """The run of a due time."""

    due_at: Time
    run_id: str
    created: bool = Field(description="Whether this call made it; else the due time had it already.")


class BackfilledRuns(BaseModel):
    """The runs of the last due times, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [BACKFILL_RUNS]})

    runs: list[BackfilledRun]


class FailedRun(BaseModel):
    """A due time whose run failed."""

    due_at: Time
    run: str = Field(description="The `metadata.name` of the EtlRun.")


class Backfill(BaseModel):
    """Runs for all due times of a schedule within a range, and how far that is."""

    model_config = ConfigDict(json_schema_extra={"examples": [BACKFILL]})

    id: str = Field(description="UUID: the `metadata.uid` of the EtlBackfill.")
    schedule_id: str
    from_: Time = Field(alias="from")
    to: Time
    order: Order
    parallelism: int
    rerun: bool
    retry: int = Field(description="How often the failed ones were to be run again.")
    suspend: bool = Field(description="Whether it is paused.")
    state: BackfillPhase
    progress: str | None = Field(description="In words: `17 of 90, 2 failed`.")
    total: int = Field(description="Due times in the range.")
    succeeded: int = Field(description="Those whose run succeeded, or that had a run before.")
    failed: int = Field(description="Those whose run failed or was cancelled.")
    active: int = Field(description="Runs that are not over.")
    existing: int = Field(description="Those that had a run before and were left alone.")
    failed_runs: list[FailedRun] = Field(description="Some of those that failed.")
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
