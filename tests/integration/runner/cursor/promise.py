"""What an incremental run promises of each row, computed from what was committed and what runs could see. Pure.

A version of a row is promised unless a run passed it: before it was committed, a run that did not wait for its
transaction read up to a value above its own. Where the cursor is a time, a version that is younger than the lookback
when it is committed is promised all the same; where it is a number, one that has the very value a run read up to.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Version:
    """One row as one transaction left it."""

    key: int
    number: int
    """Unlike that of any other version."""
    cursor: Any


@dataclass
class Promise:
    """The source's history, and what of it the target must hold."""

    lookback: dt.timedelta | None
    """None: the cursor is no time."""
    passed: Any = None
    """The greatest value that a run has read up to."""
    rows: dict[int, Version] = field(default_factory=dict)
    """What the source holds."""
    promised: dict[int, bool] = field(default_factory=dict)
    history: set[tuple[int, int]] = field(default_factory=set)
    """Every version that was ever committed: key and number."""

    def read_up_to(self, greatest: Any) -> None:
        """A run begins, and does not wait for what is committed later."""
        if greatest is not None and (self.passed is None or greatest > self.passed):
            self.passed = greatest

    def commit(self, version: Version, clock: dt.datetime, passed: Any) -> None:
        """A version becomes visible that runs have read up to `passed` without."""
        self.rows[version.key] = version
        self.promised[version.key] = self._holds(version, clock, passed)
        self.history.add((version.key, version.number))

    def delete(self, key: int) -> None:
        """A row goes; the target keeps it."""
        self.rows.pop(key, None)
        self.promised.pop(key, None)

    def broken(self, target: dict[int, int]) -> list[str]:
        """What the target, a version's number for each key, lacks or should not have."""
        return [
            f"{dataclasses.asdict(version)} was promised, the target has {target.get(key)}"
            for key, version in self.rows.items()
            if self.promised[key] and target.get(key) != version.number
        ] + [
            f"the target has version {number} of {key}, which was never committed"
            for key, number in target.items()
            if (key, number) not in self.history
        ]

    def _holds(self, version: Version, clock: dt.datetime, passed: Any) -> bool:
        if passed is None or version.cursor > passed:
            return True
        if self.lookback is None:
            return bool(version.cursor == passed)
        return bool(clock - version.cursor <= self.lookback)
