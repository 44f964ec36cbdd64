"""The lines that a run's runners wrote; they outlive their pods."""

from typing import Any

import psycopg
from psycopg.rows import class_row

from headrace.store.ids import as_uuid
from headrace.store.progress import LogLine

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MOST_LINES = 10_000
"""So many are kept of a run, the latest: a stream writes for months."""
TRIM_BATCH = 1_000
"""Lines a statement."""
Connection = psycopg.AsyncConnection[tuple[Any, ...]]

# By id, not by time: the clocks of two pods may differ.
_LIST = """
    SELECT at, level, message FROM headrace.run_logs WHERE run_id = %s AND level = ANY(%s)
    ORDER BY id LIMIT %s OFFSET %s
"""
_AFTER = """
    SELECT id, at, level, message FROM headrace.run_logs WHERE run_id = %s AND id > %s AND level = ANY(%s)
    ORDER BY id LIMIT %s
"""
_COUNT = "SELECT count(*) FROM headrace.run_logs WHERE run_id = %s AND level = ANY(%s)"
# A run that ended longer ago was looked at when it had written its last line.
_CROWDED = """
    SELECT r.run_id::text, cut.id FROM (
        SELECT run_id FROM headrace.runs WHERE finished_at IS NULL
        UNION ALL SELECT run_id FROM headrace.runs WHERE finished_at > now() - interval '1 day'
    ) AS r CROSS JOIN LATERAL (
        SELECT id FROM headrace.run_logs WHERE run_id = r.run_id ORDER BY id DESC LIMIT 1 OFFSET %s
    ) AS cut
"""
_TRIM = """
    DELETE FROM headrace.run_logs WHERE id IN (
        SELECT id FROM headrace.run_logs WHERE run_id = %s AND id <= %s ORDER BY id LIMIT %s
    )
"""


async def list_logs(connection: Connection, run_id: str, *, min_level: str, limit: int, offset: int) -> list[LogLine]:
    """Returns lines of `min_level` (one of LEVELS) and above, oldest first."""
    async with connection.cursor(row_factory=class_row(LogLine)) as cursor:
        values = (as_uuid(run_id), _from(min_level), limit, offset)
        return await (await cursor.execute(_LIST, values)).fetchall()


async def logs_after(
    connection: Connection, run_id: str, after_id: int, *, min_level: str, limit: int
) -> list[tuple[int, LogLine]]:
    """Returns the lines that came after the one of that number (0: all), oldest first, each with its own."""
    values = (as_uuid(run_id), after_id, _from(min_level), limit)
    rows = await (await connection.execute(_AFTER, values)).fetchall()
    return [(number, LogLine(at, level, message)) for number, at, level, message in rows]


async def count_logs(connection: Connection, run_id: str, *, min_level: str) -> int:
    """Returns how many lines `list_logs` would give without a limit."""
    row = await (await connection.execute(_COUNT, (as_uuid(run_id), _from(min_level)))).fetchone()
    if row is None:
        raise psycopg.InternalError
    return int(row[0])


async def crowded_runs(connection: Connection) -> list[tuple[str, int]]:
    """Returns the runs at work, or that were a day ago, that have too many lines: each with the last one too many."""
    rows = await (await connection.execute(_CROWDED, (MOST_LINES,))).fetchall()
    return [(run_id, number) for run_id, number in rows]


async def trim_batch(connection: Connection, run_id: str, last: int) -> int:
    """Removes up to TRIM_BATCH of a run's lines, those up to the number `last`; returns how many."""
    return (await connection.execute(_TRIM, (as_uuid(run_id), last, TRIM_BATCH))).rowcount


def _from(min_level: str) -> list[str]:
    return list(LEVELS[LEVELS.index(min_level) :])
