"""A batch's first and last row in words: the target turns the stream's bytes into text."""

from dataclasses import dataclass

from headrace.errors import PermanentError
from headrace_runner.operators import operator
from headrace_runner.protocols import Batch, Edge, Projection
from headrace_runner.targets.postgres.session import Connection
from headrace_runner.wire import fetch_row


@dataclass(frozen=True, slots=True)
class Edges:
    """The first and the last key of a batch, as text."""

    first: tuple[str | None, ...]
    last: tuple[str | None, ...]
    repeats_previous: bool
    """The first key equals that of the row before it, in the batch that was written last."""


def edges_of(connection: Connection, batch: Batch, projection: Projection) -> Edges | None:
    """Reads them; None for a batch without rows. Raises psycopg.Error."""
    if batch.first is None or batch.last is None:
        return None
    types = [field.type_name for field in projection.keys]
    signs = [operator("=", is_builtin=field.is_builtin) for field in projection.keys]
    items, values = [], []
    for edge in (batch.first, batch.last):
        for type_name, value in zip(types, edge.key, strict=True):
            values.append(value)
            items.append(f"${len(values)}::{type_name}::text")
    if batch.previous is not None and batch.previous.value == batch.first.value:
        pairs = []
        for number, (type_name, sign, value) in enumerate(zip(types, signs, batch.previous.key, strict=True), start=1):
            values.append(value)
            pairs.append(f"${number}::{type_name} {sign} ${len(values)}::{type_name}")
        items.append(f"({' AND '.join(pairs)})")
    texts = [
        None if text is None else text.decode()
        for text in fetch_row(connection, f"SELECT {', '.join(items)}", values, binary=projection.binary)
    ]
    count = len(types)
    return Edges(tuple(texts[:count]), tuple(texts[count : 2 * count]), texts[2 * count :] == ["t"])


def key_of(texts: tuple[str | None, ...], projection: Projection) -> tuple[str, ...]:
    """A key for the checkpoint; raises PermanentError for a null in it."""
    for field, text in zip(projection.keys, texts, strict=True):
        if text is None:
            raise PermanentError(f'The query gives a row whose key column "{field.name}" is null', field="key_columns")
    return tuple(text for text in texts if text is not None)


def cursor_of(edge: Edge) -> str | None:
    """The cursor's value for the checkpoint: it travels as text."""
    return None if edge.value is None else edge.value.decode()
