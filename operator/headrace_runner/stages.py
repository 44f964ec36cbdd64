"""The three stages of a run as it measures them: extract, transform, load.

extract: rows that came from the source; transform: rows in the form that the target takes, handed to it; load: rows
that were committed. What an attempt read and did not commit is read again, and counts once: each attempt begins at what
is committed. Times are this machine's.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from headrace_runner.protocols import Counters

EXTRACT, TRANSFORM, LOAD = STAGES = ("extract", "transform", "load")
PENDING, RUNNING, SUCCESS, FAILED, CANCELLED = "PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED"


@dataclass(slots=True)
class Stage:
    """One of them; texts of times are RFC 3339 UTC with `Z`."""

    state: str = PENDING
    started_at: str | None = None
    finished_at: str | None = None
    rows_read: int = 0
    rows_written: int = 0
    """Handed on; of `load`: inserted, updated or deleted."""


class Stages:
    """All three; `at` is the one that an error would be of."""

    def __init__(self, before: Mapping[str, Any] | None = None) -> None:
        """`before`: what an earlier process of the run reported."""
        self._stages = {name: _stage((before or {}).get(name)) for name in STAGES}
        self.at = LOAD

    def begin_attempt(self, counters: Counters) -> None:
        """From what is committed; what had begun before goes on."""
        for stage in self._stages.values():
            stage.rows_read = stage.rows_written = counters.rows_read
            stage.finished_at = None
            stage.state = PENDING if stage.started_at is None else RUNNING
        self.commit(counters)

    def begin(self, name: str) -> None:
        """It goes on; the first time it starts."""
        stage = self._stages[name]
        if stage.state != RUNNING:
            stage.state, stage.finished_at = RUNNING, None
            stage.started_at = stage.started_at or _now()

    def pass_on(self, name: str, rows: int) -> None:
        """So many rows more went through it."""
        stage = self._stages[name]
        stage.rows_read += rows
        stage.rows_written += rows

    def commit(self, counters: Counters) -> None:
        """What is committed by now."""
        load = self._stages[LOAD]
        load.rows_read, load.rows_written = counters.rows_read, counters.rows_written

    def end(self, name: str) -> None:
        """Its last row went through it."""
        stage = self._stages[name]
        if stage.state != SUCCESS:
            now = _now()
            stage.state, stage.finished_at = SUCCESS, now
            stage.started_at = stage.started_at or now

    def succeed(self, counters: Counters) -> None:
        """The run is done."""
        for name in STAGES:
            self.end(name)
        for name in (EXTRACT, TRANSFORM):
            self._stages[name].rows_read = self._stages[name].rows_written = counters.rows_read
        self.commit(counters)

    def fail(self) -> None:
        """The stage at hand failed; the others that had not ended are cancelled, unless they never began."""
        now = _now()
        for name, stage in self._stages.items():
            if name == self.at:
                stage.state, stage.finished_at = FAILED, now
            elif stage.state == RUNNING:
                stage.state, stage.finished_at = CANCELLED, now

    def as_json(self) -> dict[str, Any]:
        """By name, as the store keeps them."""
        return {name: asdict(stage) for name, stage in self._stages.items()}


def _stage(before: Mapping[str, Any] | None) -> Stage:
    known = Stage.__slots__
    return Stage(**{name: value for name, value in (before or {}).items() if name in known})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
