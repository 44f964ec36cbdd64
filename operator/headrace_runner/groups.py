"""How many batches are committed at once: many small batches cost no more than few great ones."""

from dataclasses import dataclass, field

from headrace_runner.protocols import Batch

ROWS = 20_000
"""At 1,000 rows a commit 160,000 rows/s, at 20,000 420,000; at 40,000 and 100,000 no more."""
BYTES = 6 * 1024 * 1024
SECONDS = 0.25
"""What a commit may take, so that progress is seen several times a second."""
LINGER_SECONDS = 0.1
"""How long to wait for a group to fill up: longer would hold back the rows of a slow source."""
_BATCH_BYTES = 1024
"""What a batch takes beside its rows."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a group may hold; one batch it always may."""

    rows: int
    linger: float = LINGER_SECONDS
    """How long to wait for more batches, in seconds."""


FIRST = Limit(rows=0, linger=0.0)
"""The first batch goes alone, at once: somebody waits for a sign of life."""


def limit_after(rows: int, seconds: float) -> Limit:
    """For the group after one of so many rows that took so long to write."""
    return Limit(rows=min(ROWS, int(rows * SECONDS / max(seconds, 0.001))))


@dataclass
class Group:
    """Whole batches that follow each other."""

    limit: Limit
    batches: list[Batch] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    """In bytes."""

    def add(self, batch: Batch) -> None:
        """One more."""
        self.batches.append(batch)
        self.rows += len(batch.rows)
        self.size += size_of(batch)

    def has_room(self, batch: Batch) -> bool:
        """Whether it may join."""
        return self.rows + len(batch.rows) <= self.limit.rows and self.size + size_of(batch) <= BYTES

    @property
    def is_full(self) -> bool:
        """Another batch like the last one would have no room, or there is none."""
        last = self.batches[-1]
        return last.final or not self.has_room(last)


def size_of(batch: Batch) -> int:
    """In bytes."""
    return len(batch.rows.data) + batch.rows.ends.itemsize * len(batch.rows) + _BATCH_BYTES
