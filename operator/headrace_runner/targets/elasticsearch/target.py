"""An Elasticsearch index as a target: documents by their keys; fence and checkpoint lie in the store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace.errors import PermanentError
from headrace.runspec import Mode, RunSpec
from headrace.search.endpoint import Endpoint
from headrace_runner.ahead import Ahead
from headrace_runner.credentials import elasticsearch_of
from headrace_runner.identity import Identity, identity_of
from headrace_runner.projection import Documents, Field, Projection
from headrace_runner.protocols import Batch, Checkpoint, Comparison, Position, Start
from headrace_runner.settings import Settings
from headrace_runner.shape import Shape
from headrace_runner.targets.elasticsearch.checkpoint import StoreCheckpoint
from headrace_runner.targets.elasticsearch.client import open_client
from headrace_runner.targets.elasticsearch.closing import Closing
from headrace_runner.targets.elasticsearch.comparison import compare
from headrace_runner.targets.elasticsearch.ids import id_of
from headrace_runner.targets.elasticsearch.indices import Index, Indices, count_of
from headrace_runner.targets.elasticsearch.mapping import documents_of, key_fields
from headrace_runner.targets.elasticsearch.meta import DRAWN
from headrace_runner.targets.elasticsearch.senders import Senders
from headrace_runner.targets.elasticsearch.transport import Connection
from headrace_runner.targets.elasticsearch.walk import Order, order_of
from headrace_runner.targets.elasticsearch.writer import Writer

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


QUERY_CHANGED = "QueryChanged"
_OLD_ROWS = (
    "The query changed: with versionColumn, rows that are not newer stay in the index as the query before gave them; "
    "it was not made by Headrace, and a rebuild would replace it"
)


class ElasticsearchTarget:
    """One run's index. Call `claim`, `prepare`, then `begin` and `write` for each group of batches, or `replay`."""

    def __init__(self, spec: RunSpec, settings: Settings, owner: str) -> None:
        if settings.elasticsearch is None:
            raise PermanentError("The environment lacks HEADRACE_ELASTICSEARCH_URL")
        self.notes: dict[str, str] = {}
        self._spec = spec
        self._endpoint = Endpoint.from_settings(elasticsearch_of(settings.elasticsearch))
        # It takes 0.2 s of imports, while the fence is taken and the query is looked at.
        self._opening = Ahead(lambda: open_client(self._endpoint))
        self._opened: Elasticsearch | None = None
        self._row = StoreCheckpoint(spec, settings, owner)
        self._checkpoint = Checkpoint(holder=0)
        self._key: tuple[str, ...] = ()
        self._keys: tuple[Field, ...] = ()
        self._shape = Shape(())
        self._indices: Indices | None = None
        self._index: Index | None = None
        self._senders: Senders | None = None
        self._writer: Writer | None = None
        self._is_whole = False
        """The run reads from the beginning."""
        self._order: Order | None = None
        self._closing: Closing | None = None

    def claim(self, *, held_before: bool) -> Checkpoint:
        """Takes the fence, unless this run is done; raises FencedError when a newer process has it."""
        self._checkpoint = self._row.take(held_before=held_before)
        return self._checkpoint

    def prepare(self, shape: Shape) -> Projection:
        """Finds the index, or makes the next one; raises PermanentError that names what does not fit."""
        self._key = self._spec.key_columns or shape.primary_key
        if not self._key:
            message = "The documents of an index need a key: set keyColumns to columns that identify a row"
            raise PermanentError(message, field="key_columns")
        cursor = self._spec.incremental_key if self._spec.has_cursor else None
        self._keys = key_fields(shape, self._key)
        self._shape = shape
        fields, mapping = documents_of(shape, self._spec, self._key)
        self._indices = Indices(self._client(), self._spec, self._row.check)
        self._index = self._indices.open(
            mapping=mapping,
            key_columns=self._key,
            version_rule=self._spec.version_column or DRAWN,
            checkpoint=self._checkpoint,
            place=shape.place,
        )
        if self._indices.query_changed:
            self.notes[QUERY_CHANGED] = _OLD_ROWS
        documents = Documents(
            fields=tuple(fields),
            version_column=self._spec.version_column,
            draw_version=None if self._spec.version_column else self._row.draw_version,
            soft_delete_column=self._spec.soft_delete_column,
        )
        projection = Projection(keys=self._keys, others=(), cursor=cursor, binary=False, documents=documents)
        if self._spec.mode == Mode.FULL and self._spec.prune and self._spec.version_column is not None:
            self._order = _order(shape, projection, self._indices.mapping)
        return projection

    def identity(self) -> Identity:
        """The index's uuid with the key and the cursor; valid after `prepare`."""
        assert self._index is not None
        types = {column.name: column.type_name for column in self._shape.columns}
        key = {name: types[name] for name in self._key}
        return identity_of(self._spec, self._shape, target_id=self._index.uuid, key=key)

    def holds(self, key: tuple[str, ...]) -> bool:
        """Whether the document with this key is there; true where it need not be, though its row was written."""
        assert self._indices is not None
        if self._spec.soft_delete_column is not None or self._spec.max_bad_rows:
            return True
        return self._indices.holds(id_of(key))

    def begin(self, start: Start) -> None:
        """Saves where the run starts, and makes ready to write."""
        assert self._indices is not None
        assert self._index is not None
        if self._index.is_building and not self._index.is_new and start.position.key is None:
            self._index = self._indices.renew()
            start = dataclasses.replace(start, identity=self.identity())
        self._row.begin(start)
        self._is_whole = start.position.key is None
        started = dataclasses.replace(
            self._checkpoint,
            run_id=self._spec.run_id,
            identity=start.identity,
            position=start.position,
            counters=start.counters,
            done=False,
        )
        self._open_writer(started)

    def write(self, batches: Sequence[Batch]) -> Checkpoint:
        """Takes batches; the checkpoint says which of them, and of those before, are in the index."""
        assert self._writer is not None
        checkpoint = self._writer.write(batches)
        if not batches[-1].final:
            return checkpoint
        closing = self._close_with(self._writer)
        if self._spec.is_stream:
            closing.show()
            return checkpoint
        self._closing = closing
        return closing.begin()

    def resume_at(self, position: Position) -> None:
        """Saves that the next process begins there."""
        assert self._writer is not None
        self._writer.resume_at(position)

    def progress(self) -> Checkpoint | None:
        """What was acknowledged and saved since."""
        return None if self._writer is None or self._closing is not None else self._writer.progress()

    def settle(self) -> Checkpoint | None:
        """Waits for what is under way."""
        return None if self._writer is None or self._closing is not None else self._writer.settle()

    def rereads(self) -> Projection | None:
        """All keys, where versions don't tell which documents the run saw."""
        return None if self._closing is None else self._closing.rereads()

    def keep(self, batches: Sequence[Batch]) -> Checkpoint:
        """Takes some more of all keys; with the last, documents without one of them are deleted and the run is done."""
        assert self._closing is not None
        return self._closing.keep(batches)

    def refused_keys(self) -> list[tuple[str, ...]]:
        """The keys of the rows that the index refused."""
        return self._row.letter_keys()

    def replay(self, keys: Sequence[tuple[str, ...]], batches: Iterable[Batch]) -> Checkpoint:
        """Sends what there is of these keys; only what is refused again stays aside."""
        if self._writer is None:
            self._open_writer(Checkpoint(holder=self._checkpoint.holder))
        assert self._writer is not None
        assert self._indices is not None
        checkpoint = self._writer.replay(keys, batches)
        self._indices.refresh()
        return checkpoint

    def compare(self, shape: Shape, read: Callable[[Projection], Iterator[Batch]]) -> Comparison | str:
        """Holds the source's keys against those of the index that readers see."""
        return compare(self._client(), self._spec, shape, read)

    def count(self) -> int:
        """How many documents readers see; 0 when there is no index."""
        return count_of(self._client(), self._spec.target_table)

    def cancel(self) -> None:
        """Ends the requests in hand, from another thread."""
        if self._senders is not None:
            self._senders.cancel()
        self._row.cancel()

    def close(self) -> None:
        """Lets go of all connections."""
        if self._senders is not None:
            self._senders.close()
        if self._closing is not None:
            self._closing.close()
        self._opening.close()
        if self._opened is not None:
            self._opened.close()
        self._row.close()

    def _client(self) -> Elasticsearch:
        if self._opened is None:
            self._opened = self._opening.take()
        return self._opened

    def _open_writer(self, checkpoint: Checkpoint) -> None:
        assert self._index is not None
        self._senders = Senders(
            lambda: Connection(self._endpoint),
            index=self._index.post_to,
            require_alias=self._index.require_alias,
            check=self._row.check,
            wants_status=self._spec.version_column is not None,
        )
        self._writer = Writer(self._spec, self._senders, self._row, self._key, checkpoint)

    def _close_with(self, writer: Writer) -> Closing:
        assert self._indices is not None
        assert self._index is not None
        assert self._senders is not None
        return Closing(
            self._client(),
            self._spec,
            self._indices,
            self._index,
            self._row,
            self._senders,
            writer,
            order=self._order,
            key_projection=Projection(keys=self._keys, others=(), binary=False),
            is_whole=self._is_whole,
        )


def _order(shape: Shape, projection: Projection, mapping: Mapping[str, Any]) -> Order:
    order = order_of(shape, projection, mapping)
    if isinstance(order, str):
        message = (
            "With a version column rows that left the query are found by comparing the keys of both sides in order, "
            f"and {order}: set prune to false, or leave versionColumn out"
        )
        raise PermanentError(message, field="version_column")
    return order
