"""Runs: the operator's columns, the history, and its end."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from headrace.runspec import RunSpec
from headrace.store.ids import as_uuid
from headrace.store.progress import storable
from headrace.store.records import RunRecord, Success

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_COLUMNS: LiteralString = """
    run_id::text, installation, namespace, pipeline_uid::text, pipeline_name, run_name, kind, status, attempt, epoch,
    created_at, started_at, finished_at, error_message, rows_read, rows_written, bad_rows, batches,
    result
"""

_SAVE: LiteralString = """
    INSERT INTO headrace.runs AS r
        (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind, status, attempt, epoch,
         created_at, started_at, finished_at, error_message, spec)
    VALUES (%(run_id)s, %(installation)s, %(namespace)s, %(pipeline_uid)s, %(pipeline_name)s, %(run_name)s, %(kind)s,
            %(status)s, %(attempt)s, %(epoch)s, %(created_at)s, %(started_at)s, %(finished_at)s, %(error_message)s,
            %(spec)s::jsonb)
    ON CONFLICT (run_id) DO UPDATE SET
        status = excluded.status, attempt = excluded.attempt, epoch = coalesce(excluded.epoch, r.epoch),
        started_at = coalesce(excluded.started_at, r.started_at), finished_at = excluded.finished_at,
        error_message = excluded.error_message, spec = coalesce(excluded.spec, r.spec)
    WHERE r.finished_at IS NULL
"""

_FINISH: LiteralString = """
    UPDATE headrace.runs SET status = %s, finished_at = %s, error_message = %s
    WHERE run_id = %s AND finished_at IS NULL
"""

_SHOWN: LiteralString = "pipeline_uid = %(pipeline_uid)s AND deleted_at IS NULL"
_NOT_OF_KIND: LiteralString = "(%(without)s::text IS NULL OR kind <> %(without)s)"

_PURGE: LiteralString = """
    WITH doomed AS (
        SELECT run_id, pipeline_uid FROM headrace.runs WHERE deleted_at < now() - %s
        ORDER BY deleted_at LIMIT %s FOR UPDATE SKIP LOCKED
    ), logs AS (
        DELETE FROM headrace.run_logs USING doomed WHERE run_logs.run_id = doomed.run_id
    ), mirror AS (
        DELETE FROM headrace.checkpoints USING doomed WHERE checkpoints.run_id = doomed.run_id
    ), letters AS (
        -- By the pipeline, for there is an index; those of a namesake that lives have its runs.
        DELETE FROM headrace.dead_letters USING doomed
        WHERE dead_letters.pipeline_uid = doomed.pipeline_uid AND dead_letters.run_id = doomed.run_id
    )
    DELETE FROM headrace.runs USING doomed WHERE runs.run_id = doomed.run_id
"""
PURGE_BATCH = 100
"""Runs a statement: each may have thousands of log lines."""


async def save_run(connection: Connection, record: RunRecord, spec: RunSpec | None) -> None:
    """Writes the operator's columns, and the spec when there is one; a run that is finished stays as it is."""
    values = dataclasses.asdict(record)
    values["error_message"] = storable(record.error_message)
    await connection.execute(_SAVE, {**values, "spec": spec.to_json() if spec else None})


async def finish_run(
    connection: Connection, run_id: str, *, status: str, finished_at: datetime, error_message: str | None
) -> None:
    """Writes how a run ended; the first to say so wins."""
    await connection.execute(_FINISH, (status, finished_at, storable(error_message), as_uuid(run_id)))


async def list_runs(
    connection: Connection, pipeline_uid: str, *, limit: int, offset: int, without: str | None
) -> list[RunRecord]:
    """Returns a pipeline's runs of all kinds but one, newest first; those created at the same time by descending id."""
    query = f"""
        SELECT {_COLUMNS} FROM headrace.runs WHERE {_SHOWN} AND {_NOT_OF_KIND}
        ORDER BY created_at DESC, run_id DESC LIMIT %(limit)s OFFSET %(offset)s
    """
    values = {"pipeline_uid": as_uuid(pipeline_uid), "without": without, "limit": limit, "offset": offset}
    async with connection.cursor(row_factory=class_row(RunRecord)) as cursor:
        return await (await cursor.execute(query, values)).fetchall()


async def count_runs(connection: Connection, pipeline_uid: str, *, without: str | None) -> int:
    """Returns how many runs `list_runs` would give without a limit."""
    query = f"SELECT count(*) FROM headrace.runs WHERE {_SHOWN} AND {_NOT_OF_KIND}"
    cursor = await connection.execute(query, {"pipeline_uid": as_uuid(pipeline_uid), "without": without})
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def get_run(connection: Connection, run_id: str, *, pipeline_uid: str) -> RunRecord | None:
    """Returns one run of a pipeline, of any kind."""
    query = f"SELECT {_COLUMNS} FROM headrace.runs WHERE run_id = %(run_id)s AND {_SHOWN}"
    values = {"run_id": as_uuid(run_id), "pipeline_uid": as_uuid(pipeline_uid)}
    async with connection.cursor(row_factory=class_row(RunRecord)) as cursor:
        return await (await cursor.execute(query, values)).fetchone()


async def mark_deleted(connection: Connection, pipeline_uid: str) -> None:
    """Hides all runs of a pipeline; they are purged later."""
    query = "UPDATE headrace.runs SET deleted_at = now() WHERE pipeline_uid = %s AND deleted_at IS NULL"
    await connection.execute(query, (as_uuid(pipeline_uid),))


async def pipelines_with_history(connection: Connection, installation: str, namespace: str) -> set[str]:
    """Returns the uids of the pipelines whose runs are shown; jumps from one to the next in the index."""
    query = """
        WITH RECURSIVE each AS (
            (SELECT pipeline_uid, installation, namespace FROM headrace.runs WHERE deleted_at IS NULL
             ORDER BY pipeline_uid LIMIT 1)
            UNION ALL
            SELECT next.* FROM each CROSS JOIN LATERAL (
                SELECT pipeline_uid, installation, namespace FROM headrace.runs
                WHERE deleted_at IS NULL AND pipeline_uid > each.pipeline_uid ORDER BY pipeline_uid LIMIT 1
            ) AS next
        )
        SELECT pipeline_uid::text FROM each WHERE (installation, namespace) = (%s, %s)
    """
    rows = await (await connection.execute(query, (installation, namespace))).fetchall()
    return {str(row[0]) for row in rows}


async def last_successes(connection: Connection, pipeline_uids: Sequence[str]) -> dict[str, Success]:
    """Returns of each pipeline the load that succeeded last, if there is one."""
    query = """
        SELECT asked.uid::text, found.started_at, found.finished_at
        FROM unnest(%s::uuid[]) AS asked (uid) CROSS JOIN LATERAL (
            SELECT started_at, finished_at FROM headrace.runs
            WHERE pipeline_uid = asked.uid AND deleted_at IS NULL AND status = 'SUCCESS'
              AND kind IN ('Load', 'Rebuild') AND started_at IS NOT NULL AND finished_at IS NOT NULL
            ORDER BY created_at DESC, run_id DESC LIMIT 1
        ) AS found
    """
    ids = [uuid for uuid in map(as_uuid, pipeline_uids) if uuid is not None]
    rows = await (await connection.execute(query, (ids,))).fetchall()
    return {uid: Success(started_at=started, finished_at=finished) for uid, started, finished in rows}


async def purge_batch(connection: Connection, older_than: timedelta) -> int:
    """Removes up to PURGE_BATCH runs that were marked before, with logs, mirrors and dead letters; returns how many."""
    return (await connection.execute(_PURGE, (older_than, PURGE_BATCH))).rowcount
