"""How many runs there are and how they ended, from counters that triggers on the runs keep: no run is read for it."""

from typing import LiteralString

import psycopg

from headrace.store.listings import LISTED, Wanted
from headrace.store.records import Statistics
from headrace.store.runs import Connection

_ENDED = frozenset({"SUCCESS", "FAILED"})


async def count_all_runs(connection: Connection, wanted: Wanted) -> int:
    """Returns how many runs `list_all_runs` would give without a limit."""
    row = await (await connection.execute(_count(wanted), wanted.values)).fetchone()
    if row is None:
        raise psycopg.InternalError
    return int(row[0])


async def statistics(connection: Connection, wanted: Wanted) -> Statistics:
    """Returns how the runs ended."""
    query = f"""
        SELECT status, sum(runs), sum(timed_runs), sum(finished_seconds) FROM headrace.run_counts
        WHERE {_where(wanted)} GROUP BY status HAVING sum(runs) > 0 ORDER BY status
    """
    rows = await (await connection.execute(query, wanted.values)).fetchall()
    states = {status: int(runs) for status, runs, _, _ in rows}
    ended = [(int(timed), float(seconds)) for status, _, timed, seconds in rows if status in _ENDED]
    timed = sum(runs for runs, _ in ended)
    return Statistics(
        total_runs=sum(states.values()),
        runs_by_state=states,
        average_run_seconds=sum(seconds for _, seconds in ended) / timed if timed else None,
    )


async def drop_empty(connection: Connection) -> None:
    """Removes counters that count nothing: of pipelines that were deleted."""
    # Those that somebody holds count something soon; waiting for them could hold up others.
    query = """
        DELETE FROM headrace.run_counts AS c USING (
            SELECT installation, namespace, pipeline_uid, status FROM headrace.run_counts WHERE runs = 0
            FOR UPDATE SKIP LOCKED
        ) AS e
        WHERE (c.installation, c.namespace, c.pipeline_uid, c.status)
            = (e.installation, e.namespace, e.pipeline_uid, e.status)
    """
    await connection.execute(query)


def _where(wanted: Wanted) -> LiteralString:
    if wanted.pipeline_uids is None:
        return wanted.where
    # Not `= ANY`: before PostgreSQL 14 that compares each row with each of them.
    return f"{wanted.where} AND pipeline_uid IN (SELECT unnest(%(pipeline_uids)s::uuid[]))"


def _count(wanted: Wanted) -> LiteralString:
    where = _where(wanted)
    if wanted.streams:  # There are few.
        return f"SELECT count(*) FROM headrace.runs WHERE {where} AND {wanted.listed}"
    query: LiteralString = f"SELECT coalesce(sum(runs), 0) FROM headrace.run_counts WHERE {where}"
    if not wanted.without:
        return query
    # Not a join: without statistics, as in a new store, it would compare each with each.
    left_out: LiteralString = "run_id = ANY(%(without)s)"
    return f"SELECT ({query}) - (SELECT count(*) FROM headrace.runs WHERE {left_out} AND {where} AND {LISTED})"
