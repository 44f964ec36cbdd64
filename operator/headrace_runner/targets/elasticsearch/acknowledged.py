"""Which batches are in the index, in their order: one waits for all its rows, and for all batches before it."""

import dataclasses
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace_runner.protocols import Batch
from headrace_runner.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that the index refuses: nothing of it is written, whatever was there before stays."""

    document_id: str
    document: bytes
    """Empty when it was to be deleted."""
    error_type: str
    """Elasticsearch's, `document_parsing_exception` for one."""
    reason: str
    """In Elasticsearch's words, with what caused it."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of some rows of one batch."""

    written: int = 0
    """In the index, or deleted from it; with drawn versions also what an earlier attempt had sent."""
    unchanged: int = 0
    """The index has them in this version or a later one; only where a column is the version."""
    bad: list[BadRow] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows it speaks of."""
        return self.written + self.unchanged + len(self.bad)

    def add(self, other: "Tally") -> None:
        """What became of more of them."""
        self.written += other.written
        self.unchanged += other.unchanged
        self.bad += other.bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A batch of which each row is in the index, or refused by it for good."""

    batch: Batch
    """As it was put, but its rows have only their number: their bytes are gone."""
    written: int
    unchanged: int
    bad: tuple[BadRow, ...]


class Acknowledgements:
    """Batches that are under way, by numbers that count up."""

    def __init__(self) -> None:
        self._open: deque[tuple[Batch, Tally]] = deque()
        self._first = 0
        """The number of the first that is open."""

    def __bool__(self) -> bool:
        return bool(self._open)

    def open(self, batch: Batch) -> int:
        """One more batch; returns its number."""
        self._open.append((_without_data(batch), Tally()))
        return self._first + len(self._open) - 1

    def settle(self, tallies: Mapping[int, Tally]) -> list[Acknowledged]:
        """What became of rows, by batch; returns the batches that are thereby acknowledged."""
        for number, tally in tallies.items():
            self._open[number - self._first][1].add(tally)
        done = []
        while self._open and self._open[0][1].rows >= len(self._open[0][0].rows):
            batch, tally = self._open.popleft()
            self._first += 1
            done.append(
                Acknowledged(batch=batch, written=tally.written, unchanged=tally.unchanged, bad=tuple(tally.bad))
            )
        return done


def _without_data(batch: Batch) -> Batch:
    return dataclasses.replace(batch, rows=Rows(b"", batch.rows.ends))
