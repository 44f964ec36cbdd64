"""How far a stream may read now, and who may still commit below that."""

import math
import time
from collections.abc import Callable
from typing import Any

import psycopg

from headrace.runspec import RunSpec
from headrace_runner.projection import Projection
from headrace_runner.protocols import Horizon, Look, Position
from headrace_runner.sources.postgres.horizon import HorizonFinder, lasting_doubt
from headrace_runner.sources.postgres.lookback import grain_seconds
from headrace_runner.sources.postgres.select import Select
from headrace_runner.sources.postgres.transactions import transactions_in_progress, wait_until_ended

DOUBT_SECONDS = 300.0
"""For so long it holds what the source was: a standby that is promoted becomes one that knows its writers."""


class Lookout:
    """Looks again and again on one connection; raises psycopg.Error."""

    def __init__(
        self, connection: psycopg.Connection[Any], select: Select, projection: Projection, spec: RunSpec
    ) -> None:
        self._connection = connection
        self._select = select
        self._projection = projection
        self._spec = spec
        self._finder = HorizonFinder(connection, select, projection, spec)
        self._doubt: str | None = None
        self._asked = -math.inf
        """When it was asked whether there is a doubt."""
        self._last: Horizon | None = None

    def look(self, start: Position, known: frozenset[str], sleep: Callable[[float], None], patience: float) -> Look:
        """The value first, then the transactions: what begins later has a greater key.

        Most transactions are short: to wait a moment for those that are not `known` spares a second read.
        """
        greatest = self._finder.greatest()
        doubt = self._ask()
        in_progress: frozenset[str] = frozenset()
        if doubt is None:
            now = transactions_in_progress(self._connection)
            left = wait_until_ended(self._connection, now - known, sleep, patience)
            in_progress = (now & known) | left
        if self._last is None or self._last.value != greatest.value:
            self._last = self._finder.horizon(greatest, start, doubt)
        return Look(
            horizon=self._last,
            in_progress=in_progress,
            is_in_doubt=doubt is not None,
            late_seconds=self._late(greatest.value, is_in_doubt=doubt is not None),
        )

    def _ask(self) -> str | None:
        if time.monotonic() - self._asked > DOUBT_SECONDS:
            rows = self._select.rows(self._projection, Position())
            self._doubt = lasting_doubt(self._connection, rows, self._select.row_security)
            self._asked, self._last = time.monotonic(), None
        return self._doubt

    def _late(self, value: str | None, *, is_in_doubt: bool) -> float | None:
        if self._select.has_time_cursor():
            return self._spec.lookback_seconds + grain_seconds(value or "")
        if not self._finder.is_unique:
            return math.inf
        return self._spec.lookback_seconds if is_in_doubt else None
