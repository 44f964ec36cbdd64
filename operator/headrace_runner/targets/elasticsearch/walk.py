"""Both sides in the order of their keys: what only one of them has. Pure; either side may be read as it comes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace_runner.protocols import Projection, Shape
from headrace_runner.targets.elasticsearch.ids import id_of
from headrace_runner.targets.elasticsearch.pages import Document
from headrace_runner.wire import text_fields

_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_INTEGER_FIELDS = frozenset({"byte", "short", "integer", "long"})
_STRINGS = frozenset({"text", "character varying", "uuid"})
"""A uuid is ordered as its text is."""
_UTF8 = "UTF8"
"""Elasticsearch orders a keyword by its UTF-8, which is the order of Python's strings too."""
_MODIFIER = re.compile(r"\(\d+\)")
Key = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A key whose columns the source and the index order alike."""

    fields: tuple[str, ...]
    """What the index is sorted by."""
    are_numbers: tuple[bool, ...]

    def of_row(self, row: bytes) -> tuple[Key, str]:
        """The key of a row in COPY's text format that begins with the key columns, and its document's id."""
        texts = [(field or b"").decode() for field in text_fields(row, len(self.fields))]
        return tuple(int(text) if n else text for text, n in zip(texts, self.are_numbers, strict=True)), id_of(texts)

    def of_document(self, document: Document) -> Key | None:
        """A document's key; None for one that has not all its columns."""
        for value, is_number in zip(document.sort, self.are_numbers, strict=False):
            if not isinstance(value, int if is_number else str):
                return None
        return tuple(document.sort[: len(self.fields)])


def order_of(shape: Shape, projection: Projection, mapping: Mapping[str, Any]) -> Order | str:
    """How both sides order the projection's keys; or why they don't, in words that begin with the column."""
    fields, are_numbers = [], []
    types = {column.name: column.type_name for column in shape.columns}
    properties = mapping.get("properties", {})
    for key in projection.keys:
        type_name = _MODIFIER.sub("", types[key.name])
        is_number = type_name in _INTEGERS
        if not is_number and type_name not in _STRINGS:
            return f'column "{key.name}" is a {type_name}, which Elasticsearch orders otherwise'
        if not is_number and type_name != "uuid" and shape.encoding != _UTF8:
            return f'column "{key.name}" is ordered by its bytes in {shape.encoding}, and not in UTF-8'
        field = _sortable(key.name, properties.get(key.name, {}), is_number=is_number)
        if field is None:
            return f'column "{key.name}" is mapped so that the index can\'t be sorted by it'
        fields.append(field)
        are_numbers.append(is_number)
    return Order(tuple(fields), tuple(are_numbers))


def _sortable(name: str, field: Mapping[str, Any], *, is_number: bool) -> str | None:
    kinds = _INTEGER_FIELDS if is_number else {"keyword"}
    candidates = {name: field, **{f"{name}.{sub}": it for sub, it in field.get("fields", {}).items()}}
    for path, candidate in candidates.items():
        has_values = candidate.get("doc_values", True) and "ignore_above" not in candidate
        # With a normalizer, or a value in place of null, it is ordered by something else.
        is_plain = "normalizer" not in candidate and "null_value" not in candidate
        if candidate.get("type") in kinds and has_values and is_plain:
            return path
    return None


class Walk:
    """Takes the source's keys one after the other, upwards, and holds the index against them."""

    def __init__(self, order: Order, pages: Iterator[Sequence[Document]]) -> None:
        self._order = order
        self._documents = (document for page in pages for document in page)
        self._document: Document | None = None
        self._key: Key | None = None
        self._next()

    def passes(self, row: bytes) -> tuple[bool, list[Document]]:
        """Whether the index has the row's document, and the documents before it that no row has."""
        key, document_id = self._order.of_row(row)
        is_there, extra = False, []
        # One without a whole key may stand anywhere: it is passed at once, lest all that follow it stay behind.
        while self._document is not None and (self._key is None or self._key <= key):
            if self._key == key and self._document.id == document_id:
                is_there = True
            else:
                extra.append(self._document)
            self._next()
        return is_there, extra

    def rest(self) -> Iterator[Document]:
        """After the last row: what the index has beyond it."""
        while self._document is not None:
            yield self._document
            self._next()

    def _next(self) -> None:
        self._document = next(self._documents, None)
        self._key = None if self._document is None else self._order.of_document(self._document)
