"""The first and last row of some batches in words: the target turns the stream's bytes into text."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.errors import PermanentError
from headrace_runner.postgres.operators import operator
from headrace_runner.postgres.wire import fetch_row
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch
from headrace_runner.targets.postgres.session import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The first and the last key of batches that follow each other, as text."""

    first: tuple[str | None, ...]
    last: tuple[str | None, ...]
    repeats_previous: bool
    """The first key equals that of the row before it, in the batch that was written last."""
    value: str | None
    """The last row's cursor value."""


def edges_of(connection: Connection, batches: Sequence[Batch], projection: Projection) -> Edges | None:
    """Reads them; None when there is no row. Raises psycopg.Error."""
    filled = [batch for batch in batches if batch.rows]
    if not filled:
        return None
    first, last, previous = filled[0].first, filled[-1].last, filled[0].previous
    assert first is not None
    assert last is not None
    types = [field.type_name for field in projection.keys]
    signs = [operator("=", is_builtin=field.is_builtin) for field in projection.keys]
    items, values = [], []
    for edge in (first, last):
        for type_name, value in zip(types, edge.key, strict=True):
            values.append(value)
            items.append(f"${len(values)}::{type_name}::text")
    if previous is not None and previous.value == first.value:
        pairs = []
        for number, (type_name, sign, value) in enumerate(zip(types, signs, previous.key, strict=True), start=1):
            values.append(value)
            pairs.append(f"${number}::{type_name} {sign} ${len(values)}::{type_name}")
        items.append(f"({' AND '.join(pairs)})")
    texts = [
        None if text is None else text.decode()
        for text in fetch_row(connection, f"SELECT {', '.join(items)}", values, binary=projection.binary)
    ]
    count = len(types)
    return Edges(
        first=tuple(texts[:count]),
        last=tuple(texts[count : 2 * count]),
        repeats_previous=texts[2 * count :] == ["t"],
        # It travels as text.
        value=None if last.value is None else last.value.decode(),
    )


def key_of(texts: tuple[str | None, ...], projection: Projection) -> tuple[str, ...]:
    """A key for the checkpoint; raises PermanentError for a null in it."""
    for field, text in zip(projection.keys, texts, strict=True):
        if text is None:
            raise PermanentError(f'The query gives a row whose key column "{field.name}" is null', field="key_columns")
    return tuple(text for text in texts if text is not None)
