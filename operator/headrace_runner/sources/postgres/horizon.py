"""How far an incremental read may go, so that no row commits behind its cursor.

A row gets its key when it is written and is seen when its transaction commits. Whatever may still commit a key up to
the greatest one seen was in progress when that was read; when all of those have ended, everything up to it is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from headrace.runspec import RunSpec
from headrace_runner.postgres.operators import operator
from headrace_runner.projection import Projection
from headrace_runner.protocols import Horizon, Position
from headrace_runner.sources.postgres.guard import ask
from headrace_runner.sources.postgres.lookback import DAY_SECONDS, ZONES_SECONDS, grain_seconds, has_zone
from headrace_runner.sources.postgres.select import Select
from headrace_runner.sources.postgres.transactions import transactions_in_progress, wait_until_ended

LOOKBACK_ONLY = "LookbackOnly"
CURSOR_BEHIND = "CursorBehind"
CURSOR_AHEAD = "CursorAhead"
CURSOR_ENDLESS = "CursorEndless"

_ENDLESS = ("infinity", "Infinity", "NaN")
"""Nothing sorts after them: a cursor that stood there would never move again."""
_NUMBERS = ("numeric", "real", "double precision")
# What logical replication writes was committed elsewhere before: in which order, nobody here knows.
_SUBSCRIBED = """
    SELECT DISTINCT format(' on %I.%I ', n.nspname, c.relname) FROM pg_catalog.pg_subscription_rel AS s
    JOIN pg_catalog.pg_class AS c ON c.oid = s.srrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
"""


@dataclass(frozen=True, slots=True)
class Greatest:
    """The greatest cursor value there is."""

    clock: str
    """The source's, before that."""
    value: str | None
    notes: dict[str, str]


class HorizonFinder:
    """Finds one run's horizon; raises psycopg.Error."""

    def __init__(
        self, connection: psycopg.Connection[Any], select: Select, projection: Projection, spec: RunSpec
    ) -> None:
        self._connection = connection
        self._select = select
        self._projection = projection
        self._spec = spec
        self._cursor = str(projection.cursor)
        self._type = str(select.cursor_type)

    def find(self, start: Position, sleep: Callable[[float], None]) -> Horizon:
        """The greatest cursor value that is there, once all that may still commit below it has ended."""
        # The value before the transactions: what begins later has a greater key.
        greatest = self.greatest()
        return self.horizon(greatest, start, self._doubt(sleep))

    def greatest(self) -> Greatest:
        """The clock, then the value."""
        clock = self._fetch("SELECT clock_timestamp()::text")
        return Greatest(str(clock), *self._greatest())

    @property
    def is_unique(self) -> bool:
        """No two rows have the same cursor value."""
        return [field.name for field in self._projection.keys] == [self._cursor]

    def horizon(self, greatest: Greatest, start: Position, doubt: str | None) -> Horizon:
        """What to read up to, and what to know of it; `doubt`: why rows may commit behind it."""
        value, notes = greatest.value, dict(greatest.notes)
        if doubt is not None:
            notes[LOOKBACK_ONLY] = self._in_words(doubt)
        if value is None:
            return Horizon(value, None, notes)
        if start.value is not None and self._is_below(value, start.value):
            notes[CURSOR_BEHIND] = (
                f"The greatest {self._cursor} is {value} now, below that of the last row read ({start.value}): nothing"
                f" is read until it is above. Right if rows were deleted; if {self._cursor} was set back, restart"
            )
        if not self._select.has_time_cursor():
            return Horizon(value, None if self.is_unique else value, notes)
        unsettled_from, is_ahead = self._times(value, greatest.clock, in_doubt=doubt is not None)
        if is_ahead:
            notes[CURSOR_AHEAD] = (
                f"The greatest {self._cursor} is {value}, ahead of the source's clock: rows that get a lower one from"
                " now on are not read. If it is wrong, correct that row and restart"
            )
        return Horizon(value, unsettled_from, notes)

    def _greatest(self) -> tuple[str | None, dict[str, str]]:
        """The greatest value that another may follow."""
        value = self._fetch(self._select.horizon(self._cursor))
        if value not in _ENDLESS or not self._can_be_endless():
            return value, {}
        text = f"Rows whose {self._cursor} is {value} are not read: no other value could come after it"
        while value in _ENDLESS:
            value = self._fetch(self._select.horizon(self._cursor, below=value))
        return value, {CURSOR_ENDLESS: text}

    def _can_be_endless(self) -> bool:
        return self._select.has_time_cursor() or self._type.split("(")[0] in _NUMBERS

    def _doubt(self, sleep: Callable[[float], None]) -> str | None:
        """Why rows may commit behind the horizon; None when all that could have ended."""
        rows = self._select.rows(self._projection, Position())
        lasting = lasting_doubt(self._connection, rows, self._select.row_security)
        if lasting is not None:
            return lasting
        seconds = self._spec.wait_seconds
        left = wait_until_ended(self._connection, transactions_in_progress(self._connection), sleep, seconds)
        return f"transactions in progress on the source did not end within {seconds:g} seconds" if left else None

    def _in_words(self, doubt: str) -> str:
        looks_back = self._select.has_time_cursor()
        within = f"more than {self._spec.lookback_seconds:g} seconds (lookback) " if looks_back else ""
        return f"Rows that commit {within}after their {self._cursor} was set may be missed: {doubt}"

    def _is_below(self, value: str, other: str) -> bool:
        sign = operator("<", is_builtin=self._select.cursor_is_builtin)
        collation = f" COLLATE {self._select.byte_order}" if self._select.cursor_is_text else ""
        one, two = (f"{self._literal(each)}::{self._type}" for each in (value, other))
        return self._fetch(f"SELECT ({one}{collation} {sign} {two})::text") == "true"

    def _times(self, value: str, clock: str, *, in_doubt: bool) -> tuple[str, bool]:
        """From where on rows are unsettled, and whether `value` is ahead of the clock by more than lookback mends."""
        grain = grain_seconds(value)
        slack = 0.0 if has_zone(self._type) else ZONES_SECONDS
        # In doubt the source may be behind its own clock, as a standby is.
        base = "least(h.value, h.clock)" if in_doubt else "h.clock"
        wide = "timestamptz" if has_zone(self._type) else "timestamp"
        lookback = self._spec.lookback_seconds
        ahead = max(lookback, 1.0) + (slack + DAY_SECONDS if slack else 0.0)
        query = f"""
            SELECT ({base} - make_interval(secs => {lookback + grain + slack}))::text,
                   h.value > h.clock + make_interval(secs => {ahead})
            FROM (SELECT {self._literal(value)}::{wide} AS value,
                         {self._literal(clock)}::timestamptz::{wide} AS clock) AS h
        """
        row = ask(self._connection, query, self._select.row_security).fetchone()
        assert row is not None
        return row[0], row[1]

    def _literal(self, text: str) -> str:
        return sql.Literal(text).as_string(self._connection)

    def _fetch(self, statement: str) -> str | None:
        row = ask(self._connection, statement, self._select.row_security).fetchone()
        return None if row is None or row[0] is None else str(row[0])


def lasting_doubt(connection: psycopg.Connection[Any], select: str, row_security: str) -> str | None:
    """Why waiting can't help on this source; None when it can."""
    row = connection.execute(b"SELECT pg_is_in_recovery()").fetchone()
    if row and row[0]:
        return "the source is a standby, which does not know the transactions in progress on its primary"
    plan = [f"{line} " for (line,) in ask(connection, f"EXPLAIN (VERBOSE, COSTS OFF) {select}", row_security)]
    if any("Foreign Scan" in line for line in plan):
        return "the query reads foreign tables, whose transactions in progress are not known here"
    subscribed = [name for (name,) in ask(connection, _SUBSCRIBED, row_security)]
    if any(name in line for name in subscribed for line in plan):
        return "the query reads tables of a subscription, whose transactions in progress are not known here"
    return None
