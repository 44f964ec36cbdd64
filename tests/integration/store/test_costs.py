"""What is asked often costs little, however many runs there are: counted in entries of indexes, for times vary."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from tests.integration.conftest import Server
from tests.integration.store.entries import PLANNING, entries_read

from headrace.store.store import Store

RUNS, PIPELINES = 50_000, 500
SCOPE = ("headrace", "etl")
START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEDULE, BACKFILL = str(UUID(int=PIPELINES + 1)), str(UUID(int=PIPELINES + 2))
PROJECT = [str(UUID(int=number)) for number in range(1, 26)]
UNKNOWN = [str(UUID(int=PIPELINES + number)) for number in range(10, 60)]

# The last pipeline ran 10 times, long ago. One in 13 runs failed, one in 50 is a reconcile, one in 10 was due.
_FILL: LiteralString = """
    INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind, status,
                               created_at, started_at, finished_at, schedule_uid, due_at, backfill_uid)
    SELECT lpad(to_hex(n), 32, '0')::uuid, 'headrace', 'etl',
           lpad(to_hex(CASE WHEN n <= 10 THEN %(pipelines)s ELSE mod(n, %(pipelines)s - 1) + 1 END), 32, '0')::uuid,
           'p', 'r', CASE WHEN mod(n, 50) = 17 THEN 'Reconcile' ELSE 'Load' END,
           CASE WHEN mod(n, 13) = 0 THEN 'FAILED' ELSE 'SUCCESS' END, at, at, at + interval '9 s',
           CASE WHEN mod(n, 10) = 0 THEN %(schedule)s::uuid END, at,
           CASE WHEN mod(n, 1000) = 0 THEN %(backfill)s::uuid END
    FROM generate_series(1, %(runs)s) AS n CROSS JOIN LATERAL (SELECT %(start)s + n * interval '1 min') AS t (at)
"""
_READ: LiteralString = """
    SELECT (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relid = 'headrace.runs'::regclass)
         + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relid = 'headrace.runs'::regclass)
"""


@pytest.fixture(scope="module")
def filled_dsn(server: Server, migrated: str) -> Iterator[str]:
    """A store with many runs."""
    name = server.create_database(template=migrated)
    values = {"schedule": SCHEDULE, "backfill": BACKFILL, "runs": RUNS, "pipelines": PIPELINES, "start": START}
    with psycopg.connect(server.dsn(name), autocommit=True) as connection:
        connection.execute(_FILL, values)
        connection.execute("VACUUM ANALYZE headrace.runs")
    yield server.dsn(name)
    server.drop_database(name)


def _due(*minutes: int) -> list[datetime]:
    return [START + timedelta(minutes=each) for each in minutes]


Call = Callable[[Store], Awaitable[object]]
# Each with the most entries that it may read: a page is read twice, in an index and as whole rows.
_CALLS: dict[str, tuple[Call, int]] = {
    "statistics": (lambda s: s.statistics(SCOPE), 0),
    "statistics of a project": (lambda s: s.statistics(SCOPE, pipeline_uids=PROJECT), 0),
    "count": (lambda s: s.count_all_runs(SCOPE, pipeline_uids=PROJECT, status="FAILED"), 0),
    "one run": (lambda s: s.find_run(SCOPE, str(UUID(int=99))), 1),
    "which are known": (lambda s: s.known_runs([str(UUID(int=n)) for n in range(100)]), 100),
    "first page": (lambda s: s.list_all_runs(SCOPE, limit=50), 100),
    "first page, oldest first": (lambda s: s.list_all_runs(SCOPE, sort="created_at", limit=50), 100),
    "page far down": (lambda s: s.list_all_runs(SCOPE, limit=50, offset=10_000), 10_100),
    "of a status": (lambda s: s.list_all_runs(SCOPE, status="FAILED", limit=50), 100),
    "of a status that none has": (lambda s: s.list_all_runs(SCOPE, status="PAUSED", limit=50), 0),
    "of a project": (lambda s: s.list_all_runs(SCOPE, pipeline_uids=PROJECT, limit=50), 3_000),
    "of a project, far down": (
        lambda s: s.list_all_runs(SCOPE, pipeline_uids=PROJECT, limit=50, offset=2_000),
        4_500,
    ),
    "of a project, failed": (
        lambda s: s.list_all_runs(SCOPE, pipeline_uids=PROJECT, status="FAILED", limit=50),
        1_000,
    ),
    "of a pipeline that ran long ago": (
        lambda s: s.list_all_runs(SCOPE, pipeline_uids=[str(UUID(int=PIPELINES))], limit=50),
        50,
    ),
    "of pipelines that never ran": (lambda s: s.list_all_runs(SCOPE, pipeline_uids=UNKNOWN, limit=50), 0),
    "due times": (lambda s: s.runs_due(SCHEDULE, _due(10, 20, 40_000, 40_001)), 4),
    "due in an hour": (lambda s: s.runs_of_schedule(SCHEDULE, *_due(40_000, 40_060)), 7),
    "a backfill": (lambda s: s.runs_of_backfill(BACKFILL), 100),
}


@pytest.mark.parametrize(("call", "most"), _CALLS.values(), ids=_CALLS.keys())
async def test_what_is_asked_often_reads_few_entries(filled_dsn: str, call: Call, most: int) -> None:
    with psycopg.connect(filled_dsn, autocommit=True) as connection:
        before = entries_read(connection, _READ)
        store = Store(filled_dsn)
        assert await call(store) is not None
        await store.close()
        assert entries_read(connection, _READ) - before <= most + PLANNING
