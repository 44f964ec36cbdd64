"""A page of the WAL's history, and how many measurements there are, cost little: counted in entries, for times vary."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from tests.integration.conftest import Server
from tests.integration.store.entries import PLANNING, entries_read

from headrace.store.store import Store

SCOPE = ("headrace", "etl")
START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES, SOURCES, SLOTS = 540, 10, 10
OF_A_MINUTE = SOURCES * (SLOTS + 1)
FILMS = str(UUID(int=1))

_FILL: LiteralString = """
    INSERT INTO headrace.wal_history (installation, namespace, source_uid, source_name, slot, wal_bytes, measured_at)
    SELECT 'headrace', 'etl', lpad(to_hex(source), 32, '0')::uuid, 'films', CASE WHEN slot > 0 THEN 'slot_' || slot END,
           minute, %(start)s + make_interval(mins => minute)
    FROM generate_series(0, %(minutes)s - 1) AS minute, generate_series(1, %(sources)s) AS source,
         generate_series(0, %(slots)s) AS slot
"""
_COUNT: LiteralString = """
    INSERT INTO headrace.wal_counts
    SELECT installation, namespace, source_uid, date_trunc('hour', measured_at, 'UTC'), count(*)
    FROM headrace.wal_history GROUP BY 1, 2, 3, 4
"""
_READ: LiteralString = """
    SELECT seq_tup_read + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'wal_history')
    FROM pg_stat_user_tables WHERE relname = 'wal_history'
"""


@pytest.fixture(scope="module")
def filled_dsn(server: Server, migrated: str) -> Iterator[str]:
    """A store with a long history: 59,400 measurements."""
    name = server.create_database(template=migrated)
    values = {"start": START, "minutes": MINUTES, "sources": SOURCES, "slots": SLOTS}
    with psycopg.connect(server.dsn(name), autocommit=True) as connection:
        connection.execute(_FILL, values)
        connection.execute(_COUNT)
        connection.execute("VACUUM ANALYZE headrace.wal_history")
    yield server.dsn(name)
    server.drop_database(name)


def _since(**ago: float) -> datetime:
    return START + timedelta(minutes=MINUTES) - timedelta(**ago)


Call = Callable[[Store], Awaitable[object]]
_CALLS: dict[str, tuple[Call, int]] = {
    # Whole minutes are read, for those of one moment are sorted.
    "the newest": (lambda s: s.list_wal(SCOPE, limit=100), 2 * OF_A_MINUTE),
    "of a source": (lambda s: s.list_wal(SCOPE, source_uid=FILMS, limit=100), 100 + 3 * SLOTS),
    "of a source that has none": (lambda s: s.list_wal(SCOPE, source_uid=str(UUID(int=99)), limit=100), 0),
    # The minutes up to the next full hour are counted one by one.
    "since some hours ago": (
        lambda s: s.list_wal(SCOPE, since=_since(hours=7, minutes=10), limit=100), 12 * OF_A_MINUTE,
    ),
    "of a source since some hours ago": (
        lambda s: s.list_wal(SCOPE, source_uid=FILMS, since=_since(hours=7, minutes=10), limit=100),
        100 + 14 * (SLOTS + 1),
    ),
    "the last of each slot": (lambda s: s.last_wal(SCOPE, FILMS), 62 * (SLOTS + 1)),
}  # fmt: skip


@pytest.mark.parametrize(("call", "most"), _CALLS.values(), ids=_CALLS.keys())
async def test_what_is_asked_often_reads_few_entries(filled_dsn: str, call: Call, most: int) -> None:
    with psycopg.connect(filled_dsn, autocommit=True) as connection:
        before = entries_read(connection, _READ)
        store = Store(filled_dsn)
        assert await call(store) is not None
        await store.close()
        assert entries_read(connection, _READ) - before <= most + PLANNING
