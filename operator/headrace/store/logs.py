"""The lines that a run's runners wrote; they outlive their pods."""

from typing import Any

import psycopg
from psycopg.rows import class_row

from headrace.store.ids import as_uuid
from headrace.store.progress import LogLine

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# By id, not by time: the clocks of two pods may differ.
_LIST = """
    SELECT at, level, message FROM headrace.run_logs WHERE run_id = %s AND level = ANY(%s)
    ORDER BY id LIMIT %s OFFSET %s
"""


async def list_logs(
    connection: psycopg.AsyncConnection[tuple[Any, ...]], run_id: str, *, min_level: str, limit: int, offset: int
) -> list[LogLine]:
    """Returns lines of `min_level` (one of LEVELS) and above, oldest first."""
    levels = list(LEVELS[LEVELS.index(min_level) :])
    async with connection.cursor(row_factory=class_row(LogLine)) as cursor:
        return await (await cursor.execute(_LIST, (as_uuid(run_id), levels, limit, offset))).fetchall()
