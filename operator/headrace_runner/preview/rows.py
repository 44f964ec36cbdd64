"""The first rows of a query as texts, few and short: a huge query is not run to its end."""

import json
import time
from dataclasses import dataclass
from typing import Any

import psycopg

from headrace.errors import PermanentError
from headrace_runner.postgres.quoting import quote_name
from headrace_runner.preview.session import STATEMENT_SECONDS, limit
from headrace_runner.shape import Shape
from headrace_runner.sources.postgres.select import Select

SIZE = 256 * 1024
"""Of all rows together, as JSON."""
LONGEST = 1000
"""Characters of one value."""
_FETCHED = 4_000_000
"""Bytes of one answer, at most: the runner has little memory."""
_WIDEST, _ESCAPED = 4, 6
"""Bytes of a character, as it comes and in JSON."""

Row = list[str | None]


@dataclass(frozen=True, slots=True)
class FirstRows:
    """What is shown of a query's rows."""

    rows: list[Row]
    truncated: bool
    """There are more."""
    notes: tuple[str, ...] = ()


def first_rows(connection: psycopg.Connection[Any], select: Select, shape: Shape, count: int) -> FirstRows:
    """The first `count` rows, in the transaction at hand; raises PermanentError when none comes in time."""
    longest = _longest(len(shape.columns))
    items = ", ".join(f"pg_catalog.left(q.{quote_name(it.name)}::text, {longest + 1})" for it in shape.columns)
    statement = f"SELECT {items} FROM {select.wrapped()} LIMIT {count + 1}"
    size = max(1, _FETCHED // (len(shape.columns) * longest * _WIDEST))
    found: list[Row] = []
    until = time.monotonic() + STATEMENT_SECONDS
    try:
        # A cursor is planned for its first rows.
        connection.execute(f"DECLARE preview NO SCROLL CURSOR FOR {statement}".encode())
        while len(found) <= count and _size(found) <= SIZE:
            limit(connection, until - time.monotonic())
            rows = connection.execute(f"FETCH {size} FROM preview".encode()).fetchall()
            found += [list(row) for row in rows]
            if len(rows) < size:
                break
    except psycopg.errors.QueryCanceled as error:
        return _too_slow(found, longest, error)
    return _shown(found, count, longest)


def _longest(columns: int) -> int:
    """How many characters of a value are shown: one row must have room, whatever is in it."""
    return min(LONGEST, SIZE // (columns * _ESCAPED) - 1)


def _shown(found: list[Row], count: int, longest: int) -> FirstRows:
    rows: list[Row] = []
    is_cut = False
    size = 0
    for row in found[:count]:
        short = [None if text is None else text[:longest] for text in row]
        size += _size(short)
        if rows and size > SIZE:
            break
        is_cut = is_cut or short != row
        rows.append(short)
    notes = (f"Values are cut at {longest:,} characters",) if is_cut else ()
    return FirstRows(rows, len(rows) < len(found), notes)


def _too_slow(found: list[Row], longest: int, error: psycopg.Error) -> FirstRows:
    words = f"within {STATEMENT_SECONDS:.0f} s, which is all that a preview waits"
    if not found:
        raise PermanentError(f"The query gave no row {words}", field="source_query") from error
    shown = _shown(found, len(found), longest)
    return FirstRows(shown.rows, truncated=True, notes=(*shown.notes, f"No more rows came {words}"))


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
