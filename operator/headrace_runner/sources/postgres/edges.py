"""Where a read begins, as bytes of the stream, and where it is, as a checkpoint keeps it."""

from typing import Any

import psycopg
from psycopg import pq

from headrace.errors import PermanentError
from headrace_runner.postgres.wire import error_of, fetch_row
from headrace_runner.projection import Projection
from headrace_runner.protocols import Edge, Position
from headrace_runner.sources.postgres.documents import MOST_ROWS
from headrace_runner.sources.postgres.select import Select


def edge_of_start(
    connection: psycopg.Connection[Any], select: Select, projection: Projection, start: Position
) -> Edge | None:
    """The row to start after, in the bytes that the stream will have for it; the start has to be bound."""
    if start.key is None or start.look_back:
        return None
    if projection.documents is not None:
        key = tuple(text.encode() for text in start.key)
        return Edge(None if projection.cursor is None else str(start.value).encode(), key)
    statement = select.start_row(projection).encode()
    style = pq.Format.BINARY if projection.binary else pq.Format.TEXT
    result = connection.pgconn.exec_params(statement, None, result_format=style)
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise error_of(result)
    values = tuple(result.get_value(0, number) for number in range(result.nfields))
    return Edge(None, values) if projection.cursor is None else Edge(values[0], values[1:])


def next_start(
    connection: psycopg.Connection[Any], projection: Projection, last: Edge | None, start: Position
) -> Position:
    """Where the next statement begins; raises PermanentError when that is where this one began."""
    position = _position_of(connection, projection, last)
    if position == start:
        words = f'{MOST_ROWS:,} rows or more have the same key and the same "{projection.cursor}"'
        raise PermanentError(f"The key identifies no row: {words}", field="key_columns")
    return position


def _position_of(connection: psycopg.Connection[Any], projection: Projection, edge: Edge | None) -> Position:
    if edge is None:
        return Position()
    value = None if edge.value is None else edge.value.decode()
    if projection.documents is not None:
        return Position(key=tuple((text or b"").decode() for text in edge.key), value=value)
    items = [f"${number}::{field.type_name}::text" for number, field in enumerate(projection.keys, start=1)]
    values = fetch_row(connection, f"SELECT {', '.join(items)}", edge.key, binary=projection.binary)
    return Position(key=tuple((value or b"").decode() for value in values), value=value)
