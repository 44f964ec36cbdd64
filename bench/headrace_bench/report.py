"""What a benchmark found: its lines, kept as JSON with every single run."""

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from headrace_bench.words import WORDS, Words


@dataclass(frozen=True, slots=True)
class Measured:
    """One verified run; None is what could not be seen from outside."""

    seconds: float
    cpu_seconds: float | None
    peak_bytes: int | None
    wal_bytes: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A run and the plain pipe right before it: what the machine does at the time, it does to both."""

    run: Measured
    plain: Measured
    bare: Measured | None = None
    """The bare runner with the same work, between the two; only for runs on the cluster."""

    @property
    def ratio(self) -> float:
        """2.0 is twice as fast as the plain pipe."""
        return self.plain.seconds / self.run.seconds


@dataclass(frozen=True, slots=True)
class Line:
    """One case, with all its runs."""

    name: str
    title: str
    headrace: bool
    """Whether its memory is the runner's."""
    pairs: list[Pair]
    rows: int | None = None
    """How many were moved, where it is not as many as in the others."""

    @property
    def ratio(self) -> float:
        """The median of the ratios, each to the plain pipe beside it."""
        return statistics.median(pair.ratio for pair in self.pairs)

    @property
    def extra_seconds(self) -> float | None:
        """The median of what a run on the cluster takes longer than the bare runner beside it."""
        return _median(pair.run.seconds - pair.bare.seconds for pair in self.pairs if pair.bare)

    @property
    def peak_bytes(self) -> int | None:
        """The largest of all runs."""
        return max((pair.run.peak_bytes for pair in self.pairs if pair.run.peak_bytes), default=None)

    def median(self, value: Callable[[Measured], float | None], *, of_plain: bool = False) -> float | None:
        """The median of one value of all runs, or of the plain pipes beside them."""
        values = (value(pair.plain if of_plain else pair.run) for pair in self.pairs)
        return _median(found for found in values if found is not None)


@dataclass(frozen=True, slots=True)
class Report:
    """All of a benchmark."""

    kind: str
    """`bench`, `peers` or `elasticsearch`."""
    started: str
    rows: int
    row_bytes: float
    rounds: int
    postgres: str
    machine: dict[str, str]
    settings: dict[str, str]
    lines: list[Line] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    """What did not run, or ran and left a wrong target, with the reason."""
    elasticsearch: str | None = None
    """The version of the one that was written."""

    @property
    def words(self) -> Words:
        """What things are called in it."""
        return WORDS[self.kind]

    def line(self, name: str) -> Line | None:
        """The line of a case, when it was measured."""
        return next((line for line in self.lines if line.name == name), None)

    def add(self, name: str, title: str, pair: Pair, *, headrace: bool = True, rows: int | None = None) -> None:
        """Adds a run to its line."""
        line = self.line(name)
        if line is None:
            line = Line(name, title, headrace, [], rows)
            self.lines.append(line)
        line.pairs.append(pair)

    def keeping(self, earlier: Self, again: Callable[[str], bool]) -> Self:
        """The same, with the lines of an earlier one that are not measured again; none from other rows or servers."""
        if (earlier.rows, earlier.postgres) != (self.rows, self.postgres):
            return self
        lines = [line for line in earlier.lines if not again(line.name)]
        failures = {name: why for name, why in earlier.failures.items() if not again(name)}
        return replace(self, lines=lines + self.lines, failures=failures | self.failures)

    def save(self, path: Path) -> None:
        """Writes JSON, or leaves what was there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(self), indent=1) + "\n")
        unfinished.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote."""
        values: dict[str, Any] = json.loads(path.read_text())
        lines = [Line(**{**line, "pairs": [_pair(pair) for pair in line["pairs"]]}) for line in values.pop("lines")]
        return cls(**values, lines=lines)


def _pair(values: dict[str, Any]) -> Pair:
    bare = Measured(**values["bare"]) if values["bare"] else None
    return Pair(Measured(**values["run"]), Measured(**values["plain"]), bare)


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None
