"""Holds the source's keys against those of the index that readers see, and changes nothing: also beside a load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from headrace.runspec import RunSpec
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Comparison
from headrace_runner.shape import Shape
from headrace_runner.targets.elasticsearch.client import translated
from headrace_runner.targets.elasticsearch.found import observe
from headrace_runner.targets.elasticsearch.mapping import key_fields
from headrace_runner.targets.elasticsearch.pages import Document, pages_of
from headrace_runner.targets.elasticsearch.walk import Order, Walk, order_of

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

SHOWN = 10
"""Keys that are named, of each kind."""


def compare(
    client: Elasticsearch, spec: RunSpec, shape: Shape, read: Callable[[Projection], Iterator[Batch]]
) -> Comparison | str:
    """Both sides in key order; or why they can only be counted."""
    key = spec.key_columns or shape.primary_key
    if not key:
        return "Only the counts were compared: no key columns are set"
    projection = Projection(keys=key_fields(shape, key), others=(), binary=False)
    with translated():
        live = observe(client, spec.target_table).live
        if live is None:
            return "There is no index yet"
        order = order_of(shape, projection, live.mapping)
        if isinstance(order, str):
            return f"Only the counts were compared: {order}"
        with closing(pages_of(client, live.name, order.fields)) as pages:
            differences = _Differences(order, pages)
            for batch in read(projection):
                differences.add(batch)
            return differences.all()


class _Differences:
    """What only one of both sides has, counted, and the first few by name."""

    def __init__(self, order: Order, pages: Iterator[list[Document]]) -> None:
        self._order = order
        self._walk = Walk(order, pages)
        self._rows = 0
        self._missing = 0
        self._extra = 0
        self._missing_keys: list[str] = []
        self._extra_keys: list[str] = []

    def add(self, batch: Batch) -> None:
        """Some rows more."""
        for row in batch.rows.split():
            is_there, extra = self._walk.passes(row)
            for document in extra:
                self._add_extra(document)
            if not is_there:
                self._missing += 1
                if len(self._missing_keys) < SHOWN:
                    self._missing_keys.append(self._order.of_row(row)[1])
        self._rows += len(batch.rows)

    def all(self) -> Comparison:
        """After the last row."""
        for document in self._walk.rest():
            self._add_extra(document)
        return Comparison(
            source_count=self._rows,
            target_count=self._rows - self._missing + self._extra,
            missing=self._missing,
            extra=self._extra,
            missing_keys=tuple(self._missing_keys),
            extra_keys=tuple(self._extra_keys),
        )

    def _add_extra(self, document: Document) -> None:
        self._extra += 1
        if len(self._extra_keys) < SHOWN:
            self._extra_keys.append(document.id)
