"""What goes into Elasticsearch: the source's tables, bodies built beforehand, and whether an index holds the same."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from headrace_bench.data import Checksum, WrongTargetError, execute
from headrace_bench.node import Node
from headrace_bench.server import SOURCE, Server

TABLE, LARGE = "bench.documents", "bench.many_documents"
BODY = 5_000
"""Documents of a body."""
_PAGE = 10_000
_COLUMNS = "id, customer, status, amount, active, created, modified, note"
# A note of 171 bytes: the document and its action line are 482, as in the figures that this is compared with.
_FILL = """
    INSERT INTO %s
    SELECT id, customer, status, amount, active, created, modified, note || left(note, 44) FROM bench.events
    ORDER BY modified LIMIT %d
"""
# As the runner's: no control character in JSON, so no byte is escaped.
_COPY = """
    COPY (
        SELECT '{"index":{"_id":"' || id || '","version":' || %d || ',"version_type":"external"}}', row_to_json(d)
        FROM (%s) AS d ORDER BY id
    ) TO STDOUT (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01', ENCODING 'UTF8')
"""
# What a version is that the runner draws: milliseconds of 2026, shifted by 20 bits.
_VERSION = 1_780_000_000_000 << 20


@dataclass(frozen=True, slots=True)
class Bodies:
    """Bulk bodies in a file: to be posted by whoever is measured against."""

    path: Path
    ends: Path
    """Where each body ends, as JSON."""
    expected: Checksum
    size: int
    """In bytes."""

    @property
    def document_bytes(self) -> float:
        """Of a document with its action line, on average."""
        return round(self.size / self.expected.rows, 1)


def query(table: str) -> str:
    """All documents of a table."""
    return f"SELECT {_COLUMNS} FROM {table}"


def create(server: Server, table: str, rows: int) -> None:
    """Fills a table of the source from its events, which must be as many at least."""
    execute(server.dsn(SOURCE), f"CREATE TABLE {table} (LIKE bench.events INCLUDING ALL)", _FILL % (table, rows))
    execute(server.dsn(SOURCE), f"VACUUM (ANALYZE) {table}")


def build(server: Server, table: str, folder: Path) -> Bodies:
    """Builds a table's bodies once; what they hold is what every index must hold later."""
    path, ends = folder / f"{table}.ndjson", folder / f"{table}.ends"
    size, total, found = 0, 0, [0]
    with path.open("wb") as file:
        for number, line in enumerate(_lines(server, table), start=1):
            size += file.write(line)
            _, document, _ = line.split(b"\n")
            total += _digest(document)
            if number % BODY == 0:
                found.append(size)
    ends.write_text(json.dumps(sorted({*found, size})))
    return Bodies(path, ends, Checksum(number, total), size)


def verify(node: Node, index: str, expected: Checksum) -> None:
    """Raises WrongTargetError unless the index holds just the documents, each under its own id."""
    found = checksum(node, index)
    if found != expected:
        raise WrongTargetError(f"{index} has {found}, the source {expected}")


def verify_count(node: Node, index: str, expected: Checksum) -> None:
    """The same, for how many there are."""
    found = node.count(index)
    if found != expected.rows:
        raise WrongTargetError(f"{index} has {found} documents, the source {expected.rows}")


def checksum(node: Node, index: str) -> Checksum:
    """Of all documents in an index, in any order; a document whose `_id` is not its key's text counts as another."""
    rows, total = 0, 0
    for hit in _hits(node, index):
        rows += 1
        document = hit["_source"]
        total += _digest(json.dumps(document)) if hit["_id"] == document["id"] else 1
    return Checksum(rows, total)


def _lines(server: Server, table: str) -> Iterator[bytes]:
    with psycopg.connect(server.dsn(SOURCE)) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        with connection.cursor().copy((_COPY % (_VERSION, query(table))).encode()) as copy:
            for row in copy:
                yield bytes(row).replace(b"\x02", b"\n")


def _hits(node: Node, index: str) -> Iterator[dict[str, Any]]:
    node.call("POST", f"/{index}/_refresh")
    point = node.call("POST", f"/{index}/_pit?keep_alive=2m")["id"]
    asked: dict[str, object] = {"size": _PAGE, "sort": ["_shard_doc"], "track_total_hits": False}
    while True:
        asked["pit"] = {"id": point, "keep_alive": "2m"}
        hits = node.call("POST", "/_search?filter_path=hits.hits", asked).get("hits", {}).get("hits", [])
        if not hits:
            break
        yield from hits
        asked["search_after"] = hits[-1]["sort"]
    node.call("DELETE", "/_pit", {"id": point})


def _digest(document: bytes | str) -> int:
    """Of a document's values: numbers by their value, not as they are written."""
    text = json.dumps(json.loads(document), sort_keys=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
