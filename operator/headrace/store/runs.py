"""Runs: the operator's columns, the history, and its end."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from headrace.runspec import RunSpec
from headrace.store.ids import as_uuid, as_uuids
from headrace.store.progress import storable, storable_json
from headrace.store.records import RunRecord, Success

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

COLUMNS: LiteralString = """
    runs.run_id::text, installation, namespace, pipeline_uid::text, pipeline_name, run_name, kind, status, attempt,
    epoch, created_at, started_at, finished_at, error_message, project, pipeline_shown, params, tags, cancel_reason,
    schedule, schedule_uid::text, due_at, backfill, backfill_uid::text, nodes, is_stream, rows_read, rows_written,
    bad_rows, batches, result, notes, stages, caught_up_at
"""
"""Those of a RunRecord."""

# A preview is hidden from the beginning: no list shows it, and no trigger counts it.
_SAVE: LiteralString = """
    INSERT INTO headrace.runs AS r
        (run_id, installation, namespace, pipeline_uid, pipeline_name, run_name, kind, status, attempt, epoch,
         created_at, started_at, finished_at, error_message, project, pipeline_shown, params, tags, cancel_reason,
         schedule, schedule_uid, due_at, backfill, backfill_uid, nodes, is_stream, spec, deleted_at)
    VALUES (%(run_id)s, %(installation)s, %(namespace)s, %(pipeline_uid)s, %(pipeline_name)s, %(run_name)s, %(kind)s,
            %(status)s, %(attempt)s, %(epoch)s, %(created_at)s, %(started_at)s, %(finished_at)s, %(error_message)s,
            %(project)s, %(pipeline_shown)s, %(params)s::jsonb, %(tags)s::jsonb, %(cancel_reason)s, %(schedule)s,
            %(schedule_uid)s, %(due_at)s, %(backfill)s, %(backfill_uid)s, %(nodes)s::jsonb, %(is_stream)s,
            %(spec)s::jsonb, CASE WHEN %(kind)s = 'Preview' THEN now() END)
    ON CONFLICT (run_id) DO UPDATE SET
        status = excluded.status, attempt = excluded.attempt, epoch = coalesce(excluded.epoch, r.epoch),
        started_at = coalesce(excluded.started_at, r.started_at), finished_at = excluded.finished_at,
        error_message = excluded.error_message, project = coalesce(excluded.project, r.project),
        pipeline_shown = coalesce(excluded.pipeline_shown, r.pipeline_shown),
        params = coalesce(excluded.params, r.params), tags = coalesce(excluded.tags, r.tags),
        cancel_reason = coalesce(excluded.cancel_reason, r.cancel_reason),
        schedule = coalesce(excluded.schedule, r.schedule),
        schedule_uid = coalesce(excluded.schedule_uid, r.schedule_uid), due_at = coalesce(excluded.due_at, r.due_at),
        backfill = coalesce(excluded.backfill, r.backfill),
        backfill_uid = coalesce(excluded.backfill_uid, r.backfill_uid), nodes = coalesce(excluded.nodes, r.nodes),
        is_stream = excluded.is_stream OR r.is_stream, spec = coalesce(excluded.spec, r.spec)
    WHERE r.finished_at IS NULL
"""

_FINISH: LiteralString = """
    UPDATE headrace.runs SET status = %s, finished_at = %s, error_message = %s
    WHERE run_id = %s AND finished_at IS NULL
"""

_SHOWN: LiteralString = "pipeline_uid = %(pipeline_uid)s AND deleted_at IS NULL"
_NOT_OF_KIND: LiteralString = "(%(without)s::text IS NULL OR kind <> %(without)s)"

MARKED: LiteralString = "deleted_at < now() - %s ORDER BY deleted_at"
PREVIEWS: LiteralString = "kind = 'Preview' AND created_at < now() - %s ORDER BY created_at"
"""Which runs are purged."""
_PURGE: LiteralString = """
    WITH doomed AS (
        SELECT run_id, pipeline_uid FROM headrace.runs WHERE {} LIMIT %s FOR UPDATE SKIP LOCKED
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
_MARK: LiteralString = """
    UPDATE headrace.runs SET deleted_at = now() WHERE run_id IN (
        SELECT run_id FROM headrace.runs WHERE pipeline_uid = %s AND deleted_at IS NULL LIMIT %s
    ) AND deleted_at IS NULL
"""
MARK_BATCH = 5_000
"""Runs a statement: half a second. A schedule of every 5 seconds makes 120,000 a week."""
PURGE_BATCH = 100
"""Runs a statement: each may have thousands of log lines."""


async def save_run(connection: Connection, record: RunRecord, spec: RunSpec | None) -> None:
    """Writes the operator's columns, and the spec when there is one; a run that is finished stays as it is."""
    await connection.execute(_SAVE, {**_values(record), "spec": spec.to_json() if spec else None})


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
        SELECT {COLUMNS} FROM headrace.runs WHERE {_SHOWN} AND {_NOT_OF_KIND}
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
    query = f"SELECT {COLUMNS} FROM headrace.runs WHERE run_id = %(run_id)s AND {_SHOWN}"
    values = {"run_id": as_uuid(run_id), "pipeline_uid": as_uuid(pipeline_uid)}
    async with connection.cursor(row_factory=class_row(RunRecord)) as cursor:
        return await (await cursor.execute(query, values)).fetchone()


async def find_run(connection: Connection, installation: str, namespace: str, run_id: str) -> RunRecord | None:
    """Returns one run of any pipeline and any kind."""
    query = f"""
        SELECT {COLUMNS} FROM headrace.runs
        WHERE run_id = %s AND (installation, namespace) = (%s, %s) AND deleted_at IS NULL
    """
    async with connection.cursor(row_factory=class_row(RunRecord)) as cursor:
        return await (await cursor.execute(query, (as_uuid(run_id), installation, namespace))).fetchone()


async def get_runs(
    connection: Connection, installation: str, namespace: str, run_ids: Sequence[str]
) -> list[RunRecord]:
    """Returns those that are shown, of any pipeline and any kind."""
    query = f"""
        SELECT {COLUMNS} FROM headrace.runs
        WHERE run_id = ANY(%s) AND (installation, namespace) = (%s, %s) AND deleted_at IS NULL
    """
    async with connection.cursor(row_factory=class_row(RunRecord)) as cursor:
        return await (await cursor.execute(query, (as_uuids(run_ids), installation, namespace))).fetchall()


async def known_runs(connection: Connection, run_ids: Sequence[str]) -> set[str]:
    """Returns those that the store has, also when they are hidden."""
    query = "SELECT run_id::text FROM headrace.runs WHERE run_id = ANY(%s)"
    rows = await (await connection.execute(query, (as_uuids(run_ids),))).fetchall()
    return {run_id for (run_id,) in rows}


async def mark_batch(connection: Connection, pipeline_uid: str) -> int:
    """Hides up to MARK_BATCH runs of a pipeline, which are purged later; returns how many."""
    return (await connection.execute(_MARK, (as_uuid(pipeline_uid), MARK_BATCH))).rowcount


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
    rows = await (await connection.execute(query, (as_uuids(pipeline_uids),))).fetchall()
    return {uid: Success(started_at=started, finished_at=finished) for uid, started, finished in rows}


async def purge_batch(connection: Connection, older_than: timedelta, which: LiteralString = MARKED) -> int:
    """Removes up to PURGE_BATCH runs of before, with logs, mirrors and dead letters; returns how many."""
    query: LiteralString = _PURGE.format(which)
    return (await connection.execute(query, (older_than, PURGE_BATCH))).rowcount


def _values(record: RunRecord) -> dict[str, Any]:
    # Not a deep copy: params may be large.
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    as_json = {name: storable_json(values[name]) for name in ("params", "tags", "nodes")}
    as_text = {name: storable(values[name]) for name in ("error_message", "pipeline_shown", "cancel_reason")}
    return values | as_json | as_text
