"""What comes after a run's last row: what left the query is deleted, and readers see what was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace.errors import PermanentError
from headrace.runspec import Mode, RunSpec
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Checkpoint, Counters
from headrace_runner.targets.elasticsearch.checkpoint import StoreCheckpoint
from headrace_runner.targets.elasticsearch.client import translated
from headrace_runner.targets.elasticsearch.emptiness import refuse_empty
from headrace_runner.targets.elasticsearch.indices import Index, Indices, count_of
from headrace_runner.targets.elasticsearch.prune import WalkPruner, prune_unseen
from headrace_runner.targets.elasticsearch.senders import Senders
from headrace_runner.targets.elasticsearch.walk import Order
from headrace_runner.targets.elasticsearch.writer import Writer

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


class Closing:
    """Call `begin` when all rows are acknowledged; then `keep` the keys that `rereads` asks for, if any."""

    def __init__(
        self,
        client: Elasticsearch,
        spec: RunSpec,
        indices: Indices,
        index: Index,
        row: StoreCheckpoint,
        senders: Senders,
        writer: Writer,
        *,
        order: Order | None,
        key_projection: Projection,
        is_whole: bool,
    ) -> None:
        """`order`: how both sides are compared where versions don't tell what was read; `is_whole`: all rows were."""
        self._client = client
        self._spec = spec
        self._indices = indices
        self._index = index
        self._row = row
        self._senders = senders
        self._writer = writer
        self._order = order
        self._key_projection = key_projection
        self._is_whole = is_whole
        self._pruner: WalkPruner | None = None
        self._failure: PermanentError | None = None

    def begin(self) -> Checkpoint:
        """Done with that, unless keys have to be read again."""
        if not self._prunes:
            return self._finish(0)
        if self._writer.checkpoint.position.key is None:
            refuse_empty(self._spec, count_of(self._client, self._spec.target_table))
        if self._holds_only_what_was_read():
            return self._finish(0)
        if self._order is None:
            return self._finish(self._prune_unseen())
        with translated():
            self._pruner = WalkPruner(self._client, self._index.name, self._senders, self._order)
        return self._writer.checkpoint

    def show(self) -> None:
        """Lets readers see what a stream has written; raises TransientError when the index is another one by now."""
        least, most = self._bounds(self._writer.checkpoint.counters)
        self._indices.finish(least=least, most=most)

    def rereads(self) -> Projection | None:
        """All keys, where versions don't tell which documents were read."""
        return None if self._pruner is None else self._key_projection

    def keep(self, batches: Sequence[Batch]) -> Checkpoint:
        """Takes some more of all keys; with the last, documents without one of them are deleted and the run is done."""
        assert self._pruner is not None
        if self._failure is not None:
            raise self._failure
        try:
            with translated():
                self._pruner.keep(batches)
                deleted = self._pruner.finish() if batches[-1].final and self._pruner.rows else 0
        except PermanentError as error:
            # What was taken can't be taken again.
            self._failure = error
            raise
        if not batches[-1].final:
            return self._writer.checkpoint
        if not self._pruner.rows:
            refuse_empty(self._spec, count_of(self._client, self._spec.target_table))
            with translated():
                deleted = self._pruner.finish()
        return self._finish(deleted)

    def close(self) -> None:
        """Lets go of what is open in Elasticsearch."""
        if self._pruner is not None:
            self._pruner.close()

    @property
    def _prunes(self) -> bool:
        return self._spec.mode == Mode.FULL and self._spec.prune

    def _holds_only_what_was_read(self) -> bool:
        """No document is in the index that this read did not bring.

        Else all ids of the index are looked through, 6 s for 500,000; a full run reads each key once, so a count tells.
        """
        if self._is_whole and self._index.is_building:
            return True
        self._indices.refresh()
        counters = self._writer.checkpoint.counters
        read = counters.rows_read - counters.bad_rows
        return self._is_whole and self._spec.soft_delete_column is None and self._indices.count() == read

    def _prune_unseen(self) -> int:
        with translated():
            return prune_unseen(
                self._client,
                self._index.name,
                self._senders,
                below=self._row.first_version,
                version=self._row.draw_version(),
                spared=self._row.letter_ids(),
            )

    def _finish(self, deleted: int) -> Checkpoint:
        least, most = self._bounds(self._writer.checkpoint.counters)
        if deleted:
            self._writer.add_deleted(deleted)
        self._indices.finish(least=least, most=most)
        return self._writer.finish()

    def _bounds(self, counters: Counters) -> tuple[int, int | None]:
        """How many documents an index must hold at least, and at most, that only this run has written."""
        most = counters.rows_read - counters.bad_rows if self._is_whole else None
        # A row that is read twice, behind its cursor, is one document, and a soft deletion is none.
        is_exact = self._spec.mode == Mode.FULL and self._spec.soft_delete_column is None
        return counters.rows_written if is_exact else 0, most
