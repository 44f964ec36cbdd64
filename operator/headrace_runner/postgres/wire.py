"""COPY's wire formats, as far as we read them: the first fields of a row; everything else passes as bytes.

https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
"""

import json
import re
import struct
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from headrace_runner.projection import Projection
from headrace_runner.protocols import Edge

SEPARATOR = b"\x02"
"""Between the fields of a row with a document; JSON text holds no control character."""
SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
HEADER = SIGNATURE + struct.pack("!ii", 0, 0)
TRAILER = b"\xff\xff"
_LENGTH = struct.Struct("!i")
_FIXED_HEADER = len(SIGNATURE) + 8
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_FIELDS = struct.Struct("!h")
"""How many there are: a binary row begins with it."""
_COUNT = _FIELDS.size
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def without_header(message: bytes) -> bytes:
    """The row of a stream's first message, which also carries the header, or comes alone after it (then nothing)."""
    if not message.startswith(SIGNATURE):
        return message
    (extension,) = _LENGTH.unpack_from(message, len(SIGNATURE) + 4)
    return message[_FIXED_HEADER + extension :]


def edge_of(row: bytes, projection: Projection) -> Edge:
    """Reads the cursor and the key of a row."""
    count = len(projection.keys) + (projection.cursor is not None)
    if projection.documents is not None:
        fields = document_fields(row, count)
    else:
        fields = binary_fields(row, count) if projection.binary else text_fields(row, count)
    if projection.cursor is None:
        return Edge(None, fields)
    return Edge(fields[0], fields[1:])


def key_bytes(row: bytes, projection: Projection) -> bytes:
    """A row up to the end of its key: the same bytes for rows whose keys have the same bytes."""
    if not projection.binary:
        return b"\t".join(row.rstrip(b"\n").split(b"\t", len(projection.keys))[: len(projection.keys)])
    end = _COUNT
    for _ in projection.keys:
        (length,) = _LENGTH.unpack_from(row, end)
        end += _LENGTH.size + max(length, 0)
    return row[:end]


def without_cursor(row: bytes, projection: Projection) -> bytes:
    """A row as the target's own columns have it."""
    if not projection.binary:
        return row.partition(b"\t")[2]
    (length,) = _LENGTH.unpack_from(row, _COUNT)
    (count,) = _FIELDS.unpack_from(row)
    return _FIELDS.pack(count - 1) + row[_COUNT + _LENGTH.size + max(length, 0) :]


def binary_fields(row: bytes, count: int) -> tuple[bytes | None, ...]:
    """The first `count` fields of a row in the binary format."""
    fields: list[bytes | None] = []
    offset = _COUNT
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(row, offset)
        offset += _LENGTH.size
        fields.append(None if length < 0 else row[offset : offset + length])
        offset += max(length, 0)
    return tuple(fields)


def text_fields(row: bytes, count: int) -> tuple[bytes | None, ...]:
    """The first `count` fields of a row in the text format, escapes undone."""
    fields = row.rstrip(b"\n").split(b"\t", count)[:count]
    return tuple(None if field == rb"\N" else _ESCAPE.sub(_unescape, field) for field in fields)


def document_fields(row: bytes, count: int) -> tuple[bytes | None, ...]:
    """The cursor and the key that stand before a document, as a JSON array of strings; or only the key, as it is."""
    edge = row.partition(SEPARATOR)[0]
    if count == 1 and not edge.startswith(b"["):
        return (edge or None,)
    return tuple(None if text is None else text.encode() for text in json.loads(edge))


def _unescape(match: re.Match[bytes]) -> bytes:
    return _ESCAPES.get(match.group(1), match.group(1))


def fetch_row(
    connection: psycopg.Connection[Any], statement: str, values: Sequence[bytes | None], *, binary: bool
) -> tuple[bytes | None, ...]:
    """Runs a query whose parameters are fields of a COPY stream; returns its only row, as text."""
    formats = [pq.Format.BINARY if binary else pq.Format.TEXT] * len(values)
    result = connection.pgconn.exec_params(statement.encode(), values, param_formats=formats)
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise error_of(result)
    return tuple(result.get_value(0, column) for column in range(result.nfields))


def error_of(result: pq.abc.PGresult) -> psycopg.Error:
    """The error of a result that libpq gave us; one that no server made means that the connection is gone."""
    if result.error_field(pq.DiagnosticField.SQLSTATE) is None:
        return psycopg.OperationalError("the connection was lost")
    return error_from_result(result, encoding="utf-8")
