"""What was committed in the target, transaction by transaction, read from its log: no trigger, nothing to opt out of.

https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
"""

import struct
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

CHECKPOINTS = "pipeline_checkpoints"
OPERATIONS = {"I": "insert", "U": "update", "D": "delete"}


@dataclass
class Transaction:
    """One that changed something."""

    changed: Counter[str] = field(default_factory=Counter)
    """Rows that were inserted, updated or deleted, by table."""
    checkpoint: dict[str, str | None] | None = None
    """The last state that it gave a checkpoint."""


class Ledger:
    """Follows one database's log from now on; `close` it, or the server keeps all of it."""

    def __init__(self, dsn: str, table: str) -> None:
        self._dsn = dsn
        self._table = table
        self._name = f"fire_{uuid.uuid4().hex[:12]}"
        self._tables: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._checkpoint: dict[str, str | None] = {}
        self._written = 0
        self._end = 0
        with psycopg.connect(dsn, autocommit=True) as connection:
            name = sql.Identifier(self._name)
            connection.execute(sql.SQL("CREATE PUBLICATION {} FOR ALL TABLES").format(name))
            connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (self._name,))

    def check(self) -> int:
        """Fails unless each transaction that changed the table also counted just these rows in the checkpoint.

        Returns how many rows were changed in all.
        """
        for transaction in self._transactions():
            changed = transaction.changed[self._table]
            counted = self._counted(transaction.checkpoint)
            assert changed == counted, f"{changed} rows were written, and {counted} counted, in one transaction"
            self._written += changed
        return self._written

    def close(self) -> None:
        """Lets the server forget its log."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_drop_replication_slot(%s)", (self._name,))
            connection.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(self._name)))

    def _counted(self, now: dict[str, str | None] | None) -> int:
        """How much further `rows_written` is than before; a run that starts over begins at nothing."""
        if now is None:
            return 0
        before, self._checkpoint = self._checkpoint, now
        rows = int(now["rows_written"] or 0)
        goes_on = now["run_id"] == before.get("run_id") and int(now["batches"] or 0) >= int(before.get("batches") or 0)
        return rows - int(before.get("rows_written") or 0) if goes_on else rows

    def _transactions(self) -> Iterator[Transaction]:
        query = """
            SELECT data FROM pg_logical_slot_get_binary_changes(%s, NULL, NULL,
                'proto_version', '1', 'publication_names', %s)
        """
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            # No temporary files: a test may have filled the disk.
            connection.execute("SET work_mem = '1GB'")
            messages = connection.execute(query, (self._name, self._name)).fetchall()
        transaction = Transaction()
        for (data,) in messages:
            match chr(data[0]):
                case "B":
                    transaction = Transaction()
                case "C" if (end := int.from_bytes(data[10:18])) > self._end:
                    # A server that crashed may tell again what it had told.
                    self._end = end
                    yield transaction
                case "R":
                    self._learn(data)
                case kind if kind in OPERATIONS:
                    self._count(kind, data, transaction)
                case "T":
                    raise AssertionError("rows that are truncated can't be counted")

    def _learn(self, data: bytes) -> None:
        (oid,) = struct.unpack_from("!I", data, 1)
        schema, name, rest = data[5:].split(b"\0", 2)
        (count,) = struct.unpack_from("!H", rest, 1)
        names, rest = [], rest[3:]
        for _ in range(count):
            column, rest = rest[1:].split(b"\0", 1)
            names.append(column.decode())
            rest = rest[8:]
        self._tables[oid] = f"{schema.decode()}.{name.decode()}", tuple(names)

    def _count(self, kind: str, data: bytes, transaction: Transaction) -> None:
        (oid,) = struct.unpack_from("!I", data, 1)
        name, columns = self._tables[oid]
        transaction.changed[name] += 1
        if name.endswith(f".{CHECKPOINTS}") and kind != "D":
            transaction.checkpoint = dict(zip(columns, _new_row(data), strict=True))


def _new_row(data: bytes) -> list[str | None]:
    offset = 5
    if data[offset] in b"KO":
        _, offset = _row(data, offset + 1)
    return _row(data, offset + 1)[0]


def _row(data: bytes, offset: int) -> tuple[list[str | None], int]:
    (count,) = struct.unpack_from("!H", data, offset)
    offset += 2
    values: list[str | None] = []
    for _ in range(count):
        kind, offset = data[offset : offset + 1], offset + 1
        if kind != b"t":
            values.append(None)
            continue
        (length,) = struct.unpack_from("!I", data, offset)
        offset += 4
        values.append(data[offset : offset + length].decode())
        offset += length
    return values, offset
