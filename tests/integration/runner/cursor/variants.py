"""Kinds of cursors that the same promise is tried on."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A source table, the pipeline that reads it, and how its writers set the cursor."""

    name: str
    type: str
    values: dict[str, str]
    """How the cursor is set: SQL."""
    lookback: float = 300.0
    grain: float = 0.0
    """For how many seconds rows get the same value."""
    is_time: bool = True
    key: str = "id"
    in_target: bool = True
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """What the pipeline reads."""
        return "SELECT at, v FROM events" if self.key == "at" else "SELECT id, v, at FROM events"

    @property
    def promised_lookback(self) -> dt.timedelta | None:
        """How old a row may be when it is committed."""
        return dt.timedelta(seconds=self.lookback + self.grain) if self.is_time else None

    def compared(self, value: Any) -> Any:
        """A cursor value as the clock shows it."""
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
        return value


TIMES = {
    "the transaction's now()": "now()",
    "the clock": "clock_timestamp()",
    "the greatest": "coalesce((SELECT max(at) FROM events), now())",
    "a minute ago": "now() - interval '1 minute'",
    "a day ago": "now() - interval '1 day'",
}
NUMBERS = {
    "the next": "nextval('numbers')",
    "the greatest": "greatest((SELECT max(at) FROM events), (SELECT last_value FROM numbers))",
    "an old one": "1",
}
VARIANTS = [
    Variant("a time", "timestamptz", TIMES),
    Variant("a time that is not in the target", "timestamptz", TIMES, in_target=False),
    Variant("a time without lookback", "timestamptz", TIMES, lookback=0.0),
    Variant("seconds", "timestamptz(0)", TIMES, lookback=2.0, grain=0.5),
    Variant("days", "date", TIMES, grain=86_400.0),
    Variant("a number", "bigint", NUMBERS, is_time=False),
    Variant("the key", "bigint", {"the next": "nextval('numbers')"}, is_time=False, key="at"),
]
