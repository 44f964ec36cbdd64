"""The counters equal a recount, whatever was changed, by how many at once, and on every version of Postgres."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from tests.integration.conftest import Server

from headrace.store.migrate import migrate
from headrace.store.records import RunRecord, Statistics
from headrace.store.store import Store

NewRun = Callable[..., RunRecord]
SCOPE = ("headrace", "etl")
START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
STATES = ("PENDING", "RUNNING", "PAUSED", "SUCCESS", "FAILED", "CANCELLED")
PIPELINES = [UUID(int=number) for number in range(5)]
WORKERS, STEPS = 6, 60

_RECOUNT: LiteralString = """
    SELECT installation, namespace, pipeline_uid, status, count(*),
           count(*) FILTER (WHERE started_at IS NOT NULL AND finished_at IS NOT NULL),
           coalesce(sum(extract(epoch FROM greatest(finished_at, started_at) - started_at)::numeric(20, 6))
                    FILTER (WHERE started_at IS NOT NULL AND finished_at IS NOT NULL), 0)
    FROM headrace.runs WHERE deleted_at IS NULL AND kind <> 'Reconcile' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_COUNTERS: LiteralString = """
    SELECT installation, namespace, pipeline_uid, status, runs, timed_runs, finished_seconds
    FROM headrace.run_counts WHERE (runs, timed_runs, finished_seconds) <> (0, 0, 0) ORDER BY 1, 2, 3, 4
"""


def counters(dsn: str) -> tuple[list[Any], list[Any]]:
    """What the counters say, and what a recount says."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(_COUNTERS).fetchall(), connection.execute(_RECOUNT).fetchall()


@pytest.fixture(params=[13, 14, 15, 16, 17, 18])
def dsn_of_version(request: pytest.FixtureRequest, server_of: Callable[[int], Server]) -> Iterator[str]:
    """A migrated store in a server of each version."""
    server = server_of(request.param)
    name = server.create_database()
    migrate(server.dsn(name))
    yield server.dsn(name)
    server.drop_database(name)


class Worker:
    """Changes runs of its own at random; the pipelines, and so the counters, are everybody's."""

    def __init__(self, connection: psycopg.Connection[Any], seed: int) -> None:
        self._connection, self._random, self._number = connection, random.Random(seed), seed
        self._ids: list[UUID] = []

    def work(self) -> None:
        """Takes its steps."""
        self.add()
        steps = [self.add, self.end, self.end, self.change, self.change, self.save_again, self.remove, self.report]
        for _ in range(STEPS):
            self._random.choice(steps)()

    def add(self) -> None:
        """Several runs of several pipelines by one statement."""
        new = [UUID(int=self._number << 64 | len(self._ids) + more) for more in range(1, 6)]
        rows = [
            (run_id, self._random.choice(PIPELINES), self._random.choice(["Load", "Replay", "Reconcile"]))
            for run_id in new
        ]
        self._ids += new
        self._connection.execute(
            """
            INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                       status, created_at)
            SELECT run_id, 'headrace', 'etl', uid, 'p', 'r', kind, 'PENDING', now()
            FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS t (run_id, uid, kind)
            """,
            tuple(list(column) for column in zip(*rows, strict=True)),
        )

    def save_again(self) -> None:
        """As the store saves a run: new, or there already."""
        new = UUID(int=self._number << 64 | len(self._ids) + 1)
        run_id = self._random.choice([self._some()[0], new])
        self._ids += [new] if run_id == new else []
        self._connection.execute(
            """
            INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                       status, created_at)
            VALUES (%s, 'headrace', 'etl', %s, 'p', 'r', 'Load', 'PENDING', now())
            ON CONFLICT (run_id) DO UPDATE SET status = 'RUNNING', started_at = now()
            """,
            (run_id, self._random.choice(PIPELINES)),
        )

    def end(self) -> None:
        """With times of which some are missing, and some the wrong way round."""
        self._connection.execute(
            """
            UPDATE headrace.runs SET status = %s, started_at = nullif(%s, 'epoch'::timestamptz), finished_at = %s
            WHERE run_id = ANY(%s)
            """,
            (
                self._random.choice(STATES),
                self._random.choice([START, START, datetime(1970, 1, 1, tzinfo=UTC)]),
                self._random.choice([START + timedelta(seconds=self._random.uniform(-9, 999)), None]),
                self._some(),
            ),
        )

    def change(self) -> None:
        """One of the columns that make a run count, or make it count for another."""
        column, value = self._random.choice(
            [
                ("status", self._random.choice(STATES)),
                ("kind", self._random.choice(["Load", "Reconcile"])),
                ("deleted_at", self._random.choice([None, START])),
                ("pipeline_uid", self._random.choice(PIPELINES)),
                ("namespace", self._random.choice(["etl", "other"])),
            ]
        )
        self._connection.execute(
            f"UPDATE headrace.runs SET {column} = %s WHERE run_id = ANY(%s)".encode(), (value, self._some())
        )

    def remove(self) -> None:
        """For good."""
        self._connection.execute("DELETE FROM headrace.runs WHERE run_id = ANY(%s)", (self._some()[:2],))

    def report(self) -> None:
        """What a runner does, then what an operator does, in one transaction that may be rolled back."""
        with self._connection.transaction(force_rollback=self._random.random() < 0.3):
            self._connection.execute(
                "UPDATE headrace.runs SET rows_read = rows_read + 1 WHERE run_id = ANY(%s)", (self._some(),)
            )
            self._connection.execute("UPDATE headrace.runs SET status = 'PAUSED' WHERE run_id = %s", (self._ids[0],))
            self._connection.execute("UPDATE headrace.runs SET batches = 1 WHERE run_id = %s", (self._ids[-1],))

    def _some(self) -> list[UUID]:
        return self._random.sample(self._ids, min(len(self._ids), self._random.randint(1, 12)))


def _work(dsn: str, seed: int) -> None:
    with psycopg.connect(dsn, autocommit=True, options="-c statement_timeout=30s") as connection:
        Worker(connection, seed).work()


def test_counters_equal_a_recount_after_anything_from_several_connections_at_once(dsn_of_version: str) -> None:
    """And nobody deadlocks: each statement takes its counters in one order."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for done in [pool.submit(_work, dsn_of_version, seed) for seed in range(WORKERS)]:
            done.result(timeout=120)
    counted, recounted = counters(dsn_of_version)
    assert counted == recounted
    assert len(recounted) > 20


async def test_what_the_store_does_to_a_run_is_counted(store: Store, store_dsn: str, new_run: NewRun) -> None:
    uid = new_run().pipeline_uid
    runs = [new_run(minutes=minutes) for minutes in range(4)]
    for run in runs:
        await store.save_run(run)
    assert await store.count_all_runs(SCOPE, status="PENDING") == 4
    await store.save_run(new_run(run_id=runs[0].run_id, status="RUNNING", started_at=START))
    await store.finish_run(runs[0].run_id, status="SUCCESS", finished_at=START + timedelta(seconds=10))
    await store.finish_run(runs[1].run_id, status="FAILED", finished_at=START)
    await store.save_run(new_run(kind="Reconcile", status="RUNNING"))
    assert counters(store_dsn)[0] == counters(store_dsn)[1]
    assert await store.statistics(SCOPE, pipeline_uids=[uid]) == Statistics(
        total_runs=4, runs_by_state={"FAILED": 1, "PENDING": 2, "SUCCESS": 1}, average_run_seconds=10.0
    )
    await store.mark_deleted(uid)
    assert await store.count_all_runs(SCOPE) == 0
    assert await store.purge(timedelta(0)) == 5
    with psycopg.connect(store_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM headrace.run_counts").fetchone() == (0,)


async def test_statistics_are_of_the_pipelines_that_are_asked_for(store: Store, new_run: NewRun) -> None:
    """The rate is of SUCCESS and FAILED, the average of those among them that started."""
    first, second, third = map(str, PIPELINES[:3])
    ended = [
        (first, "SUCCESS", START, 10),
        (first, "SUCCESS", START, 20),
        (first, "FAILED", START, 60),
        (first, "FAILED", None, 999),
        (first, "CANCELLED", START, 5000),
        (second, "SUCCESS", START, 1),
    ]
    for uid, status, started_at, seconds in ended:
        times = {"started_at": started_at, "finished_at": START + timedelta(seconds=seconds)}
        await store.save_run(new_run(pipeline_uid=uid, status=status, **times))
    await store.save_run(new_run(pipeline_uid=third, status="RUNNING", started_at=START))
    await store.save_run(new_run(pipeline_uid=first, namespace="other", status="SUCCESS"))

    found = await store.statistics(SCOPE, pipeline_uids=[first])
    assert (found.total_runs, found.success_rate, found.average_run_seconds) == (5, 0.5, 30.0)
    assert found.runs_by_state == {"CANCELLED": 1, "FAILED": 2, "SUCCESS": 2}
    both = await store.statistics(SCOPE, pipeline_uids=[first, second, second, "no-uuid"])
    assert (both.total_runs, both.success_rate, both.average_run_seconds) == (6, 0.6, 91 / 4)
    everything = await store.statistics(SCOPE)
    assert (everything.total_runs, everything.runs_by_state["RUNNING"]) == (7, 1)
    running = await store.statistics(SCOPE, pipeline_uids=[third])
    assert (running.success_rate, running.average_run_seconds) == (None, None)
    for nothing in ([], [str(UUID(int=99))], ["no-uuid"]):
        assert await store.statistics(SCOPE, pipeline_uids=nothing) == Statistics(
            total_runs=0, runs_by_state={}, average_run_seconds=None
        )


def test_a_report_asks_for_no_count(store_dsn: str) -> None:
    """Runners report some times a second: the function that counts is not called for it."""
    with psycopg.connect(store_dsn, autocommit=True, options="-c track_functions=all") as connection:
        connection.execute("""
            INSERT INTO headrace.runs (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind,
                                       status, created_at)
            SELECT gen_random_uuid(), 'headrace', 'etl', gen_random_uuid(), 'p', 'r', 'Load', 'RUNNING', now()
        """)

        def calls(statement: LiteralString) -> int:
            with connection.transaction(force_rollback=True):
                connection.execute(statement)
                query = "SELECT sum(calls) FROM pg_stat_xact_user_functions WHERE funcname = 'count_updated_runs'"
                row = connection.execute(query).fetchone()
                return int((row and row[0]) or 0)

        assert calls("UPDATE headrace.runs SET rows_read = 7, seen_at = now(), stages = '{}', outcome = 'DONE'") == 0
        assert calls("UPDATE headrace.runs SET status = 'PAUSED'") == 1
