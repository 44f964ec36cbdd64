"""The rows that are moved: how they are made, what a target holds before a run, and whether it is right afterwards."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psycopg

from headrace_bench.pipes import pipe
from headrace_bench.server import SOURCE, STORE, TARGET, Server

TABLE = "bench.events"
_COLUMNS = """(
    id uuid PRIMARY KEY, customer bigint NOT NULL, status text NOT NULL, amount numeric(12, 2) NOT NULL,
    active boolean NOT NULL, created timestamptz NOT NULL, modified timestamptz NOT NULL, note text)"""
_SEND = {
    "id": "uuid_send", "customer": "int8send", "status": "textsend", "amount": "numeric_send", "active": "boolsend",
    "created": "timestamptz_send", "modified": "timestamptz_send", "note": "textsend",
}  # fmt: skip
_NAMES = ", ".join(_SEND)
# Keys are in no order, as those of most applications; the same on every machine. Ten seconds apart, so that an
# incremental run's lookback of five minutes covers 30 rows.
_ROWS = """
INSERT INTO bench.events
SELECT md5('event' || n)::uuid, n %% 100000, (ARRAY['new', 'paid', 'packed', 'sent', 'returned'])[1 + n %% 5],
       (n %% 1000000) / 100.0, n %% 3 = 0, timestamptz '2024-01-01 00:00:00+00' + n * interval '10 seconds',
       timestamptz '2024-01-01 00:00:00+00' + n * interval '10 seconds',
       substr(md5('a' || n) || md5('b' || n) || md5('c' || n) || md5('d' || n), 1, 127)
FROM generate_series(1, %s) AS n
"""


QUERY = f"SELECT {_NAMES} FROM {TABLE}"


class Before(StrEnum):
    """What the target holds before a run."""

    EMPTY = "empty"
    """Nothing, just its primary key."""
    STAGED = "staged"
    """Nothing, and its key may be null: then no row is copied straight into it, all go through staging."""
    SPARSE = "sparse"
    """One row in a thousand, spread evenly over the keys, so that no batch of a thousand finds its range empty."""
    CHANGED = "changed"
    """Every row, each with another amount."""
    SAME = "same"
    """Every row, as the source has it."""
    ONE_PERCENT = "one percent"
    """Every row, one in a hundred with another amount, spread over all keys."""


_OTHER_AMOUNT = "id, customer, status, amount + 1, active, created, modified, note"
_SOME_OTHER_AMOUNTS = (
    "id, customer, status, amount + (get_byte(uuid_send(id), 3) * 256 + get_byte(uuid_send(id), 4) < 655)::int,"
    " active, created, modified, note"
)
_FILL = {
    Before.SPARSE: f"SELECT {_NAMES} FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM {TABLE}) AS e"
    " WHERE n % 1000 = 500",
    Before.CHANGED: f"SELECT {_OTHER_AMOUNT} FROM {TABLE} ORDER BY id",
    Before.SAME: f"SELECT {_NAMES} FROM {TABLE} ORDER BY id",
    Before.ONE_PERCENT: f"SELECT {_SOME_OTHER_AMOUNTS} FROM {TABLE} ORDER BY id",
}


@dataclass(frozen=True, slots=True)
class Checksum:
    """Two tables with the same one hold the same rows, byte for byte of their text."""

    rows: int
    total: int


class WrongTargetError(Exception):
    """The target is not what the source is."""


def create_source(server: Server, rows: int) -> Checksum:
    """Makes the databases and fills the source."""
    execute(server.dsn(), f"CREATE DATABASE {SOURCE}", f"CREATE DATABASE {TARGET}", f"CREATE DATABASE {STORE}")
    execute(server.dsn(SOURCE), "CREATE SCHEMA bench", f"CREATE TABLE {TABLE} {_COLUMNS}")
    with psycopg.connect(server.dsn(SOURCE)) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute(_ROWS, (rows,))
        connection.execute(f"CREATE INDEX ON {TABLE} (modified, id)")
    execute(server.dsn(SOURCE), f"VACUUM (ANALYZE) {TABLE}")
    execute(server.dsn(TARGET), "CREATE SCHEMA bench")
    return checksum(server.dsn(SOURCE))


def prepare_target(server: Server, before: Before, table: str = TABLE, *, log: Path) -> None:
    """Makes the target's table anew, with what it holds before the run."""
    columns = _COLUMNS.replace("PRIMARY KEY", "UNIQUE") if before is Before.STAGED else _COLUMNS
    execute(server.dsn(TARGET), f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} {columns}")
    if before in _FILL:
        pipe(server, _FILL[before], table, log)
        execute(server.dsn(TARGET), f"VACUUM (ANALYZE) {table}")


def row_bytes(server: Server) -> float:
    """Of a row in COPY's binary format, on average over some: 2 for the row, 4 for each column, and the values."""
    lengths = " + ".join(f"coalesce(length({send}({name})), 0)" for name, send in _SEND.items())
    with psycopg.connect(server.dsn(SOURCE)) as connection:
        query = f"SELECT avg(2 + {4 * len(_SEND)} + {lengths}) FROM (SELECT * FROM {TABLE} LIMIT 10000) AS e"
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return round(float(row[0]), 1)


def drop_schemas(server: Server) -> None:
    """Takes away all that an earlier program left in the target, such as its staging and state."""
    query = "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    with psycopg.connect(server.dsn(TARGET)) as connection:
        names = [str(name) for (name,) in connection.execute(query)]
    execute(server.dsn(TARGET), *(f"DROP SCHEMA {name} CASCADE" for name in names), "CREATE SCHEMA bench")


def exists(server: Server, table: str) -> bool:
    """Whether the target has a table of that name."""
    with psycopg.connect(server.dsn(TARGET)) as connection:
        return connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() == (True,)


def differing(server: Server) -> int:
    """How many of the source's rows the target has, with other values."""
    query = f"SELECT {_NAMES} FROM {TABLE}"
    with psycopg.connect(server.dsn(SOURCE)) as source, psycopg.connect(server.dsn(TARGET)) as target:
        mine = set(source.execute(query.encode()).fetchall())
        return sum(row not in mine for row in target.execute(query.encode()))


def verify(server: Server, expected: Checksum, table: str = TABLE) -> None:
    """Raises WrongTargetError unless the target holds what the source does, and has its key."""
    found = checksum(server.dsn(TARGET), table)
    if found != expected:
        raise WrongTargetError(f"{table} has {found}, the source {expected}")
    query = "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass AND indisunique AND indisvalid"
    with psycopg.connect(server.dsn(TARGET)) as connection:
        if connection.execute(query, (table,)).fetchone() != (1,):
            raise WrongTargetError(f"{table} has no key any more")


def checksum(dsn: str, table: str = TABLE) -> Checksum:
    """Of all columns of all rows, in any order."""
    query = f"SELECT count(*), coalesce(sum(hashtextextended(ROW({_NAMES})::text, 0)::numeric), 0) FROM {table}"
    with psycopg.connect(dsn) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return Checksum(int(row[0]), int(row[1]))


def execute(dsn: str, *statements: str) -> None:
    """Runs statements, each in a transaction of its own."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
