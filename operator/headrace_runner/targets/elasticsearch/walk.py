"""Both sides in the order of their keys: what only one of them has. Pure; either side may be read as it comes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.errors import PermanentError
from headrace_runner.postgres.wire import text_fields
from headrace_runner.projection import Projection
from headrace_runner.shape import Shape, SourceColumn
from headrace_runner.targets.elasticsearch.ids import id_of
from headrace_runner.targets.elasticsearch.pages import Document

_INTEGERS = frozenset({"int2", "int4", "int8"})
_INTEGER_FIELDS = frozenset({"byte", "short", "integer", "long"})
_STRINGS = frozenset({"text", "varchar"})
_UTF8 = "UTF8"
"""Elasticsearch orders a keyword by its UTF-8, which is the order of Python's strings too."""
Key = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A key whose columns the source and the index order alike."""

    fields: tuple[str, ...]
    """What the index is sorted by."""
    are_numbers: tuple[bool, ...]

    def of_row(self, row: bytes) -> tuple[Key, str]:
        """The key of a row in COPY's text format that begins with the key columns, and its document's id.

        Raises PermanentError when there is a null in it.
        """
        texts = [field.decode() for field in text_fields(row, len(self.fields)) if field is not None]
        if len(texts) < len(self.fields):
            raise PermanentError("The query gives a row whose key is null", field="key_columns")
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
    columns = {column.name: column for column in shape.columns}
    for name in (field.name for field in projection.keys):
        column = columns[name]
        is_number = column.base in _INTEGERS
        if why := _orders_otherwise(column, shape.encoding):
            return f'column "{name}" {why}'
        field = _sortable(name, mapping, is_number=is_number)
        if field is None:
            return f'column "{name}" is mapped so that the index can\'t be sorted by it'
        fields.append(field)
        are_numbers.append(is_number)
    return Order(tuple(fields), tuple(are_numbers))


def _orders_otherwise(column: SourceColumn, encoding: str | None) -> str | None:
    """Why the source orders a column's values otherwise than the index does."""
    is_plain = column.base_is_builtin and not column.is_array
    # A uuid is ordered as its text is.
    if is_plain and (column.base in _INTEGERS or column.base == "uuid"):
        return None
    if not is_plain or column.base not in _STRINGS:
        return f"is a {column.type_name}, which Elasticsearch orders otherwise"
    return None if encoding == _UTF8 else f"is ordered by its bytes in {encoding}, not in UTF-8"


def _sortable(name: str, mapping: Mapping[str, Any], *, is_number: bool) -> str | None:
    """The field, or the one below it, by which the index is sorted as it is by the column."""
    field: Mapping[str, Any] = mapping
    for part in name.split("."):
        field = field.get("properties", {}).get(part, {})
    kinds = _INTEGER_FIELDS if is_number else {"keyword"}
    candidates = {name: field, **{f"{name}.{sub}": it for sub, it in field.get("fields", {}).items()}}
    # Some values would be left out, or stand elsewhere.
    odd = {"ignore_above", "normalizer", "null_value"}
    for path, candidate in candidates.items():
        if candidate.get("type") in kinds and candidate.get("doc_values", True) and not odd & set(candidate):
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
