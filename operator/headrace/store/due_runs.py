"""The runs of due times: what a schedule or a backfill has asked for already."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row

from headrace.store.ids import as_uuid
from headrace.store.records import DueRun
from headrace.store.runs import Connection

_COLUMNS: LiteralString = "due_at, run_id::text, run_name, status"
_LATEST: LiteralString = f"""
    SELECT DISTINCT ON (due_at) {_COLUMNS} FROM headrace.runs
    WHERE schedule_uid = %(uid)s AND deleted_at IS NULL
"""
_ORDER: LiteralString = "ORDER BY due_at, created_at DESC, runs.run_id DESC"


async def runs_due(connection: Connection, schedule_uid: str, due_times: Sequence[datetime]) -> list[DueRun]:
    """Returns the latest run of each of these due times that has one, by due time."""
    query = f"{_LATEST} AND due_at = ANY(%(times)s) {_ORDER}"
    return await _runs(connection, query, {"uid": as_uuid(schedule_uid), "times": list(due_times)})


async def runs_of_schedule(
    connection: Connection, schedule_uid: str, due_from: datetime, due_to: datetime
) -> list[DueRun]:
    """Returns the latest run of each due time from `due_from` until before `due_to` that has one, by due time."""
    query = f"{_LATEST} AND due_at >= %(since)s AND due_at < %(until)s {_ORDER}"
    return await _runs(connection, query, {"uid": as_uuid(schedule_uid), "since": due_from, "until": due_to})


async def runs_of_backfill(connection: Connection, backfill_uid: str) -> list[DueRun]:
    """Returns all runs that a backfill asked for, by due time; of one due time the latest comes last."""
    query = f"""
        SELECT {_COLUMNS} FROM headrace.runs WHERE backfill_uid = %(uid)s AND deleted_at IS NULL
        ORDER BY due_at, created_at, runs.run_id
    """
    return await _runs(connection, query, {"uid": as_uuid(backfill_uid)})


async def _runs(connection: Connection, query: LiteralString, values: dict[str, Any]) -> list[DueRun]:
    async with connection.cursor(row_factory=class_row(DueRun)) as cursor:
        return await (await cursor.execute(query, values)).fetchall()
