"""What a source sends: columns as its target wants them, or documents made of them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of the stream: the source casts it, so that the target takes its bytes as they are."""

    name: str
    type_name: str | None
    """What the source casts to; None leaves the column as it is."""
    is_text: bool = False
    """Ordered and compared by bytes."""
    is_builtin: bool = True
    """What it is cast to has its operators in pg_catalog."""


class JsonForm(Enum):
    """How a column's value stands in a document."""

    PLAIN = auto()
    """As Postgres's own to_json writes it."""
    TEXT = auto()
    """Its text form, a string."""
    JSON = auto()
    """As to_json writes it, but without raw newlines, which the JSON of a user may have."""
    BASE64 = auto()
    """Bytes, in base64 without newlines."""
    GEO_POINT = auto()
    """A point as an array, longitude first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentField:
    """One field of a document, which has the column's name."""

    name: str
    form: JsonForm = JsonForm.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Rows as documents: for each one line that says what to do, and one with the document.

    https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
    """

    fields: tuple[DocumentField, ...]
    """All columns that a document has, in the query's order."""
    version_column: str | None = None
    """Its value is the document's version; None: the version is drawn."""
    draw_version: Callable[[], int] | None = None
    """A version above all that were drawn before; called once for each statement that reads, in the reader's thread.

    Rows of one statement may add up to 2^20 - 1 to it.
    """
    soft_delete_column: str | None = None
    """A row where it is true, or a time, deletes its document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What the source sends, in this order: the cursor as text (if there is one), the keys, the other columns."""

    keys: tuple[Field, ...]
    others: tuple[Field, ...]
    cursor: str | None = None
    """The incremental key, a column of the query; rows are ordered by it, then by the keys."""
    binary: bool = True
    not_binary: tuple[str, ...] = ()
    """Columns whose values have not the same bytes in both databases: because of them all goes as text."""
    ordered_alike: bool = True
    """Source and target order the keys alike: what lies between two of them is the same on both sides."""
    documents: Documents | None = None
    """The source sends documents instead of fields; then `binary` is false and `others` empty."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Keys, then the others."""
        return self.keys + self.others
