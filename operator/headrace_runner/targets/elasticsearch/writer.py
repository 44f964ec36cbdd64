"""Sends batches, and moves the checkpoint behind those that were acknowledged."""

import dataclasses
import time
from collections.abc import Iterable, Sequence

from headrace.errors import PermanentError, TransientError
from headrace.runspec import RunSpec
from headrace.store.dead_letters import Letter
from headrace_runner.protocols import Batch, Checkpoint, Position
from headrace_runner.targets.elasticsearch.checkpoint import StoreCheckpoint
from headrace_runner.targets.elasticsearch.ids import key_of
from headrace_runner.targets.elasticsearch.senders import Acknowledged, BadRow, Senders

SAVE_SECONDS = 0.25
"""Between two saves while rows move: each costs 2 ms, and the store is told no more often."""
NAMED = 3
"""So many bad rows are named when a run fails for them."""


class Writer:
    """Holds the run's checkpoint as it was last saved."""

    def __init__(
        self,
        spec: RunSpec,
        senders: Senders,
        row: StoreCheckpoint,
        key_columns: tuple[str, ...],
        checkpoint: Checkpoint,
    ) -> None:
        self._spec = spec
        self._senders = senders
        self._row = row
        self._key_columns = key_columns
        self._refused: list[Letter] = []
        self._failure: PermanentError | None = None
        self._due = 0.0
        """When to save again, by the monotonic clock."""
        self.checkpoint = checkpoint

    def write(self, batches: Sequence[Batch]) -> Checkpoint:
        """Takes batches; waits for all of them with the final one, and saves that.

        Raises PermanentError when more rows were refused than may be, and from then on always.
        """
        self._raise_failure()
        try:
            for batch in batches:
                if batch.rows:
                    self._senders.put(batch)
        except TransientError:
            # The next attempt begins behind what was acknowledged before.
            self._save(self._senders.done())
            raise
        return self.settle() if batches[-1].final else self.checkpoint

    def progress(self) -> Checkpoint | None:
        """Saves what was acknowledged, now and then; None when there is nothing to save."""
        if time.monotonic() < self._due:
            return None
        before = self.checkpoint
        self._save(self._senders.done())
        return None if self.checkpoint is before else self.checkpoint

    def settle(self) -> Checkpoint:
        """Waits until all that was taken is acknowledged, and saves that."""
        try:
            self._senders.flush()
        finally:
            self._save(self._senders.done())
        return self.checkpoint

    def resume_at(self, position: Position) -> None:
        """Saves that the next process begins there."""
        self._row.save(position, self.checkpoint.counters)

    def replay(self, keys: Sequence[tuple[str, ...]], batches: Iterable[Batch]) -> Checkpoint:
        """Sends the rows that there are of these keys; those that are refused again stay aside, all others do not."""
        counters = self.checkpoint.counters
        letters: list[Letter] = []
        for batch in batches:
            if batch.rows:
                self._senders.put(batch)
        self._senders.flush()
        for done in self._senders.done():
            refused = self._letters(done.bad)
            letters += refused
            rows = len(done.batch.rows)
            counters = counters.plus(rows_read=rows, rows_written=done.written, batches=1, bad_rows=len(refused))
        self._row.replace_letters(keys, letters)
        self.checkpoint = dataclasses.replace(self.checkpoint, counters=counters)
        return self.checkpoint

    def add_deleted(self, rows: int) -> None:
        """Counts documents that were deleted because the query no longer gives them."""
        counters = self.checkpoint.counters.plus(rows_read=0, rows_written=rows, batches=1)
        self._row.save(self.checkpoint.position, counters)
        self.checkpoint = dataclasses.replace(self.checkpoint, counters=counters)

    def finish(self) -> Checkpoint:
        """Saves that the run is done."""
        self._row.save(self.checkpoint.position, self.checkpoint.counters, done=True)
        self.checkpoint = dataclasses.replace(self.checkpoint, done=True)
        return self.checkpoint

    def _save(self, acknowledged: Sequence[Acknowledged]) -> None:
        if not acknowledged:
            return
        self._due = time.monotonic() + SAVE_SECONDS
        position, counters = self.checkpoint.position, self.checkpoint.counters
        saved = position
        letters: list[Letter] = []
        for done in acknowledged:
            refused = self._letters(done.bad)
            self._refused = (self._refused + refused)[:NAMED]
            if counters.bad_rows + len(refused) > self._spec.max_bad_rows:
                self._failure = _too_many(self._refused, counters.bad_rows + len(refused), self._spec.max_bad_rows)
                break
            letters += refused
            rows = len(done.batch.rows)
            counters = counters.plus(rows_read=rows, rows_written=done.written, batches=1, bad_rows=len(refused))
            position = _after(done.batch)
            saved = done.batch.resume_at or position
        self._row.save(saved, counters, letters)
        self.checkpoint = dataclasses.replace(self.checkpoint, position=position, counters=counters)
        self._raise_failure()

    def _letters(self, bad: Sequence[BadRow]) -> list[Letter]:
        return [
            Letter(
                document_id=row.document_id,
                key=key_of(row.document_id, row.document, self._key_columns),
                document=row.document,
                error_type=row.error_type,
                reason=row.reason,
            )
            for row in bad
        ]

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _after(batch: Batch) -> Position:
    assert batch.last is not None
    key = tuple((text or b"").decode() for text in batch.last.key)
    value = None if batch.last.value is None else batch.last.value.decode()
    return Position(key=key, value=value, look_back=batch.unsettled)


def _too_many(refused: Sequence[Letter], count: int, most: int) -> PermanentError:
    named = "; ".join(f"({', '.join(letter.key)}): {letter.reason}" for letter in refused)
    allowed = f"maxBadRows is {most}"
    more = f" and {count - len(refused)} more" if count > len(refused) else ""
    rows = "1 row" if count == 1 else f"{count} rows"
    return PermanentError(f"The index refused {rows}, and {allowed}: {named}{more}", field="max_bad_rows")
